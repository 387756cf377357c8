"""Trials in a script that keeps its own `ray.tune.Tuner`: `tune.Tuner(trainable(TrialConfig(…)), param_space={…})`.

Tune then chooses, places, stops and restores trials. Each is the same pure function of config and data as in a sweep,
so its numbers are those of a sweep's row. Where Tune continues a trial with other numbers in the middle, as its
population-based training does, they are the config's `changes`.
"""

import contextlib
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ConfigError, StaleRowsError, SweepError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.trial import Item, steps
from mnist_sweep.sweep.inputs import Digests, RunInputs
from mnist_sweep.training import checkpoints, fitting, tensorflow_runtime
from mnist_sweep.trials import overrides
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import require, shown_in_one_line

MARKER, CHECKPOINT, CONFIG = "running", "trial.ckpt", "trial.json"
AT_EVERY_EVALUATION = 1e-9  # seconds between two checkpoints


def trainable(base: TrialConfig, *, results: str | Path | None = None) -> Callable[[dict[str, Any]], None]:
    """Return a function for `ray.tune.Tuner`, which runs a trial with the fields of Tune's config.

    It reports each validation (`val_accuracy`, `val_loss`, `step`, …) with a checkpoint, from which Tune may restore or
    clone the trial, and in the last result also `test_accuracy` and `id`, that of the trial; of another objective its
    `val_<name>` and `test_<name>`.

    Args:
        base: What all trials have in common; a key of Tune's config names a field (`optimizer.learning_rate`).
        results: A results folder, on a disk that all workers see: rows of trials that end are committed there, and a
            trial that has a row reports it again. None commits nothing. Trials that Tune stops have no row; one that
            ended keeps its row, even if population-based training then replaces it by a clone.

    Raises:
        ConfigError: The base is no TrialConfig. The returned function raises it if Tune's config breaks a rule.
    """
    if not isinstance(base, TrialConfig):
        raise ConfigError(f"`trainable` takes a TrialConfig, but got {shown_in_one_line(base)}.")
    ledger = Ledger(Path(results).resolve()) if results is not None else None

    def train(config: dict[str, Any]) -> None:
        _train(overrides.replace_fields(base, config), ledger)

    return train


def _train(trial: TrialConfig, ledger: Ledger | None) -> None:
    from ray import tune

    resources = tune.get_context().get_trial_resources().required_resources
    threads, gpus = max(1, int(resources.get("CPU", 1))), min(1.0, resources.get("GPU", 0))
    tensorflow_runtime.configure(threads=threads, gpus=gpus, backend=tensorflow_runtime.keras_backend())
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as name, RunInputs() as inputs:
        trial, since = _restored(trial, Path(name))
        digests = inputs.digests(trial)
        row = _committed(trial, since, digests, ledger) if ledger else None
        if row is None:
            row = _run(trial, inputs.dataset(trial.data), since, Path(name))
            row = replace(row, data_digest=digests.data, code_digest=digests.code)
            if row.status is Status.FAILED:
                raise SweepError(row.error)
            if ledger:
                ledger.rows_folder.mkdir(parents=True, exist_ok=True)
                ledger.commit(row)
    has_end = bool(row.history) and row.history[-1].step == trial.num_steps  # whose point was not reported yet
    last = _metrics(row.history[-1], row.measure) if has_end else {"step": row.steps}
    judged = {row.measure.val: math.nan if row.val is None else row.val}
    tune.report({**last, **judged, row.measure.test: row.test, "status": row.status.value, "id": row.trial_id})


def _committed(trial: TrialConfig, since: int, digests: Digests, ledger: Ledger) -> TrialRow | None:
    """Return the row that a trial has already, with its curve reported after a step; None without, or if it failed."""
    from ray import tune

    path = ledger.rows_folder / f"{trial_id(trial)}.json"
    row = ledger.row(trial_id(trial)) if path.exists() else None
    if row is None or row.status is Status.FAILED:
        return None
    if (row.data_digest, row.code_digest) != digests:
        raise StaleRowsError(
            f"{path} was trained with other data or code than now: choose another folder as `results`."
        )
    for point in row.history:
        if point.val is not None and since < point.step < trial.num_steps:
            tune.report(_metrics(point, row.measure))
    return row


def _run(trial: TrialConfig, data: Dataset, since: int, folder: Path) -> TrialRow:
    """Run a trial and report its validations after a step, but that of the last step, which goes with the row."""
    (folder / MARKER).touch()
    artifacts = Artifacts(storage=str(folder), run_marker=MARKER, checkpoint_seconds=AT_EVERY_EVALUATION)
    unreported: list[Evaluation] = []

    def report() -> None:
        while unreported:  # now its checkpoint is there
            _report(unreported.pop(), trial, folder)

    def follow(item: Item) -> None:
        report()
        if isinstance(item, Evaluation) and item.val is not None and since < item.step < trial.num_steps:
            unreported.append(item)

    row = fitting.consume(steps(trial, data, artifacts=artifacts), follow)
    report()
    return row


def _report(evaluation: Evaluation, trial: TrialConfig, folder: Path) -> None:
    from ray import tune

    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as name:
        checkpoint = None
        with contextlib.suppress(FileNotFoundError):  # of training code that keeps none
            Path(name, CHECKPOINT).write_bytes((folder / checkpoints.name(trial_id(trial))).read_bytes())
            Path(name, CONFIG).write_text(json.dumps(to_flat(trial)))
            checkpoint = tune.Checkpoint.from_directory(name)
        tune.report(_metrics(evaluation, trial.measure), checkpoint=checkpoint)


def _restored(trial: TrialConfig, folder: Path) -> tuple[TrialConfig, int]:
    """Return the trial that Tune continues, and the step from which, with its checkpoint in the folder."""
    from ray import tune

    given = tune.get_checkpoint()
    if given is None:
        return trial, 0
    with given.as_directory() as name:
        before = from_flat(json.loads(Path(name, CONFIG).read_text()))
        content = Path(name, CHECKPOINT).read_bytes()
    step, _ = checkpoints.renamed(content, "")
    trial = _continued(before, step, trial)
    path = folder / checkpoints.name(trial_id(trial))
    path.parent.mkdir()
    path.write_bytes(checkpoints.renamed(content, trial_id(trial))[1])
    return trial, step


def _continued(before: TrialConfig, step: int, trial: TrialConfig) -> TrialConfig:
    """Return a trial that is the one before up to a step, and has the numbers of another one from there."""
    now, then = to_flat(overrides.config_at(before, step)), to_flat(trial)
    changed = {name: value for name, value in then.items() if value != now.get(name)}
    if not changed:
        return before
    numbers = all(isinstance(value, int | float) for value in changed.values())
    require(numbers, "only numbers change in training", step=step, **changed)
    earlier = tuple(change for change in before.changes if change[0] < step)
    since = {name: value for at, values in before.changes if at == step for name, value in values} | changed
    continued = replace(before, changes=(*earlier, (step, tuple(since.items()))))
    overrides.validate(continued)
    return continued


def _metrics(evaluation: Evaluation, measure: Measure) -> dict[str, Any]:
    values = {**evaluation._asdict(), "val_objective": None, measure.val: evaluation.val}
    return {name: value for name, value in values.items() if value is not None}
