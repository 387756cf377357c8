"""Contract suites: hold a model, data set, runner or tracker of your own against the interface it implements.

Each function raises an `AssertionError` whose one line names the law that is broken, so a test is a single call:

    def test_my_model_keeps_the_contract():
        check_model(Perceptron(), image_shape=(6, 6, 1), num_classes=2)

The package's own tests call the same functions. May import: everything but `cli`. Begin with `check_model`.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

import numpy as np

from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset, DataSource, Split
from mnist_sweep.errors import ConfigError
from mnist_sweep.models.protocol import Model, trains_itself
from mnist_sweep.models.softmax_regression import Softmax
from mnist_sweep.optim.losses import MeanSquaredError
from mnist_sweep.optim.optimizers import GradientDescent
from mnist_sweep.optim.regression import RMSE
from mnist_sweep.results import data_cards
from mnist_sweep.runners.protocol import Observer, Runner
from mnist_sweep.trackers.protocol import Tracker
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks import models_to_check, sample
from mnist_sweep.training.checks.models_to_check import Candidate
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat, trial_id
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.user_code import shipping

__all__ = ["check_data_source", "check_model", "check_runner", "check_tracker"]

NUM_IMAGES = 8
NUM_STEPS = 4
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
REPORTS = ("ready", "started", "evaluated", "retried", "saved", "finished")


def check_model(model: Model, *, image_shape: tuple[int, int, int] = (8, 8, 1), num_classes: int = 10) -> None:
    """Validate that a model keeps the contract, and survives being written to a row; trains it on random images.

    Args:
        model: The hyperparameters, at the top of a module that can be imported.
        image_shape: Height, width and channels of the images to build it for.
        num_classes: Number of logits; 1 stands for a number to predict.

    Raises:
        AssertionError: A law is broken, such as one that a run holds models against; the message names it.
        SweepError: The model, or its own `check`, refuses the images.
    """
    from mnist_sweep.training.fitting import fit
    from mnist_sweep.training.graph_cache import build_model

    _law(not trains_itself(model), "A model that trains itself has no `build` to check.")
    tensorflow_runtime.configure(threads=1)
    config = TrialConfig(model=model, num_steps=NUM_STEPS, batch_size=NUM_IMAGES, evaluate_every=NUM_STEPS)
    labels = (np.arange(NUM_IMAGES) % num_classes).astype(np.uint8)
    if num_classes == 1:
        labels = np.linspace(0, 1, NUM_IMAGES, dtype=np.float32)
        config = dataclasses.replace(config, loss=MeanSquaredError(), objective=RMSE())
    _law(from_flat(to_flat(config)) == config, "A model must equal the model that its row describes.")
    _law(hash(model) == hash(dataclasses.replace(cast(Any, model))), "Equal models must have equal hashes.")
    if (check := getattr(model, "check", None)) is not None:
        check(image_shape, num_classes)
    images = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, *image_shape)).astype(np.uint8)
    split = Split(images=images, labels=labels)
    dataset = Dataset(train=split, val=split, test=split, num_classes=num_classes)
    model.build(image_shape, num_classes)  # whose own error is not the contract's
    try:
        models_to_check.check_models([Candidate(config, sample.draw(dataset))])
    except ConfigError as error:
        raise AssertionError(str(error)) from error
    built = build_model(dataclasses.replace(config, precision="mixed_bfloat16"), dataset)
    kinds = {str(variable.dtype) for variable in built.trainable_variables}
    _law(kinds == {"float32"}, f"Weights must stay float32 in mixed precision, but got {sorted(kinds)}.")
    losses = [[point.train_loss for point in fit(config, dataset).history] for _ in range(2)]
    _law(losses[0] == losses[1], "Training must be a function of config and data: two runs must have equal losses.")


def check_data_source(source: DataSource | Callable[[], Dataset]) -> None:
    """Validate that a data source keeps the contract: a row can name it, and it loads the same data every time.

    Args:
        source: A frozen dataclass with `load`, or a function that returns a `Dataset`, at the top of a module.

    Raises:
        AssertionError: A law is broken; the message names it.
        SweepError: What the source returns is no data set, or what it declares does not fit it.
    """
    config = TrialConfig(data=source)
    _law(from_flat(to_flat(config)).data == source, "A data source must equal the one that its row describes.")
    first, again = loading.load(source), loading.load(source)
    data_cards.describe(source, first)
    shaped = loading.shaped(source)
    shape = (shaped.image_shape, shaped.num_classes)
    _law(shape == (first.image_shape, first.num_classes), "A data source must have the shape that it announces.")
    for name in ("train", "val", "test"):
        one, other = getattr(first, name), getattr(again, name)
        same = np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)
        _law(bool(same), f"A data source must load the same images and labels every time, but {name} differs.")
        _law(len(np.unique(one.labels)) > 1 or first.num_classes == 1, f"{name} must hold more than one class.")


@dataclass(frozen=True)
class Failing:
    """A model that cannot be built."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        """Raise an error, as a model with a bug does."""
        raise RuntimeError("this model cannot be built")


def check_runner(make: Callable[[], Runner]) -> None:
    """Validate that a runner keeps the contract; trains five tiny trials on the digits.

    Every trial must get one row, and everything must be reported to the observer in order.

    Args:
        make: Returns the runner, with resources for at least one trial.

    Raises:
        AssertionError: A law is broken; the message names it.
    """
    trials = [dataclasses.replace(BASE, seed=seed) for seed in range(2)]
    failing = dataclasses.replace(BASE, model=Failing())
    proposed = dataclasses.replace(BASE, seed=7)
    reports = _reports(make(), [*trials, failing], [proposed])
    rows: list[TrialRow] = [value for name, value in reports if name == "finished"]
    names = sorted(map(trial_id, (*trials, failing, proposed)))
    _law(sorted(row.trial_id for row in rows) == names, "Every trial must get exactly one row.")
    failed = {row.trial_id for row in rows if row.status is Status.FAILED}
    _law(failed == {trial_id(failing)}, "An error in a model must become a `failed` row, and end no other trial.")
    ready = [place for place, (name, _) in enumerate(reports) if name == "ready"]
    _law(ready == [0], "`ready` must be called once, before anything else.")
    for name in map(trial_id, (*trials, proposed)):
        calls = [call for call, value in reports if getattr(value, "trial_id", value) == name]
        once = calls[0] == "started" and calls.count("started") == 1
        _law(once, f"`started` must be called once and first, for {name}.")
        _law(calls[-1] == "finished", f"`finished` must be called last, for {name}.")
    ended = _reports(make(), trials, is_ending=True)
    _law("finished" not in dict(ended), "A run that is to end before it begins must run no trial.")


def _reports(
    runner: Runner, trials: Sequence[TrialConfig], proposed: Sequence[TrialConfig] = (), *, is_ending: bool = False
) -> list[tuple[str, Any]]:
    """Run trials; return what was reported to the observer, in order: the method's name, and a trial's id or row."""
    observer = mock.create_autospec(Observer, instance=True)
    observer.propose.side_effect = itertools.chain(proposed, itertools.repeat(None))
    observer.is_ending.return_value = is_ending
    observer.definitions.return_value = shipping.own_definitions([dataclasses.replace(BASE, model=Failing())])
    observer.rows.return_value = ()
    named: Mapping[str, TrialConfig] = {trial_id(trial): trial for trial in trials}
    runner.run(named, {BASE.data: loading.load(BASE.data)}, observer, num_proposals=len(proposed))
    calls = [(name, *values, *options.values()) for name, values, options in observer.method_calls if name in REPORTS]
    return [(name, value) for name, value, *_ in calls]


def check_tracker(tracker: Tracker, *, sweep: str, folder: Path, rows: Sequence[TrialRow]) -> None:
    """Validate that a tracker keeps the contract; logs the rows to it.

    It must know which rows it lacks, and never log one twice.

    Args:
        tracker: The tracker, which can be reached.
        sweep: Name of a sweep that the tracker has no runs of.
        folder: An empty results folder.
        rows: At least two rows, of different trials.

    Raises:
        AssertionError: A law is broken; the message names it.
        TrackerError: The tracker cannot be reached.
    """
    session = tracker.connect(sweep, folder)
    _law(session.lacks(rows) == list(rows), "A new tracker must lack every row, in their order.")
    _law(session.lacks([]) == [], "A tracker must lack nothing of no rows.")
    session.log(rows[0], ["seed"])
    _law(session.lacks(rows) == list(rows[1:]), "A logged row must no longer be lacking.")
    again = tracker.connect(sweep, folder)
    _law(again.lacks(rows) == list(rows[1:]), "A new session must know the rows of earlier ones.")
    for row in rows[1:]:
        again.log(row, ["seed"])
    _law(tracker.connect(sweep, folder).lacks(rows) == [], "When every row is logged, nothing must be lacking.")
    _law(bool(session.name) and len(session.name.splitlines()) == 1, "A session's name must be one line.")


def _law(holds: bool, statement: str) -> None:
    """Raise an AssertionError, whose message is the statement, unless a law holds."""
    if not holds:
        raise AssertionError(statement)
