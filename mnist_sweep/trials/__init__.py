"""A trial: the frozen value that says everything needed to run it again, its id, and the row that it becomes.

May import: everything up to `optim`. Begin with `config`, then `row`.
"""
