"""The report of a sweep, generated from its rows alone.

Each module of `sections` returns a section made of `blocks`; `html` and `markdown` render the same blocks.
May import: everything up to `predict`. Begin with `writer`.
"""
