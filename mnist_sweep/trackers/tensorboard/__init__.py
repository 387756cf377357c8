"""TensorBoard logs of a trial: learning curve, weights, activations, graph, traces. Begin with `writer`."""
