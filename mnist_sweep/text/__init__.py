"""Text for people: names of trials, numbers with their units, and lines that are safe to print.

May import: `errors`, `validation`. Begin with `names`, then `numbers` and `lines`.
"""
