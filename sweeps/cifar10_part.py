"""A fifth of CIFAR-10 on a CPU: what do depth and augmentation do to a residual network in an hour?

The recipe of `cifar10_resnet.py` on the 9,000 training and 1,000 validation images of the first of five files, for
about 57 epochs, with the learning rate divided by 10 at the same shares of the trial.

Command: python sweeps/cifar10_part.py
Cost: 4 trials of 4,000 steps of batch 128; 34 minutes of one core of an AMD EPYC for ResNet-20, 10 for ResNet-8
Result: with augmentation ResNet-20 reaches 77.95% on all 10,000 test images (95% interval 77.1 to 78.8), ResNet-8
70.0% (69.1 to 70.9), n = 1 each; without it they have not been run
"""

import mnist_sweep
from mnist_sweep import CIFAR10, Momentum, ResNet, Stepwise, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=CIFAR10(train_size=9_000, val_size=1_000),
    model=ResNet(depth=20),
    optimizer=Momentum(learning_rate=0.1, momentum=0.9),
    schedule=Stepwise(boundaries=(1_600, 2_400, 3_200), factor=0.1, warmup_steps=100),
    num_steps=4_000,
    batch_size=128,
    evaluate_every=200,
    log_every=50,
    weight_decay=2e-4,
    augmentation="pad_crop_flip",
)

AXES = {"model.depth": [20, 8], "augmentation": ["pad_crop_flip", "none"]}

SWEEP = Sweep(name="cifar10_part", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
