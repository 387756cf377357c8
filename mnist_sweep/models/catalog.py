"""The models by the names that rows know them by."""

from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.protocol import Model
from mnist_sweep.models.resnet import ResNet
from mnist_sweep.models.softmax import Softmax

MODELS: dict[str, type[Model]] = {"cnn": CNN, "resnet": ResNet, "softmax": Softmax}


def is_own(model: object) -> bool:
    """Return whether a model is one of the package's, which draw by initializers only and branch on no tensor."""
    return type(model) in MODELS.values()
