"""Trackers show each row elsewhere: MLflow, Weights & Biases; `tensorboard` shows a trial while it trains.

May import: everything up to `training`. Begin with `protocol`, the interface; `sync` sends the rows.
"""
