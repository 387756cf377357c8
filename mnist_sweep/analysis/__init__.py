"""Analysis of a sweep: which config is best, what each hyperparameter does, whether a difference is real.

Functions take a results folder or its trials and return values; `cli.views` prints them and `reports` draws them. A
module named `*_wording` holds the returned value and its wording. May import: everything up to `sweep`. Begin with
`selection`.
"""
