"""A sweep: a named list of trials, and the one operation on it: run what is missing.

Running a sweep for the first time, again, with more trials, or after any crash is the same set difference between its
trials' ids and the ledger's.
"""

import dataclasses
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mnist_sweep import data
from mnist_sweep.artifacts import Artifacts, Keeping, SavedModel, Showing
from mnist_sweep.config import Precision, TrialConfig, config_id, has_own_code, to_flat, trial_id
from mnist_sweep.errors import ConfigError
from mnist_sweep.fields import require
from mnist_sweep.ledger import Ledger
from mnist_sweep.progress import Progress, Quiet
from mnist_sweep.rows import Evaluation, Status, TrialRow, rank
from mnist_sweep.runners import RayTune, Runner
from mnist_sweep.space import repeat
from mnist_sweep.table import write_tables
from mnist_sweep.training import check

SECONDS_BETWEEN_TABLES = 5.0
TABLES_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A named list of trials.

    Attributes:
        name: Name of its results folder: letters, digits, `.`, `_` and `-`.
        trials: What to run; no two are alike.
    """

    name: str
    trials: Sequence[TrialConfig]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", self.name):
            raise ConfigError(
                "a sweep's name must be 1 to 100 letters, digits, `.`, `_` or `-`, not starting with `.` or `-`, "
                f"but got name={self.name!r}."
            )
        object.__setattr__(self, "trials", tuple(self.trials))
        require(len(self.trials) >= 1, "a sweep has at least one trial", trials=self.trials)
        first: dict[str, int] = {}
        for number, trial in enumerate(self.trials, start=1):
            earlier = first.setdefault(trial_id(trial), number)
            if earlier != number:
                raise ConfigError(f"no two trials may be alike, but trials {earlier} and {number} both are {trial}.")

    def changed(
        self,
        *,
        num_trials: int | None = None,
        seeds: int | None = None,
        steps: int | None = None,
        precision: Precision | None = None,
    ) -> "Sweep":
        """Return the sweep of the first `num_trials`, each run with the seeds 0 to `seeds - 1`, in other ways.

        None leaves what the script says.

        Raises:
            ConfigError: A value breaks a rule, or two trials become alike.
        """
        options = {"num_steps": steps, "precision": precision}
        options = {name: value for name, value in options.items() if value is not None}
        trials = [dataclasses.replace(trial, **options) for trial in self.trials[:num_trials]]  # type: ignore[arg-type]
        if seeds is not None:
            trials = repeat({config_id(trial): trial for trial in trials}.values(), seeds=seeds)
        return Sweep(name=self.name, trials=trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind.

    Attributes:
        folder: The sweep's results folder.
        rows: Rows of the sweep's trials, in their order; a trial without one is left out.
        num_trials: Trials of the sweep.
        num_run: Trials that this run ran.
        seconds: Wall time of this run, in seconds.
    """

    folder: Path
    rows: tuple[TrialRow, ...]
    num_trials: int
    num_run: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every trial has a row and none failed."""
        return len(self.rows) == self.num_trials and all(row.status is not Status.FAILED for row in self.rows)


def run(
    sweep: Sweep,
    *,
    results: str | Path = "results",
    runner: Runner | None = None,
    progress: Progress | None = None,
    retry: Iterable[Status] = (),
    keep_models: Keeping = "best",
    summaries: Showing = "off",
    code: Sequence[Path] = (),
) -> Outcome:
    """Run the trials of a sweep that have no row yet, commit each row as it comes, and write the tables.

    Args:
        sweep: What to run.
        results: Folder that holds a folder for each sweep.
        runner: Where to run; RayTune() if None.
        progress: What to show meanwhile; nothing if None.
        retry: Statuses whose rows are run again.
        summaries: What TensorBoard is shown of each trial, in `logs/`: nothing, scalars, or all there is.
        keep_models: Which trials' trained models stay in `models/`: the best by validation, all, or none.
        code: Folders that the trials' own models and data sets are imported from.

    Raises:
        SweepError: The sweep cannot run as asked; nothing has been written.
    """
    start = time.monotonic()
    ledger = Ledger(Path(results) / sweep.name)
    rows = ledger.rows()
    trials = {trial_id(trial): trial for trial in sweep.trials}
    again = set(retry)
    missing = {name: trial for name, trial in trials.items() if name not in rows or rows[name].status in again}
    if missing:
        datasets = _checked_datasets(missing.values())
        shipped = code if any(map(has_own_code, missing.values())) else ()
        artifacts = Artifacts(sweep=str(ledger.folder.resolve()), models=keep_models, summaries=summaries)
        with progress or Quiet() as shown, _Recorder(ledger, rows, trials, missing, shown, keep_models) as recorder:
            (runner or RayTune()).run(missing, datasets, recorder, code=shipped, artifacts=artifacts)
    elif rows:
        write_tables(ledger.folder, rows.values())
    return Outcome(
        folder=ledger.folder,
        rows=tuple(rows[name] for name in trials if name in rows),
        num_trials=len(trials),
        num_run=len(missing),
        seconds=time.monotonic() - start,
    )


def _checked_datasets(trials: Iterable[TrialConfig]) -> dict[Any, data.Dataset]:
    datasets: dict[Any, data.Dataset] = {}
    for trial in trials:
        if trial.data not in datasets:
            datasets[trial.data] = data.load(trial.data)
        check(trial, datasets[trial.data])
    return datasets


class _Recorder:
    """The observer of a run: commits every row, keeps the tables fresh, and passes on what it hears."""

    def __init__(
        self,
        ledger: Ledger,
        rows: dict[str, TrialRow],
        trials: Mapping[str, TrialConfig],
        missing: Mapping[str, TrialConfig],
        progress: Progress,
        keep_models: Keeping,
    ) -> None:
        self._ledger, self._rows, self._progress = ledger, rows, progress
        self._trials, self._missing = trials, missing
        self._keep_models: Keeping = keep_models
        self._models: dict[str, SavedModel] = {}
        self._fresh_until = 0.0
        self._opened = False

    def ready(self, num_workers: int) -> None:
        self._ledger.open()
        self._opened = True
        flats = {name: to_flat(trial) for name, trial in self._trials.items()}
        done = [self._rows[name] for name in self._trials if name not in self._missing]
        self._progress.begin(flats, done, num_workers)
        self._fresh_until = time.monotonic() + SECONDS_BETWEEN_TABLES

    def started(self, trial_id: str) -> None:
        self._progress.started(trial_id)

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        self._progress.evaluated(trial_id, evaluation)

    def saved(self, trial_id: str, model: SavedModel) -> None:
        self._models[trial_id] = model

    def finished(self, row: TrialRow) -> None:
        self._keep_model(row)
        self._ledger.commit(row)
        self._rows[row.trial_id] = row
        self._progress.finished(row)
        if time.monotonic() > self._fresh_until:
            self._write_tables()

    def _keep_model(self, row: TrialRow) -> None:
        """Write the model that came with a row, unless only the best is kept and another row is better."""
        model = self._models.pop(row.trial_id, None)
        only_best = self._keep_models == "best"
        others = (other for other in self._rows.values() if other.status is Status.OK)
        if model is None or (only_best and any(rank(other) < rank(row) for other in others)):
            return
        path = self._ledger.keep_model(row.trial_id, model.content)
        for other in self._ledger.models().values():
            if only_best and other != path:
                other.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened and self._rows:
            self._write_tables()

    def _write_tables(self) -> None:
        start = time.monotonic()
        write_tables(self._ledger.folder, self._rows.values())
        seconds = time.monotonic() - start
        self._fresh_until = start + max(SECONDS_BETWEEN_TABLES, seconds / TABLES_SHARE)
