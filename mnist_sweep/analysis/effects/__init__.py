"""What each hyperparameter does to the validation accuracy, with its uncertainty.

Begin with `estimation`; `anova` holds the formulas and `sentences` the words.
"""
