"""The interface of a model: frozen hyperparameters with a `build` method, or with a `train` method of their own.

A field marked with `metadata=VARIABLE` is a number that the built model keeps in a weight rather than in its structure;
trials of a worker that differ only in such fields share one traced graph. A model of one's own whose mark is wrong,
such as a subclass of CNN with layers of its own, is refused before any trial trains.
"""

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from mnist_sweep.errors import ConfigError

if TYPE_CHECKING:
    import keras

VARIABLE = MappingProxyType({"variable": True})


class Model(Protocol):
    """Hyperparameters of a network: any frozen dataclass with this method.

    A model may also have `check(image_shape, num_classes)`, which raises ConfigError for images that do not fit; it is
    called for every trial before the first one starts, and must not load TensorFlow. With `describe(image_shape,
    num_classes)`, which returns a LayerShape for each layer, `mnist-sweep plan` shows the model without building it.
    """

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Return a new, untrained model, which depends on nothing but the fields, the arguments and Keras' seed.

        It may be functional, sequential or subclassed, and may get its weights in its first call. The sweep trains it:
        what `compile` was given, `fit` and `train_step` are ignored; losses that layers add and constraints of weights
        are not. Before any trial trains, `training.checks.models_to_check` holds it against this contract.

        Args:
            image_shape: Height, width and channels of an image.
            num_classes: Number of logits.

        Returns:
            A model from float32 images in [0, 1] of shape `(batch, *image_shape)`, of any number, to logits
            `(batch, num_classes)`, without a softmax or sigmoid. All its state is in variables of its layers, random
            numbers come from Keras' seed generators, and in evaluation (`training=False`) the logits of an image depend
            on that image and the variables alone.
        """


class TrainingCode(Protocol):
    """Hyperparameters of training code of the user's own: any frozen dataclass with this method and no `build`.

    Code that need not compute the same bits twice declares `DETERMINISTIC = False` in its class, and its rows say so.
    """

    def train(self, context: Any) -> Any:
        """Train, report and return what the trained model predicts.

        Args:
            context: The trial, a `training.context.Context`.

        Returns:
            `Predictions` of validation and test, or a dictionary with `test_accuracy` or `predictions`, and if wanted
            `val_accuracy`, `val_loss` and the number of `parameters` of the trained model.
        """


def trains_itself(model: object) -> bool:
    """Return whether a model brings its own training code."""
    return callable(getattr(type(model), "train", None))


def check_training_code(model: Any) -> None:
    """Validate that `train` of a model can be called with a context, and that it has no `build` besides.

    Raises:
        ConfigError: It cannot be, or returns before it trains, as a generator does.
    """
    name = type(model).__name__
    if hasattr(model, "build"):
        raise ConfigError(f"{name} has both `build` and `train`: rename the one that the sweep is not to call.")
    if inspect.iscoroutinefunction(model.train) or inspect.isgeneratorfunction(model.train):
        raise ConfigError(f"`train` of {name} must be a plain function, without `async` and `yield`.")
    try:
        inspect.signature(model.train).bind(object())
    except TypeError as error:
        rule = f"`train` of {name} must take a context, as in `def train(self, context)`"
        raise ConfigError(f"{rule}, but: {error}.") from None
