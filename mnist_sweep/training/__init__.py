"""Training of one model, as a pure function of config and data, without Ray.

May import: everything up to `results`. Begin with `fitting`, then `training_loop`, `network` and `train_step`.
"""
