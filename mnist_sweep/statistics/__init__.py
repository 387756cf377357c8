"""Statistics of accuracies: intervals, paired tests, multiple comparisons, configs with unequal variances.

Functions of numbers and arrays; what they are asked about is the business of `analysis`. May import: `errors`,
`validation`, `text`, `system`. Begin with `intervals`.
"""
