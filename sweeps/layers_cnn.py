"""The tf.layers CNN on MNIST: what do different settings do to the result?

The base trial is the tutorial's recipe: two blocks of 5x5 convolution and pooling with 32 and 64 filters, a dense layer
of 1,024, dropout 0.4, Glorot initialisation, gradient descent with 0.001, 20,000 steps of batch 100.

Command: python sweeps/layers_cnn.py --steps 1000
Cost: 65 trials; the base trial's 20,000 steps take about 38 minutes of one core of an AMD EPYC
Result: the base trial reaches 96.97% on test (n = 3, 95% interval 96.75 to 97.19; the tutorial printed 97.3%), from
uniform unit scaling instead of Glorot's weights, the second trial, 97.41% (n = 1, 97.1 to 97.7); the axes have not been
run yet
"""

import mnist_sweep
from mnist_sweep import CNN, MNIST, Adam, GradientDescent, Momentum, Sweep, TrialConfig, grid

BASE = TrialConfig(
    data=MNIST(),
    model=CNN(filters=(32, 64), kernel_size=5, units=1024, dropout=0.4),
    optimizer=GradientDescent(learning_rate=0.001),
    num_steps=20_000,
    batch_size=100,
    evaluate_every=1000,
)

AXES = {
    "model.filters": [(32, 64), (16, 32)],
    "model.kernel_size": [5, 3],
    "model.units": [1024, 256],
    "model.dropout": [0.4, 0.0],
    "optimizer": [
        GradientDescent(learning_rate=0.001),
        GradientDescent(learning_rate=0.1),
        Momentum(learning_rate=0.01),
        Adam(learning_rate=0.001),
    ],
}

# What the tutorial's own TensorFlow most likely started from.
UNIT_SCALING = grid(BASE, {"model.initializer": ["lecun_uniform"]})

SWEEP = Sweep(name="layers_cnn", trials=[BASE, *UNIT_SCALING, *grid(BASE, AXES)[1:]])

if __name__ == "__main__":
    mnist_sweep.main(__file__)
