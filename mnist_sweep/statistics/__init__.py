"""Statistics of accuracies: intervals, paired tests, multiple comparisons, selection bias; and of the time left.

Functions of numbers and arrays; `analysis` decides what they are applied to. May import: `errors`, `validation`,
`text`, `system`. Begin with `intervals`.
"""
