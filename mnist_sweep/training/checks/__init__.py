"""Checks of models, losses and objectives on a sample of the data, before any trial trains.

Begin with `models_to_check`, which checks each model of a sweep once. `refused_models`, `refused_losses` and
`refused_objectives` hold what is refused, and why.
"""
