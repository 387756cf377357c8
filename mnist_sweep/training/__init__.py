"""Training one model: a pure function of config and data, with no Ray.

May import: everything up to `results`. Begin with `fitting`, then `loop`, `network` and `train_step`.
"""
