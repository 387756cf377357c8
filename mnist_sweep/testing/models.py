"""The contract of a model: a frozen value whose `build` returns an untrained Keras model from images to logits.

Beyond what a run checks before its first trial, the value must survive being written to a row.
"""

import dataclasses
from typing import Any, cast

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
    from mnist_sweep.training.fitting import fit
    from mnist_sweep.training.graph_cache import build_model

    law(not trains_itself(model), "A model that trains itself has no `build` to check.")
    tensorflow_runtime.configure(threads=1)
    config = TrialConfig(model=model, num_steps=NUM_STEPS, batch_size=NUM_IMAGES, evaluate_every=NUM_STEPS)
    law(from_flat(to_flat(config)) == config, "A model must equal the model that its row describes.")
    law(hash(model) == hash(dataclasses.replace(cast(Any, model))), "Equal models must have equal hashes.")
    if (check := getattr(model, "check", None)) is not None:
        check(image_shape, num_classes)
    images = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, *image_shape)).astype(np.uint8)
    split = Split(images=images, labels=(np.arange(NUM_IMAGES) % num_classes).astype(np.uint8))
    dataset = Dataset(train=split, val=split, test=split, num_classes=num_classes)
    model.build(image_shape, num_classes)  # whose own error is not the contract's
    try:
        model_candidates.check_models([Candidate(config, sample.draw(dataset))])
    except ConfigError as error:
        raise AssertionError(str(error)) from error
    built = build_model(dataclasses.replace(config, precision="mixed_bfloat16"), dataset)
    kinds = {str(variable.dtype) for variable in built.trainable_variables}
    law(kinds == {"float32"}, f"Weights must stay float32 in mixed precision, but got {sorted(kinds)}.")
    losses = [[point.train_loss for point in fit(config, dataset).history] for _ in range(2)]
    law(losses[0] == losses[1], "Training must be a function of config and data: two runs must have equal losses.")
