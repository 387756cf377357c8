"""Optimizers, learning-rate schedules and losses, as frozen values with all their numbers.

May import: everything up to `models`. Begin with `optimizers`.
"""
