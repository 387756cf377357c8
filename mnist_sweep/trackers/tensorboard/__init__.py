"""What TensorBoard shows of a trial: curves, weights, activations, graph, traces, hyperparameters.

Begin with `writer`.
"""
