"""Asks a kept model about images of the user's own.

May import: everything up to `analysis`. Begin with `classify`.
"""
