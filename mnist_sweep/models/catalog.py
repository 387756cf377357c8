"""The built-in models by the names that rows give them."""

from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.protocol import Model
from mnist_sweep.models.resnet import ResNet
from mnist_sweep.models.softmax_regression import Softmax

MODELS: dict[str, type[Model]] = {"cnn": CNN, "resnet": ResNet, "softmax": Softmax}


def is_builtin(model: object) -> bool:
    """Return whether a model is built in: such models draw by initializers only and branch on no tensor."""
    return type(model) in MODELS.values()
