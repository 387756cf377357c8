"""TensorBoard logs of a trial: learning curve, weights, activations, graph, traces and hyperparameters.

Begin with `writer`.
"""
