"""The one operation on a sweep: run what is missing.

Running a sweep for the first time, again, with more trials, or after any crash is the same set difference between its
trials' ids and those of the rows in its results folder.
"""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import SweepError
from mnist_sweep.results import saved_race
from mnist_sweep.runners.protocol import Runner, require_runner
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.sweep import stale_rows
from mnist_sweep.sweep.best_config import best_config
from mnist_sweep.sweep.dispatcher import Dispatcher
from mnist_sweep.sweep.inputs import RunInputs, load_in_child
from mnist_sweep.sweep.outcome import Outcome
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.system import refused_exits
from mnist_sweep.system.signals import Interrupts
from mnist_sweep.system.storage import absolute, folder_in
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.numbers import counted
from mnist_sweep.trackers.protocol import Tracker
from mnist_sweep.trackers.sync import TrackerSync
from mnist_sweep.trials.artifacts import Artifacts, Keep
from mnist_sweep.trials.config import custom_parts, trial_id
from mnist_sweep.trials.events import Listener
from mnist_sweep.trials.row import Status, statuses
from mnist_sweep.trials.user_code.unguarded_scripts import starts_a_run
from mnist_sweep.validation import require

if TYPE_CHECKING:
    from mnist_sweep.search.race import Known


@starts_a_run
def run(
    sweep: Sweep,
    *,
    results: str | Path = "results",
    runner: Runner | None = None,
    keep: Keep | None = None,
    retry: Iterable[Status] = (),
    time_budget: float | None = None,
    listeners: Sequence[Listener | Tracker] = (),
    until: "Known | None" = None,
) -> Outcome:
    """Run the trials of a sweep that have no row yet, commit each row as it comes, and write the tables.

    Args:
        sweep: What to run.
        results: Folder that holds a folder for each sweep.
        runner: Where to run; `RayTune()` if None.
        keep: What to keep besides rows and tables; `Keep()` if None.
        retry: Statuses whose trials run again.
        time_budget: Seconds after which the run ends as on a first Ctrl-C, above 0; None means no limit.
        listeners: What receives the run's events, such as progress, and its rows, such as trackers; none can end it.
        until: Race the sweep's configs, with one more seed at a time, until the best is known.

    Raises:
        SweepError: The sweep cannot run as asked, and nothing is written; or the disk is full, and rows are kept.
        KeyboardInterrupt: SIGINT came once: running trials are paused and the tables written; or it came twice.
    """
    require(isinstance(sweep, Sweep), "sweep is a Sweep", sweep=sweep)
    require_runner(runner)
    require(time_budget is None or time_budget > 0, "time_budget > 0", time_budget=time_budget)
    again = statuses(retry)
    sweep, runner = sweep.with_options(until=until), runner or RayTune()
    if sweep.until:
        rule = "a race takes no scheduler, which would stop trials before their end"
        scheduler, stop = getattr(runner, "scheduler", "fifo"), getattr(runner, "stop", None)
        require(scheduler == "fifo" and stop is None, rule, scheduler=scheduler, stop=stop)
        needs = "an answer for new images needs the predictions of each trial"
        require(sweep.until.images == "these" or keep is None or keep.predictions, needs, predictions=False)
    folder, interrupts = ResultsFolder(Path(results) / sweep.name), Interrupts(time_budget)
    try:
        with _exits_refused(interrupts):
            return _run(sweep, folder, runner, keep or Keep(), again, listeners, interrupts)
    except KeyboardInterrupt as error:
        vars(error)["_render_traceback_"] = lambda: ["KeyboardInterrupt"]  # what IPython shows: here is no fault
        raise


def _run(
    sweep: Sweep,
    folder: ResultsFolder,
    runner: Runner,
    keep: Keep,
    retry: set[Status],
    listeners: Sequence[Listener | Tracker],
    interrupts: Interrupts,
) -> Outcome:
    start = time.monotonic()
    dispatcher = Dispatcher([*_view(), *(one for one in listeners if not isinstance(one, Tracker))])
    sessions = [one.connect(sweep.name, folder.path) for one in listeners if isinstance(one, Tracker)]
    sync = TrackerSync(sessions, notify=dispatcher.notify, is_ending=lambda: interrupts.stop_requested)
    with folder.lock, interrupts, sync, _ahead(sweep, runner, folder.read()) as started:
        remaining = _remaining(sweep, folder, retry, _inputs(sweep, runner, interrupts), set_aside=keep.set_aside)
        done = [row for name, row in folder.rows.items() if name not in remaining.missing]
        sync.send_missing(done, remaining.fields)
        dispatcher.add(sync)
        num_run = _run_missing(sweep, started, keep, folder, remaining, dispatcher, interrupts)
    return Outcome(
        folder=folder.path,
        rows=tuple(folder.rows[name] for name in remaining.trials if name in folder.rows),
        num_trials=remaining.num_trials,
        num_run=num_run,
        seconds=time.monotonic() - start,
        out_of_time=interrupts.out_of_time and num_run < len(remaining.missing) + remaining.num_proposals,
        unsent=sync.unsent(),
        best=best_config(remaining.trials, folder),
        race=saved_race.summary(folder.path, folder.rows.values()) if remaining.race else None,
    )


def _ahead(sweep: Sweep, runner: Runner, rows: Container[str]) -> contextlib.AbstractContextManager[Runner]:
    """Return a context that gives the runner, which starts something in advance if it can and listed trials lack rows.

    Whether a search or a race goes on is not known yet.
    """
    lacks_rows = not sweep.until and any(trial_id(one) not in rows for one in sweep.trials)
    return runner.ahead() if lacks_rows and hasattr(runner, "ahead") else contextlib.nullcontext(runner)


def _view() -> list[Listener]:
    """Return what shows the run in the notebook whose kernel this process is; nothing elsewhere."""
    if not hasattr(getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)(), "kernel"):
        return []
    from mnist_sweep.sweep.notebook import NotebookView

    return [NotebookView()]


def _inputs(sweep: Sweep, runner: Runner, interrupts: Interrupts) -> RunInputs:
    """Return what loads the run's data, which may take long and is not waited for when the run is to end."""
    in_process = getattr(runner, "in_process", False)

    def load(source: Any) -> Dataset:
        if source in sweep.loaded:
            return sweep.loaded[source]
        with interrupts.at_once():
            return loading.load(source) if in_process else load_in_child(source)

    return RunInputs(load)


def _remaining(
    sweep: Sweep, folder: ResultsFolder, retry: set[Status], inputs: RunInputs, *, set_aside: bool
) -> RemainingTrials:
    stale = stale_rows.find(sweep, folder.rows, retry, inputs, folder.path)
    if not set_aside:
        stale.refuse(folder.path)
    folder.leave_out(stale.rows, "; ".join(stale.causes))
    remaining = RemainingTrials(sweep, folder=folder.path, rows=folder.rows, retry=retry, inputs=inputs)
    remaining.notes += [stale.note] if stale.note else []
    return remaining


def _run_missing(
    sweep: Sweep,
    runner: Runner,
    keep: Keep,
    folder: ResultsFolder,
    remaining: RemainingTrials,
    dispatcher: Dispatcher,
    interrupts: Interrupts,
) -> int:
    if not remaining.work_ids:
        folder.set_aside()
        remaining.save_settings()
        folder.write_tables()
        return 0
    from mnist_sweep.results import run_marker
    from mnist_sweep.sweep.live_run import LiveRunWriter
    from mnist_sweep.sweep.provenance import ProvenanceWriter
    from mnist_sweep.sweep.recorder import Recorder
    from mnist_sweep.sweep.run_storage import RunStorage

    datasets, digests = remaining.datasets, remaining.digests_by_key
    path, is_population = folder.path, remaining.population is not None
    where = folder_in(absolute(keep.storage), sweep.name) if keep.storage else str(path.resolve())
    artifacts = Artifacts(
        **dataclasses.asdict(keep) | {"storage": where},
        run_marker=run_marker.new_name(path),
        keep_shared_prefixes=is_population,
        fields=tuple(remaining.fields),
        several_seeds=remaining.several_seeds,
        digests=digests,
    )
    storage = RunStorage(artifacts, folder, remaining, notify=dispatcher.notify)
    code_folder, name = next(iter(sweep.code), None), type(runner).__name__
    provenance = ProvenanceWriter(path, remaining, runner=name, code=code_folder, notify=dispatcher.notify)
    dispatcher.add(provenance, storage, folder, LiveRunWriter(path))
    trials = [*remaining.missing.values(), *remaining.proposable]
    code = sweep.code if any(map(custom_parts, trials)) else ()
    missing, num_proposals = dict(remaining.missing), remaining.num_proposals
    with Recorder(folder, remaining, storage=storage, dispatcher=dispatcher, interrupts=interrupts) as recorder:
        recorder.start()
        runner.run(missing, datasets, recorder, num_proposals=num_proposals, code=code, artifacts=artifacts)
        num_lacking = len(remaining.missing) - recorder.num_run
        if num_lacking and not interrupts.stop_requested:
            raise SweepError(f"the runner {name} ended without rows of {counted(num_lacking, 'trial')}.")
    return recorder.num_run


@contextlib.contextmanager
def _exits_refused(interrupts: Interrupts) -> Iterator[None]:
    """Let no code of the user's end the process in the body, nor while it ends because the body has failed."""
    is_new = refused_exits.refuse()
    try:
        yield
    except SystemExit as error:
        if interrupts.stop_requested:
            raise
        raise SweepError(f"the sweep's own code would end the run: {first_cause(error)}.") from error
    if is_new:
        refused_exits.allow()
