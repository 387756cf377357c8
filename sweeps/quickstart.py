"""Which optimizer, how much dropout and how many filters suit small handwritten digits?

Data: the 1,797 handwritten 8x8 digits that come with scikit-learn; nothing is downloaded.
Command: python sweeps/quickstart.py
Cost: 40 trials of 240 steps; 7 to 10 s on 2 cores of an AMD EPYC (n = 10), start-up included
Result: momentum 0.05 comes first (mean validation accuracy 95.2%, n = 8), gradient descent 0.5 and Adam 0.003 next
(92.8 and 92.7%), then Adagrad 0.05 (88.4%) and RMSProp 0.003 (86.2%). 8 and 16 filters (91.4%) are as good as 16 and 32
(90.7%, n = 20 each). All this is one seed, and networks of one size start from the same weights then: run `--seeds 5`
before believing the order of neighbours. No effect of dropout up to 0.4 is shown.
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
