"""The effect of each hyperparameter on the validation accuracy, with its uncertainty.

Begin with `estimation`. `marginal_means` holds the means and their confidence intervals, `importance` the shares of
variance, `interactions` their tests, `wording` what is said of them.
"""
