"""The effect of each hyperparameter on the validation accuracy, with its uncertainty.

Begin with `effects_of_trials`. `marginal_means` holds the means and their confidence intervals, `fanova` the shares of
variance, `interactions` their tests, `wording` what is said of them.
"""
