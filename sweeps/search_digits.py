"""A search on the digits: which learning rate, dropout and optimizer does Optuna's TPE find in 40 trials?

Each trial is proposed from the validation accuracies of those before it. The space is the quickstart's network with
ranges where the quickstart has lists.

Command: python sweeps/search_digits.py
Cost: 40 trials of 280 steps of batch 50; 9 to 10 s on 2 quiet cores of an AMD EPYC (n = 3), start-up included
Result: the best of 40 has 98.0% of validation and 95.7% of test (RMSProp 0.019, dropout 0.18), the next four 95.3 to
96.0% (momentum 0.03 to 0.10, dropout 0.16 to 0.27); the best of the quickstart's 40 listed trials has 97.3 and 92.7%.
All this is one seed, and the first place of so many is partly luck: run the best few with `--seeds 5` from a list.
"""

import mnist_sweep
from mnist_sweep import (
    CNN,
    Adam,
    Choice,
    Digits,
    GradientDescent,
    LogUniform,
    Momentum,
    RMSProp,
    Search,
    Sweep,
    TrialConfig,
    Uniform,
)

BASE = TrialConfig(
    data=Digits(), model=CNN(filters=(16, 32), kernel_size=3, units=64), num_steps=280, evaluate_every=28
)

AXES = {
    "optimizer": Choice((Adam(), RMSProp(), Momentum(), GradientDescent())),
    "optimizer.learning_rate": LogUniform(low=1e-4, high=1.0),
    "model.dropout": Uniform(low=0.0, high=0.6),
}

SWEEP = Sweep(name="search_digits", search=Search(base=BASE, axes=AXES, num_trials=40))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
