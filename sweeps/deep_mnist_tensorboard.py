"""Deep MNIST with everything shown in TensorBoard: what does dropout do to weights, activations and accuracy?

The base trial is the expert tutorial's network and optimizer, for 3,000 steps.

Command: python sweeps/deep_mnist_tensorboard.py --summaries full
Cost: 3 trials of 3,000 steps; 10 minutes on 2 cores of an AMD EPYC, a sixth of it for what is shown
Result: the base trial reaches 98.1% on test (n = 3, 95% interval 97.7 to 98.4); after 3,000 steps dropout 0.8 is worse
than 0.5 by 0.85 points of validation (0.42 to 1.27), and no difference is shown between 0 and 0.5
"""

import mnist_sweep
from mnist_sweep import CNN, MNIST, Adam, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=MNIST(),
    model=CNN(filters=(32, 64), kernel_size=5, units=1024, dropout=0.5, initializer="truncated_normal"),
    optimizer=Adam(learning_rate=1e-4),
    num_steps=3000,
    batch_size=50,
    evaluate_every=100,
    log_every=10,
)

AXES = {"model.dropout": [0.5, 0.0, 0.8]}

SWEEP = Sweep(name="deep_mnist_tensorboard", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
