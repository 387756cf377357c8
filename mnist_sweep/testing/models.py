"""The contract of a model: a frozen value whose `build` returns an untrained Keras model from images to logits.

Beyond what a run checks before its first trial, the value must survive being written to a row.
"""

import dataclasses
from typing import Any

import numpy as np

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.errors import ConfigError
from mnist_sweep.models.protocol import Model, trains_itself
from mnist_sweep.testing.law import law
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks import model_candidates, sample
from mnist_sweep.training.checks.model_candidates import Candidate
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat

NUM_IMAGES = 8
NUM_STEPS = 4


def check_model(model: Model, *, image_shape: tuple[int, int, int] = (8, 8, 1), num_classes: int = 10) -> None:
    """Validate that a model keeps the contract; builds and trains it a few times on random images.

    Args:
        model: The hyperparameters, at the top of a module that can be imported.
        image_shape: Height, width and channels of the images to build it for.
        num_classes: Number of logits, at least 2.

    Raises:
        AssertionError: A law is broken, such as one that a run holds models against; the message names it.
        SweepError: The model, or its own `check`, refuses the images.
    """
    law(not trains_itself(model), "A model that trains itself has no `build` to check.")
    tensorflow_runtime.configure(threads=1)
    _check_value(model)
    check = getattr(model, "check", None)
    if check is not None:
        check(image_shape, num_classes)
    dataset = _dataset(image_shape, num_classes)
    _check_build(model, dataset)
    _check_precision(model, dataset)
    _check_training(model, dataset)


def _check_value(model: Any) -> None:
    config = TrialConfig(model=model)
    law(from_flat(to_flat(config)) == config, "A model must equal the model that its row describes.")
    law(hash(model) == hash(dataclasses.replace(model)), "Equal models must have equal hashes.")


def _check_build(model: Model, dataset: Dataset) -> None:
    model.build(dataset.image_shape, dataset.num_classes)  # whose own error is not the contract's
    try:
        model_candidates.check_models([Candidate(TrialConfig(model=model), sample.draw(dataset))])
    except ConfigError as error:
        raise AssertionError(str(error)) from error


def _check_precision(model: Model, dataset: Dataset) -> None:
    from mnist_sweep.training.graph_cache import build_model

    built = build_model(TrialConfig(model=model, precision="mixed_bfloat16"), dataset)
    kinds = {str(variable.dtype) for variable in built.trainable_variables}
    law(kinds == {"float32"}, f"Weights must stay float32 in mixed precision, but got {sorted(kinds)}.")


def _check_training(model: Model, dataset: Dataset) -> None:
    from mnist_sweep.training.fitting import fit

    config = TrialConfig(model=model, num_steps=NUM_STEPS, batch_size=NUM_IMAGES, evaluate_every=NUM_STEPS)
    first, again = fit(config, dataset), fit(config, dataset)
    losses = [[point.train_loss for point in result.history] for result in (first, again)]
    law(losses[0] == losses[1], "Training must be a function of config and data: two runs must have equal losses.")


def _dataset(image_shape: tuple[int, int, int], num_classes: int) -> Dataset:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (NUM_IMAGES, *image_shape)).astype(np.uint8)
    split = Split(images=images, labels=(np.arange(NUM_IMAGES) % num_classes).astype(np.uint8))
    return Dataset(train=split, val=split, test=split, num_classes=num_classes)
