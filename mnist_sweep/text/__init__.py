"""Names and numbers as people read them: labels of trials, counts, sizes, durations, percentages, points.

May import: `errors`, `validation`. Begin with `names`.
"""
