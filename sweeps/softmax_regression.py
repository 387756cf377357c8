"""Softmax regression on MNIST: what do learning rate, batch size and the optimizer do to the simplest of networks?

The base trial is the tutorial's recipe: weights and biases from zero, gradient descent with 0.5 on the mean
cross-entropy, 1,000 steps of batch 100. Its variant with 0.01 on the summed cross-entropy of batch 50 is the same as
0.5 on the mean, and is among the trials.

Command: python sweeps/softmax_regression.py --seeds 3
Cost: 84 trials of 1,000 steps; 68 s on 2 busy cores of an AMD EPYC (Zen 3), n = 1
Result: the recipe 91.7% on test (n = 3, 95% interval 90.5 to 92.9; published 91 to 92%), Adam 0.01 92.2%;
Adagrad 0.2 over 0.01 +3.2 points of validation; no significant effect of the batch size;
results/reference/softmax_regression
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
