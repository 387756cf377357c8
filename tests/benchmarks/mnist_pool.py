"""The runs of a pool for races: 12 small networks on MNIST, to be trained with 10 seeds each.

Command: mnist-sweep run tests/benchmarks/mnist_pool.py --seeds 10 --keep-models none --no-predictions
Cost: 120 trials of 300 steps
Result: results/reference/benchmarks/race_pool_mnist.csv, validation accuracies of 5,000 images
"""

import mnist_sweep
from mnist_sweep import CNN, MNIST, Adagrad, Adam, Momentum, RMSProp, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=MNIST(test_size=1_000),
    model=CNN(filters=(8, 16), kernel_size=3, units=64),
    num_steps=300,
    batch_size=50,
    evaluate_every=300,
)

AXES = {
    "model.dropout": [0.0, 0.3],
    "optimizer": [
        Momentum(learning_rate=0.05),
        Momentum(learning_rate=0.1),
        Adam(learning_rate=0.002),
        Adam(learning_rate=0.004),
        RMSProp(learning_rate=0.002),
        Adagrad(learning_rate=0.05),
    ],
}

SWEEP = Sweep(name="mnist_pool", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
