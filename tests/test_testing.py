"""The shipped contracts of models, data sources, runners and trackers: each broken law is named.

Every registered model keeps its contract here; Ray is held against that of runners in tests/runners/ray, MLflow and W&B
against that of trackers in tests/trackers.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Dataset, Digits, Local, Split, TrialConfig
from mnist_sweep.models.catalog import MODELS
from mnist_sweep.testing import check_data_source, check_model, check_runner, check_tracker
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow
from tests.training.training_code import Linear

SIZES: dict[str, dict[str, Any]] = {"cnn": {"filters": (2, 3), "units": 4}, "resnet": {"depth": 8, "filters": 2}}
COUNTER = np.random.default_rng(0)


@dataclass(frozen=True)
class Perceptron:
    """A user's model, with faults to choose from."""

    fault: str = ""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        activation = "softmax" if self.fault == "softmax" else None
        images = keras.Input(image_shape)
        flat = keras.layers.Flatten()(images)
        if self.fault == "noise":
            flat = keras.layers.Lambda(lambda x: x + keras.random.normal(keras.ops.shape(x)))(flat)
        dense = keras.layers.Dense(num_classes + (self.fault == "classes"), activation=activation)
        dense.trainable = self.fault != "frozen"
        return keras.Model(images, dense(flat))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_registered_model_keeps_the_contract(tf: Any, name: str) -> None:
    model: Any = MODELS[name](**SIZES.get(name, {}))
    initializers = {"initializer": "glorot_uniform"} if "initializer" in vars(type(model)).get("__slots__", ()) else {}
    check_model(dataclasses.replace(model, **initializers))


def test_a_model_of_ones_own_keeps_the_contract(tf: Any) -> None:
    for num_classes in (1, 2):
        check_model(Perceptron(), image_shape=(6, 5, 3), num_classes=num_classes)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("softmax", r"to logits \(batch, 10\), but its outputs are probabilities: remove the softmax"),
        ("classes", r"its outputs have the shape \(batch, 11\)"),
        ("frozen", "none of its 2 variables is trainable"),
        ("noise", "equal images have different logits in evaluation"),
    ],
)
def test_each_broken_law_of_models_is_named(tf: Any, fault: str, named: str) -> None:
    with pytest.raises(AssertionError, match=named):
        check_model(Perceptron(fault))


def test_a_model_that_trains_itself_has_nothing_to_check() -> None:
    with pytest.raises(AssertionError, match="has no `build` to check"):
        check_model(Linear())  # type: ignore[arg-type]  # the mistake under test


def made(generator: np.random.Generator, num_classes: int = 2) -> Dataset:
    images = generator.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8)
    split = Split(images=images, labels=(np.arange(6) % num_classes).astype(np.uint8))
    return Dataset(train=split, val=split, test=split, num_classes=2)


def steady() -> Dataset:
    return made(np.random.default_rng(0))


def unsteady() -> Dataset:
    return made(COUNTER)


def of_one_class() -> Dataset:
    return made(np.random.default_rng(0), num_classes=1)


@pytest.mark.parametrize("source", [Digits(), steady])
def test_the_digits_and_a_function_of_ones_own_keep_the_contract(source: object) -> None:
    check_data_source(source)  # type: ignore[arg-type]


def test_a_source_that_loads_other_images_each_time_is_named() -> None:
    with pytest.raises(AssertionError, match="same images and labels every time, but train differs"):
        check_data_source(unsteady)


def test_a_split_of_one_class_is_named() -> None:
    with pytest.raises(AssertionError, match="train must hold more than one class"):
        check_data_source(of_one_class)


class Forgetful:
    """A runner that drops its last trial."""

    def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
        kept = dict(list(trials.items())[:-1])
        Local(in_process=True).run(kept, datasets, observer, **options)


@pytest.mark.parametrize(
    "runner",
    [
        Local(in_process=True),
        pytest.param(Local(workers=1), marks=pytest.mark.slow),
        pytest.param(Local(workers=2), marks=pytest.mark.slow),
    ],
)
def test_the_local_runner_keeps_the_contract(tf: Any, runner: Local) -> None:
    check_runner(lambda: runner)


def test_a_runner_that_forgets_a_trial_is_named(tf: Any) -> None:
    with pytest.raises(AssertionError, match="Every trial must get exactly one row"):
        check_runner(Forgetful)


class Notebook:
    """A tracker in memory, that may forget between sessions."""

    name = "notebook"

    def __init__(self, *, forgets: bool = False) -> None:
        self.forgets = forgets
        self.logged: list[str] = []

    def connect(self, sweep: str, folder: Path) -> "Notebook":
        if self.forgets:
            self.logged = []
        return self

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        return [row for row in rows if row.trial_id not in self.logged]

    def log(self, row: TrialRow, fields: Sequence[str]) -> None:
        self.logged.append(row.trial_id)


def rows(make_row: MakeRow) -> list[TrialRow]:
    return [make_row(TrialConfig(seed=seed)) for seed in range(3)]


def test_a_tracker_that_remembers_keeps_the_contract(make_row: MakeRow, tmp_path: Path) -> None:
    check_tracker(Notebook(), sweep="contract", folder=tmp_path, rows=rows(make_row))


def test_a_tracker_that_forgets_is_named(make_row: MakeRow, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="must know the rows of earlier ones"):
        check_tracker(Notebook(forgets=True), sweep="contract", folder=tmp_path, rows=rows(make_row))
