"""A sweep: named trials or a search, and the one operation on it, running what is missing.

May import: everything up to `runners`. Begin with `sweep`, then `execution` and `recorder`.
"""
