"""A search on the digits: which learning rate, dropout and optimizer does Optuna's TPE find in 40 trials?

Each trial is proposed from the validation accuracies of those before it. The space is the quickstart's network with
ranges where the quickstart has lists.

Command: python sweeps/search_digits.py
Cost: 40 trials of 280 steps of batch 50
Result: to be measured
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
