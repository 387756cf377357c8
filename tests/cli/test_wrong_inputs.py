"""Wrong inputs of data, losses, training code and searches: one line, status 2, and nothing written or trained."""

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import HEAD, Refuses

# Tests whose cases are wrong inputs, by what they are given to.
TESTS = {
    "data": [
        "data.files.test_image_folder.test_a_folder_that_holds_anything_else_is_refused",
        "data.files.test_image_folder.test_images_that_cannot_be_used_are_named",
        "data.files.test_arrays.test_a_wrong_file_is_refused",
        "data.files.test_csv_table.test_a_wrong_file_is_refused",
        "data.files.test_idx_folder.test_a_wrong_folder_is_refused",
        "data.files.test_parquet_table.test_a_wrong_file_is_refused",
        "data.files.test_own_files.test_a_field_that_breaks_a_rule_is_refused",
        "data.test_dataset.test_malformed_split_cannot_exist",
        "data.test_dataset.test_inconsistent_dataset_cannot_exist",
    ],
    "losses": [
        "optim.test_losses.test_smoothing_outside_its_range_is_refused",
        "optim.test_losses.test_weights_that_are_none_are_refused",
        "training.test_several_outputs.test_what_does_not_fit_the_outputs_is_refused",
        "training.checks.test_refused_losses.test_a_loss_that_would_not_train_as_meant_is_refused_in_one_line",
    ],
    "train(context)": [
        "training.test_own_training.test_wrong_use_of_a_context_is_one_line_of_a_failed_row",
        "trials.test_config.test_training_code_that_cannot_be_called_is_refused",
    ],
    "spaces of searches": [
        "search.test_define_by_run.test_a_function_that_is_no_space_is_refused",
        "search.test_optuna_samplers.test_what_are_no_several_objectives_is_refused",
        "search.test_define_by_run.test_a_space_that_does_not_go_with_the_search_is_refused",
        "search.test_search.test_a_search_that_makes_no_sense_is_refused",
    ],
    "objects of Ray Tune and Optuna": [
        "runners.ray.test_schedulers.test_what_cannot_hold_is_refused_when_the_runner_is_made",
        "test_tune.test_a_config_of_tune_that_is_no_trial_fails_in_one_line",
        "test_tune.test_only_a_trial_is_a_base",
    ],
}


def num_cases(name: str) -> int:
    """Return how often a test runs, by its parameters."""
    module, _, function = name.rpartition(".")
    marks = getattr(getattr(importlib.import_module(f"tests.{module}"), function), "pytestmark", [])
    return math.prod(len(list(mark.args[1])) for mark in marks if mark.name == "parametrize")


def test_more_than_120_wrong_inputs_are_tried() -> None:
    numbers = {subject: sum(map(num_cases, names)) for subject, names in TESTS.items()}
    assert min(numbers.values()) >= 10, numbers
    assert sum(numbers.values()) >= 220, numbers


def write_images(folder: Path, *sizes: int) -> None:
    for number, size in enumerate(sizes):
        for label in ("cat", "dog"):
            path = folder / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((size, size), 40 * number, np.uint8)).save(path)


SPACE = "axes={'batch_size': Integer(low=8, high=16)}"
OWN = "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Own: "
# What a script says, and a part of the line that it gets; where a file is needed, `wrong_files` writes it.
SCRIPTS = {
    "no folder": ("DATA = ImageFolder('nowhere')", "nowhere"),
    "an empty folder": ("DATA = ImageFolder('empty')", "empty"),
    "mixed sizes": ("DATA = ImageFolder('mixed')", "image_size"),
    "an unreadable file": ("DATA = ImageFolder('damaged')", "0.png"),
    "negative labels": ("DATA = Csv('negative.csv')", "negative.csv"),
    "labels that are missing": ("DATA = Arrays('unlabelled.npz')", "unlabelled.npz"),
    "a format of another kind": ("DATA = Parquet('negative.csv')", "negative.csv"),
    "a NaN as a weight": ("LOSS = CrossEntropy(class_weights=(1.0, float('nan')))", "class_weights"),
    "numbers as labels": ("DATA = Csv('numbers.csv')", "use loss=MeanSquaredError() and objective=RMSE()"),
    "an accuracy of numbers": ("DATA = Csv('numbers.csv')\nLOSS = 'huber'", "the objective Accuracy is for classes"),
    "a loss of numbers": ("LOSS = MeanSquaredError()", "the loss MeanSquaredError is for numbers, but the labels are"),
    "classes as several numbers": ("DATA = Arrays('one_hot.npz')", "`labels.argmax(axis=1)` converts one-hot labels"),
    "several numbers as labels": (
        "DATA = Arrays('several.npz')",
        "the loss CrossEntropy is for classes, but the labels",
    ),
    "fewer outputs than numbers": (
        f"import keras\n{OWN}\n    def build(self, shape, num): return keras.Sequential([keras.Input(shape), "
        "keras.layers.Flatten(), keras.layers.Dense(1)])\n"
        "MODEL, DATA, LOSS, OBJECTIVE = Own(), Arrays('several.npz'), 'huber', RMSE()",
        "to logits (batch, 2), but its outputs have the shape (batch, 1)",
    ),
    "columns of numbers that are not there": ("DATA = Csv('numbers.csv', label=('x', 'y'))", "must have 2 columns of"),
    "folders of names as numbers": ("DATA = ImageFolder('mixed', target='number')", "needs folders named by numbers"),
    "a loss of outputs that are not there": (
        f"{OWN}\n    main = 'digit'\n    def per_example(self, labels, outputs): return outputs['digit']\nLOSS = Own()",
        "it is not a functional model with several outputs",
    ),
    "an error of classes": ("OBJECTIVE = RMSE()", "the objective RMSE is for numbers, but the labels are classes"),
    "a loss of other shapes": (
        "DATA = Csv('numbers.csv')\nOBJECTIVE = RMSE()\ndef LOSS(labels, outputs): return outputs[:, 0] - labels",
        "from float32 labels (batch,) and float32 outputs (batch,), but it raises",
    ),
    "one number for all": ("DATA = Arrays('constant.npz')", "has only images of number 2.5 in train"),
    "a number that is none": ("DATA = Arrays('infinite.npz')", "labels are finite` must hold, but got num_not_finite="),
    "a unit of numbers": ("OBJECTIVE = RMSE(unit='centimetres of ink')", "unit must be at most 12 printable"),
    "an error that counts from nothing": ("LOSS = Huber(delta=0)", "`0 < delta < infinity` must hold, but got delta=0"),
    "a loss that is no function": ("LOSS = 'hinge'", "hinge"),
    "training code without a context": ("class Own:\n    def train(self): ...\nMODEL = Own()", "Own"),
    "a space that is no function": ("SEARCH = dict(space={'batch_size': 3})", "function of a trial"),
    "an unknown field": (
        "SEARCH = dict(space=lambda trial: {'num_steps': trial.suggest_int('batchsize', 1, 9)})",
        "did you mean batch_size?",
    ),
    "an objective as a space": ("SEARCH = dict(space=lambda trial: 0.5)", "must return nothing"),
    "a space that fails": ("SEARCH = dict(space=lambda trial: trial.number)", "AttributeError"),
    "a space with a PBT": ("SEARCH = dict(space=lambda trial: None, algorithm=PBT())", "'tpe' or a sampler"),
    "a cost that is none": (
        f"SEARCH = dict({SPACE}, objectives=('accuracy', 'size'))",
        "some of parameters, latency, seconds_total",
    ),
    "an objective without a method": (f"{OWN}pass\nOBJECTIVE = Own()", "`compute` or `per_example`"),
    "an objective with one number for all images": (
        f"{OWN}\n    def per_example(self, labels, outputs): return 0.5\nOBJECTIVE = Own()",
        "must return a number for each of",
    ),
    "axes that are a list": ("SEARCH = dict(axes=['batch_size'])", "must be fields"),
    "a class for a pruner": ("from optuna.pruners import *\nRayTune(scheduler=MedianPruner)", "a pruner of Optuna"),
    "a callback of Keras": ("RayTune(callbacks=[print])", "callbacks of Ray Tune"),
    "a name for a trial": ("from mnist_sweep.tune import trainable\ntrainable('digits')", "takes a TrialConfig"),
}
TAIL = """
PARTS = "DATA", "LOSS", "MODEL", "OBJECTIVE"
GIVEN = {name.lower(): value for name, value in list(globals().items()) if name in PARTS}
import dataclasses
BASE = dataclasses.replace(BASE, **GIVEN)
SWEEP = Sweep(name="bad", search=Search(base=BASE, num_trials=3, **SEARCH)) if "SEARCH" in globals() else Sweep(
    name="bad", trials=[BASE])
"""


@pytest.fixture
def wrong_files(folder: Path) -> None:
    (folder / "empty").mkdir()
    write_images(folder / "mixed", 8, 9, 8, 9)
    write_images(folder / "damaged", 8, 8, 8, 8)
    (folder / "damaged" / "cat" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"no image" * 9)
    table = [f"{label},{','.join('1234')}" for label in (-1, 0, 1) * 9]
    (folder / "negative.csv").write_text("\n".join(["label,a,b,c,d", *table]))
    table = [f"{label},{','.join('1234')}" for label in (0.5, 0.0, 1.5) * 30]
    (folder / "numbers.csv").write_text("\n".join(["label,1,2,3,4", *table]))
    images = np.arange(9 * 64, dtype=np.uint8).reshape(9, 8, 8)
    np.savez(folder / "constant.npz", x=images, y=np.full(9, 2.5))
    many = np.random.default_rng(0).integers(0, 256, (90, 8, 8), np.uint8)
    np.savez(folder / "several.npz", x=many, y=np.linspace(0, 1, 180).reshape(90, 2))
    np.savez(folder / "one_hot.npz", x=images, y=np.eye(3)[np.arange(9) % 3])
    np.savez(folder / "infinite.npz", x=images, y=np.full(9, np.nan))
    np.savez(folder / "unlabelled.npz", train_images=np.zeros((9, 8, 8), np.uint8))


@pytest.mark.usefixtures("wrong_files")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_wrong_input_ends_in_one_line_before_anything_is_written(name: str, folder: Path, refuses: Refuses) -> None:
    text, part = SCRIPTS[name]
    (folder / "good.py").write_text(f"{HEAD}{text}\n{TAIL}")
    refuses(["run", "good.py", "--runner", "in-process"], part)
