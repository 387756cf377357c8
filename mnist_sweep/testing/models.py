"""The contract of a model: a frozen value whose `build` returns an untrained Keras model from images to logits."""

import dataclasses
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.models.protocol import Model
from mnist_sweep.testing.law import law
from mnist_sweep.training import runtime
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_IMAGES = 8
NUM_STEPS = 4


def check_model(model: Model, *, image_shape: tuple[int, int, int] = (8, 8, 1), num_classes: int = 10) -> None:
    """Validate that a model keeps the contract; builds and trains it a few times on random images.

    Args:
        model: The hyperparameters, at the top of a module that can be imported.
        image_shape: Height, width and channels of the images to build it for.
        num_classes: Number of logits, at least 2.

    Raises:
        AssertionError: A law is broken; the message names it.
        SweepError: The model, or its own `check`, refuses the images.
    """
    runtime.configure(threads=1)
    _check_value(model)
    check = getattr(model, "check", None)
    if check is not None:
        check(image_shape, num_classes)
    images = _images(image_shape)
    _check_outputs(model, images, num_classes)
    _check_weights(model, image_shape, num_classes)
    _check_precision(model, images, num_classes)
    _check_training(model, _dataset(image_shape, num_classes))


def _check_value(model: Any) -> None:
    config = TrialConfig(model=model)
    law(from_flat(to_flat(config)) == config, "A model must equal the model that its row describes.")
    law(hash(model) == hash(dataclasses.replace(model)), "Equal models must have equal hashes.")


def _check_outputs(model: Model, images: "NDArray[np.float32]", num_classes: int) -> None:
    import numpy as np

    built = _built(model, images.shape[1:], num_classes, seed=0)
    outputs = np.asarray(built(images))
    shape = (len(images), num_classes)
    law(outputs.shape == shape, f"`build` must map images to logits of shape {shape}, but got {outputs.shape}.")
    law(bool(np.isfinite(outputs).all()), "Logits of an untrained model must be finite.")
    sums = outputs.astype(np.float64).sum(axis=1)
    probabilities = bool((outputs >= 0).all() and np.allclose(sums, 1, atol=1e-3))
    law(not probabilities, "`build` must return logits, but the outputs are probabilities: remove the softmax.")
    law(bool(np.array_equal(outputs, built(images))), "Without training, equal images must have equal logits.")
    law(len(built.trainable_variables) > 0, "A model must have weights to train.")


def _check_weights(model: Model, image_shape: tuple[int, int, int], num_classes: int) -> None:
    import numpy as np

    first, again = (_built(model, image_shape, num_classes, seed=1).get_weights() for _ in range(2))
    same = all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    law(same, "The seed must decide the initial weights: build twice after one seed, and they must be equal.")


def _check_precision(model: Model, images: "NDArray[np.float32]", num_classes: int) -> None:
    with runtime.precision("mixed_bfloat16"):
        built = _built(model, images.shape[1:], num_classes, seed=0)
    kinds = {str(variable.dtype) for variable in built.trainable_variables}
    law(kinds == {"float32"}, f"Weights must stay float32 in mixed precision, but got {sorted(kinds)}.")


def _check_training(model: Model, dataset: Dataset) -> None:
    from mnist_sweep.training.fitting import fit

    config = TrialConfig(model=model, num_steps=NUM_STEPS, batch_size=NUM_IMAGES, evaluate_every=NUM_STEPS)
    first, again = fit(config, dataset), fit(config, dataset)
    losses = [[point.train_loss for point in result.history] for result in (first, again)]
    law(losses[0] == losses[1], "Training must be a function of config and data: two runs must have equal losses.")


def _built(model: Model, image_shape: Any, num_classes: int, *, seed: int) -> Any:
    runtime.seed_everything(seed)
    return model.build(tuple(image_shape), num_classes)


def _images(image_shape: tuple[int, int, int]) -> "NDArray[np.float32]":
    import numpy as np

    return np.random.default_rng(0).random((NUM_IMAGES, *image_shape), dtype="float32")


def _dataset(image_shape: tuple[int, int, int], num_classes: int) -> Dataset:
    import numpy as np

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (NUM_IMAGES, *image_shape)).astype(np.uint8)
    split = Split(images=images, labels=(np.arange(NUM_IMAGES) % num_classes).astype(np.uint8))
    return Dataset(train=split, val=split, test=split, num_classes=num_classes)
