"""A results folder: the ledger of rows, and every file that is derived from it or lies beside it.

May import: everything up to `search`. Begin with `ledger`, the memory of a sweep, then `csv_io`.
"""
