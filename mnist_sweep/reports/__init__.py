"""The report of a sweep: one page that answers a reader's questions, made from the rows alone.

Each module of `sections` says what it has to say in `blocks`; `html` and `markdown` write the same blocks.
May import: everything up to `predict`. Begin with `writer`.
"""
