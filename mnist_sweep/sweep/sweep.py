"""A sweep: named trials, listed or searched for, and the one operation on it: run what is missing.

Running a sweep for the first time, again, with more trials, or after any crash is the same set difference between its
trials' ids and the ledger's.
"""

import dataclasses
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep.errors import ConfigError
from mnist_sweep.results import run_marker, saved_plan
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.tables import write_tables
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.search.search import PBT, Search
from mnist_sweep.search.space import repeat
from mnist_sweep.sweep.progress import Progress, Quiet
from mnist_sweep.sweep.recorder import Provenance, Recorder
from mnist_sweep.sweep.work_queue import WorkQueue
from mnist_sweep.system.lock import Lock
from mnist_sweep.system.signals import Interrupts
from mnist_sweep.system.storage import absolute, folder_in
from mnist_sweep.trackers.protocol import Tracker
from mnist_sweep.trackers.sync import TrackerSync
from mnist_sweep.trials.artifacts import Artifacts, Retention, SummaryDetail
from mnist_sweep.trials.config import Precision, TrialConfig, config_id, has_custom_code, trial_id
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.validation import require, shown_in_one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A name, and either a list of trials or a search for good ones.

    Attributes:
        name: Name of its results folder: letters, digits, `.`, `_` and `-`.
        trials: What to run; no two are alike.
        search: What to search.
    """

    name: str
    trials: Sequence[TrialConfig] = ()
    search: Search | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", self.name):
            raise ConfigError(
                "a sweep's name must be 1 to 100 letters, digits, `.`, `_` or `-`, not starting with `.` or `-`, "
                f"but got name={self.name!r}."
            )
        object.__setattr__(self, "trials", tuple(self.trials))
        if self.search is not None and not isinstance(self.search, Search):
            raise ConfigError(f"a sweep's search must be a Search, but got {shown_in_one_line(self.search)}.")
        require(bool(self.trials) or self.search is not None, "a sweep has at least one trial", trials=self.trials)
        require(not self.trials or self.search is None, "a sweep lists trials or has a search", trials=len(self.trials))
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
            ConfigError: A value breaks a rule, two trials become alike, or seeds are asked of a search.
        """
        options = {"num_steps": steps, "precision": precision}
        options = {name: value for name, value in options.items() if value is not None}
        if self.search:
            require(seeds is None, "a search has one seed, that of its base", seeds=seeds)
            base = dataclasses.replace(self.search.base, **options)  # type: ignore[arg-type]
            search = dataclasses.replace(self.search, base=base, num_trials=num_trials or self.search.num_trials)
            return Sweep(name=self.name, search=search)
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
        out_of_time: Whether its time budget ended it.
        unsent: What each tracker lacks, in one line each; nothing for those that have all rows.
    """

    folder: Path
    rows: tuple[TrialRow, ...]
    num_trials: int
    num_run: int
    seconds: float
    out_of_time: bool = False
    unsent: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every trial has a row and none failed."""
        return len(self.rows) == self.num_trials and not self.num_failed

    @property
    def num_failed(self) -> int:
        """Trials that failed."""
        return sum(row.status is Status.FAILED for row in self.rows)


def run(
    sweep: Sweep,
    *,
    results: str | Path = "results",
    runner: Runner | None = None,
    progress: Progress | None = None,
    retry: Iterable[Status] = (),
    keep_models: Retention = "best",
    summaries: SummaryDetail = "off",
    keep_predictions: bool = True,
    checkpoint_seconds: float = 30.0,
    storage: str | None = None,
    time_budget: float | None = None,
    code: Sequence[Path] = (),
    trackers: Sequence[Tracker] = (),
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
        keep_predictions: Whether each trial's predicted classes stay in `predictions/`, one byte an image.
        checkpoint_seconds: Seconds between two checkpoints of a running trial, above 0.
        storage: Folder or URL that all machines see, for checkpoints, logs and a copy of the kept models; None means
            the results folder.
        time_budget: Seconds after which the run ends as on a first Ctrl-C, above 0; None means no limit.
        code: Folders that the trials' own models and data sets are imported from.
        trackers: Where each row of the results folder is shown, too; one that goes away in the middle ends nothing.

    Raises:
        SweepError: The sweep cannot run as asked, and nothing has been written; or, as when the disk is full, it cannot
            go on, and the rows so far stay.
        KeyboardInterrupt: SIGINT came once: running trials are paused and the tables written; or it came twice.
    """
    require(time_budget is None or time_budget > 0, "time_budget > 0", time_budget=time_budget)
    start = time.monotonic()
    ledger = Ledger(Path(results) / sweep.name)
    artifacts = Artifacts(
        storage=folder_in(absolute(storage), sweep.name) if storage else str(ledger.folder.resolve()),
        run_marker=run_marker.new_name(ledger.folder),
        models=keep_models,
        summaries=summaries,
        predictions=keep_predictions,
        checkpoint_seconds=checkpoint_seconds,
        keep_shared_prefixes=bool(sweep.search and isinstance(sweep.search.algorithm, PBT)),
    )
    sessions = [tracker.connect(sweep.name, ledger.folder) for tracker in trackers]
    shown = progress or Quiet()
    with (
        Lock(ledger.folder) as lock,
        Interrupts(time_budget) as interrupts,
        TrackerSync(sessions, noted=shown.noted, is_ending=lambda: interrupts.stop_requested) as mirror,
    ):
        if ledger.folder.is_dir():
            lock.acquire()
        rows = ledger.rows()
        agenda = WorkQueue(sweep.trials, sweep.search, folder=ledger.folder, rows=rows, retry=set(retry))
        mirror.ask(row for name, row in rows.items() if name not in agenda.missing)
        num_run = 0
        if not agenda.is_empty:
            datasets = agenda.datasets
            planned = saved_plan.read(ledger.folder)
            trials = [*agenda.missing.values(), *(sweep.search.ends() if sweep.search else [])]
            shipped = code if any(map(has_custom_code, trials)) else ()
            with (
                shown,
                Recorder(
                    ledger=ledger,
                    lock=lock,
                    rows=rows,
                    agenda=agenda,
                    progress=shown,
                    mirror=mirror,
                    artifacts=artifacts,
                    provenance=Provenance(
                        runner=type(runner or RayTune()).__name__,
                        code=code[0] if code else None,
                        planned=planned,
                    ),
                    interrupts=interrupts,
                ) as recorder,
            ):
                (runner or RayTune()).run(
                    dict(agenda.missing),
                    datasets,
                    recorder,
                    num_proposals=agenda.num_proposals,
                    code=shipped,
                    artifacts=artifacts,
                )
            num_run = recorder.num_run
        elif rows:
            write_tables(ledger.folder, rows.values())
    return Outcome(
        folder=ledger.folder,
        rows=tuple(rows[name] for name in agenda.trials if name in rows),
        num_trials=agenda.num_trials,
        num_run=num_run,
        seconds=time.monotonic() - start,
        out_of_time=interrupts.out_of_time and num_run < len(agenda.missing) + agenda.num_proposals,
        unsent=mirror.unsent(),
    )
