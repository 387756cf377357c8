"""Softmax regression on MNIST: what do learning rate, batch size and the optimizer do to the simplest of networks?

The base trial is the tutorial's recipe: weights and biases from zero, gradient descent with 0.5 on the mean
cross-entropy, 1,000 steps of batch 100. Its variant with 0.01 on the summed cross-entropy of batch 50 is the same as
0.5 on the mean, and is among the trials.

Command: python sweeps/softmax_regression.py
Cost: 28 trials of 1,000 steps
Result: to be measured
"""

import mnist_sweep
from mnist_sweep import MNIST, Adagrad, Adam, GradientDescent, Momentum, RMSProp, Softmax, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=MNIST(),
    model=Softmax(),
    optimizer=GradientDescent(learning_rate=0.5),
    num_steps=1000,
    batch_size=100,
    evaluate_every=100,
)

AXES = {
    "batch_size": [100, 50],
    "optimizer": [
        GradientDescent(learning_rate=0.5),
        GradientDescent(learning_rate=0.1),
        GradientDescent(learning_rate=1.0),
        Momentum(learning_rate=0.01),
        Momentum(learning_rate=0.05),
        Momentum(learning_rate=0.1),
        Adam(learning_rate=0.001),
        Adam(learning_rate=0.003),
        Adam(learning_rate=0.01),
        RMSProp(learning_rate=0.001),
        RMSProp(learning_rate=0.003),
        Adagrad(learning_rate=0.01),
        Adagrad(learning_rate=0.05),
        Adagrad(learning_rate=0.2),
    ],
}

SWEEP = Sweep(name="softmax_regression", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
