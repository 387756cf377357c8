"""The CIFAR-10 ResNet: what do depth, learning rate, weight decay and augmentation do to the result?

The base trial is the whole recipe (He et al. 2015, arXiv 1512.03385, section 4.2, with the schedule and the weight
decay of TensorFlow's official model): batch 128, momentum 0.9, learning rate 0.1 divided by 10 at epochs 100, 150 and
200 of 250, weight decay 2e-4, pad-crop-flip; 352 steps are one epoch of the 45,000 training images. It needs a GPU:
`cifar10_part.py` asks the same of a part of the images on a CPU.

Command: python sweeps/cifar10_resnet.py --gpus-per-trial 1
Cost: 24 trials of 88,000 steps, not run here
Images: their augmentation and standardisation take 0.6% of a step on one core of a CPU (n = 3); 1.6% of ResNet-8's
Result: published are 91.25% for ResNet-20 and 92.49% for ResNet-32 (table 6 of the paper, weight decay 1e-4)
"""

import mnist_sweep
from mnist_sweep import CIFAR10, Momentum, ResNet, Stepwise, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=CIFAR10(),
    model=ResNet(depth=20),
    optimizer=Momentum(learning_rate=0.1, momentum=0.9),
    schedule=Stepwise(boundaries=(35_200, 52_800, 70_400), factor=0.1),
    num_steps=88_000,
    batch_size=128,
    evaluate_every=1760,
    log_every=100,
    weight_decay=2e-4,
    augmentation="pad_crop_flip",
)

AXES = {
    "model.depth": [20, 32, 56],
    "optimizer.learning_rate": [0.1, 0.03],
    "weight_decay": [2e-4, 1e-4],
    "augmentation": ["pad_crop_flip", "none"],
}

SWEEP = Sweep(name="cifar10_resnet", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
