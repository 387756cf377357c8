"""Which optimizer, learning rate, filters and dropout suit MNIST, and what does stopping early miss?

Command: python sweeps/asha_mnist.py --scheduler asha
Cost: 64 trials of 3,200 steps, 16 evaluations each; without `--scheduler asha` about 11 minutes on 2 quiet cores, as
reckoned from 500 steps of a trial of either size (3.2 and 6.0 s of processor time); not run whole yet
Result: not known yet; `python -m tests.benchmarks.halving` runs both and compares them
"""

import mnist_sweep
from mnist_sweep import CNN, MNIST, Adam, Cosine, GradientDescent, Momentum, RMSProp, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=MNIST(),
    model=CNN(filters=(16, 32), kernel_size=3, units=64),
    schedule=Cosine(),
    num_steps=3200,
    batch_size=50,
    evaluate_every=200,
)

AXES = {
    "model.filters": [(16, 32), (8, 16)],
    "model.dropout": [0.0, 0.4],
    "optimizer": [
        GradientDescent(learning_rate=0.5),
        GradientDescent(learning_rate=0.1),
        GradientDescent(learning_rate=0.02),
        GradientDescent(learning_rate=0.004),
        Momentum(learning_rate=0.1),
        Momentum(learning_rate=0.02),
        Momentum(learning_rate=0.004),
        Momentum(learning_rate=0.0008),
        Adam(learning_rate=0.01),
        Adam(learning_rate=0.002),
        Adam(learning_rate=0.0004),
        Adam(learning_rate=0.00008),
        RMSProp(learning_rate=0.01),
        RMSProp(learning_rate=0.002),
        RMSProp(learning_rate=0.0004),
        RMSProp(learning_rate=0.00008),
    ],
}

SWEEP = Sweep(name="asha_mnist", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
