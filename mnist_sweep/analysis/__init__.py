"""The answers: which config is best, what each hyperparameter does, whether a difference is real.

Functions return values; `cli.views` prints them and `reports` draws them. May import: everything up to `sweep`.
Begin with `selection`.
"""
