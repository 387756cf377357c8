"""Which optimizer, how much dropout, how many filters: a first look on small real digits.

Data: the 1,797 handwritten 8x8 digits that come with scikit-learn; nothing is downloaded.
"""

import mnist_sweep
from mnist_sweep import CNN, Adagrad, Adam, Digits, GradientDescent, Momentum, RMSProp, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=Digits(),
    model=CNN(filters=(8, 16), kernel_size=3, units=64),
    num_steps=240,
    batch_size=50,
    evaluate_every=24,
)

AXES = {
    "model.filters": [(8, 16), (16, 32)],
    "model.dropout": [0.0, 0.2, 0.4, 0.6],
    "optimizer": [
        GradientDescent(learning_rate=0.5),
        Momentum(learning_rate=0.05),
        Adam(learning_rate=0.003),
        RMSProp(learning_rate=0.003),
        Adagrad(learning_rate=0.05),
    ],
}

SWEEP = Sweep(name="quickstart", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
