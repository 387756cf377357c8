"""Models: frozen hyperparameters that build an untrained Keras model for any image shape.

May import: everything up to `data`. Begin with `protocol`, the interface, then `cnn`; `catalog` lists them by
name, and `inference` evaluates them in batches.
"""
