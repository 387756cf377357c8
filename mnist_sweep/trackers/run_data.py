"""What trackers log of a row: its names, parameters, metrics and tags, called as in the CSV tables."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mnist_sweep.text.lines import printable
from mnist_sweep.text.names import Flat, label
from mnist_sweep.trials.row import Evaluation, TrialRow

CURVE_METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
FINAL_METRICS = ("train_loss", "val_loss", "val_accuracy")
TIMES = ("seconds_total", "seconds_setup", "seconds_train", "seconds_evaluate")
MAX_NAME = 110  # characters; W&B takes 128 with the id of a config
RESULT_METRICS = (*FINAL_METRICS, "test_accuracy", "parameters", *TIMES)


class Point(NamedTuple):
    """A point of a learning curve.

    `seconds` is the time since the trial started; 0 for points that it shares with the trial that it resumed.
    """

    step: int
    seconds: float
    metrics: dict[str, float]


def run_name(flat: Flat, fields: Iterable[str]) -> str:
    """Return the name of a run: the settings in which the trials of its sweep differ."""
    return printable(label(flat, fields))[:MAX_NAME]


def group_name(flat: Flat, fields: Iterable[str], config_id: str) -> str:
    """Return the name of the runs of a config, whatever their seeds: its settings, and its id."""
    return f"{run_name(flat, (name for name in fields if name != 'seed'))} {config_id}"


def params(row: TrialRow) -> dict[str, Any]:
    """Return the flat config of a row as JSON values, without the fields that are None."""
    return {name: value for name, value in row.config.items() if value is not None}


def curve(row: TrialRow) -> Iterator[Point]:
    """Yield the points of a row's learning curve, and last the trial's final metrics if no point holds them."""
    last, total = 0, row.seconds_total or 0.0
    before = max(0.0, row.history[-1].seconds - total) if row.history else 0.0
    for point in row.history:
        judged = {} if point.val is None else {row.measure.val: point.val}
        yield Point(point.step, max(0.0, point.seconds - before), _present(point, CURVE_METRICS) | judged)
        last = point.step if point.val is not None else last
    if row.steps is not None and row.steps > last:
        yield Point(row.steps, total, _present(row, FINAL_METRICS) | _judged(row, "val"))


def final_metrics(row: TrialRow) -> dict[str, float]:
    """Return the results of a trial by name, without those that it does not have."""
    return _present(row, RESULT_METRICS) | _judged(row, "val", "test")


def tags(row: TrialRow, sweep: str, fields: Iterable[str]) -> dict[str, str]:
    """Return what runs are searched and grouped by: ids, config, sweep, status, version, and the error if any."""
    config = group_name(row.config, fields, row.config_id)
    found = {"trial_id": row.trial_id, "config_id": row.config_id, "config": config, "sweep": sweep}
    return found | {"status": row.status.value, "version": row.version} | ({"error": row.error} if row.error else {})


def milliseconds(seconds: float | None) -> int | None:
    """Return a time in whole milliseconds."""
    return None if seconds is None else round(1000 * seconds)


def _judged(row: TrialRow, *splits: str) -> dict[str, float]:
    values = {getattr(row.measure, split): getattr(row, split) for split in splits}
    return {name: value for name, value in values.items() if value is not None}


def _present(values: TrialRow | Evaluation, names: tuple[str, ...]) -> dict[str, float]:
    return {name: value for name in names if (value := getattr(values, name)) is not None}
