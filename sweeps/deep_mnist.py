"""Deep MNIST: what do filters, dropout and the optimizer do to the classic convolutional network?"""

import mnist_sweep
from mnist_sweep import CNN, MNIST, Adagrad, Adam, GradientDescent, Momentum, RMSProp, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=MNIST(),
    model=CNN(filters=(32, 64), kernel_size=5, units=1024, dropout=0.5, initializer="truncated_normal"),
    optimizer=Adam(learning_rate=1e-4),
    num_steps=20_000,
    batch_size=50,
    evaluate_every=500,
)

AXES = {
    "model.filters": [(16, 32), (32, 64)],
    "model.dropout": [0.0, 0.5],
    "optimizer": [
        Adam(learning_rate=1e-4),
        RMSProp(learning_rate=1e-4),
        Adagrad(learning_rate=0.01),
        Momentum(learning_rate=0.003),
        GradientDescent(learning_rate=0.03),
    ],
}

SWEEP = Sweep(name="deep_mnist", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
