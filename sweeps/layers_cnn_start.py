"""The first steps of the tf.layers CNN: which initial weights did its tutorial start from?

Its log shows a cross-entropy of 2.36026 on the batch of step 1 and of 2.13119 on that of step 101. The recipe says
nothing of initial weights; TensorFlow's default was uniform unit scaling before it was Glorot's.

Command: python sweeps/layers_cnn_start.py --runner local
Cost: 10 trials of 101 steps; 3 minutes on one busy core of an AMD EPYC
Result: from Glorot's weights the batch of step 1 has 2.30 to 2.32 and that of step 101 2.28 to 2.31; from unit scaling
2.30 to 2.37 and 2.15 to 2.25 (5 seeds each). The tutorial's curve is not one from Glorot's weights.
"""

import mnist_sweep
from mnist_sweep import CNN, MNIST, GradientDescent, Sweep, TrialConfig, grid, repeat

BASE = TrialConfig(
    data=MNIST(),
    model=CNN(filters=(32, 64), kernel_size=5, units=1024, dropout=0.4),
    optimizer=GradientDescent(learning_rate=0.001),
    num_steps=101,
    batch_size=100,
    evaluate_every=101,
    log_every=1,
)

AXES = {"model.initializer": ["glorot_uniform", "lecun_uniform"]}

SWEEP = Sweep(name="layers_cnn_start", trials=repeat(grid(BASE, AXES), seeds=5))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
