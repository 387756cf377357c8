import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Sweep, run, trial_id
from mnist_sweep.errors import LedgerError
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.sweep import live_run
from mnist_sweep.sweep.live_run import FILE, LiveRun, LiveRunWriter, read
from mnist_sweep.trials import events
from mnist_sweep.trials.config import to_flat
from tests.conftest import Refused
from tests.sweep.conftest import POINT


@pytest.fixture
def begun(tmp_path: Path, sweep: Sweep) -> LiveRunWriter:
    """The writer of a run of three trials, of which the first one runs."""
    writer, trial = LiveRunWriter(tmp_path), sweep.trials[0]
    writer.on_event(events.RunStarted(rows=(), num_trials=3, fields=("optimizer.learning_rate",)))
    writer.on_event(events.WorkersReady(num_workers=2))
    writer.on_event(events.TrialStarted(trial_id=trial_id(trial), config=to_flat(trial)))
    return writer


def ended(writer: LiveRunWriter, error: BaseException | None = None) -> LiveRun | None:
    """End a run, and return what is on the disk then."""
    writer.on_event(events.RunEnded(num_run=0, error=error, can_write=True))
    return read(writer._path.parent)


def test_a_run_leaves_its_end(tmp_path: Path, sweep: Sweep, instant: Runner) -> None:
    run(sweep, results=tmp_path, runner=instant)
    found = read(tmp_path / "rates")
    assert found is not None
    assert (found.phase, found.num_trials, found.num_done, found.num_workers, found.running) == ("ended", 3, 3, 1, ())
    assert 0 < found.started <= found.ended


def test_running_trials_are_there_with_their_curves_as_they_come(
    begun: LiveRunWriter, tmp_path: Path, sweep: Sweep
) -> None:
    name = trial_id(sweep.trials[0])
    for step in range(1, 500):
        begun.on_event(events.TrialEvaluated(trial_id=name, evaluation=POINT._replace(step=step)))
    begun.on_event(events.TrialEvaluated(trial_id=name, evaluation=POINT._replace(step=500, val_accuracy=None)))
    begun.on_event(events.TrialPlaced(trial_id=name, worker="host:1"))
    begun.on_event(events.TrialPlaced(trial_id="ended", worker="host:1"))
    begun._write()
    found = read(tmp_path)
    assert found is not None
    assert (found.phase, found.num_workers, len(found.running)) == ("running", 2, 1)
    assert found.fields == ("optimizer.learning_rate",)
    trial = found.running[0]
    assert (trial.trial_id, trial.label, trial.num_steps) == (name, "learning_rate=0.1", 4)
    assert trial.curve[-1] == (499, 0.8)
    assert (trial.step, trial.last, trial.worker) == (500, "train 0.5000", "host:1")
    assert len(trial.curve) <= live_run.MAX_POINTS
    ended(begun)


def test_what_happens_is_written_without_another_event(begun: LiveRunWriter, tmp_path: Path) -> None:
    while not (found := read(tmp_path)) or not found.running:
        assert begun._thread.is_alive()
    ended(begun)


def test_a_runner_may_start_workers_anew(begun: LiveRunWriter) -> None:
    begun.on_event(events.WorkersReady(num_workers=3))
    found = ended(begun)
    assert found is not None
    assert found.num_workers == 3


def test_rows_notices_retries_and_interrupts_change_the_state(
    begun: LiveRunWriter, sweep: Sweep, tmp_path: Path, make_row: Callable[..., Any]
) -> None:
    first, second = sweep.trials[:2]
    lost = events.TrialRetried(trial_id=trial_id(second), config=to_flat(second), cause="lost")
    for event in (lost, events.Notice(text="beware"), events.RunInterrupted(out_of_time=False)):
        begun.on_event(event)
    begun.on_event(events.RowCommitted(row=make_row(first)))
    begun._write()
    found = read(tmp_path)
    assert found is not None
    assert ([trial.trial_id for trial in found.running], found.num_done) == ([trial_id(second)], 1)
    begun.on_event(events.TrialPaused(trial_id=trial_id(second)))
    begun._write()
    assert (read(tmp_path) or found).running == ()
    retried = f"learning_rate=0.2 ({trial_id(second)}) is retried: lost"
    assert (found.phase, found.notices) == ("stopping", (retried, "beware"))
    ended(begun)


@pytest.mark.parametrize(
    ("error", "text"), [(None, None), (KeyboardInterrupt(), None), (LedgerError("the disk is full"), "LedgerError")]
)
def test_the_end_says_what_ended_it(begun: LiveRunWriter, error: BaseException | None, text: str | None) -> None:
    found = ended(begun, error)
    assert found is not None
    assert found.phase == "ended"
    assert (found.error or "").partition(":")[0] == (text or "")


def test_a_disk_that_refuses_the_file_ends_no_run(tmp_path: Path, sweep: Sweep, instant: Runner) -> None:
    (tmp_path / "rates" / FILE).mkdir(parents=True)
    assert run(sweep, results=tmp_path, runner=instant).complete


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"running": [1]}', '{"running": [], "phase": "odd"}', "[" * 10**5]
)
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, text: str, refused: Refused) -> None:
    assert read(tmp_path) is None
    (tmp_path / FILE).write_text(text)
    with refused(LedgerError, FILE, "delete it"):
        read(tmp_path)


def test_what_is_written_is_strict_json(begun: LiveRunWriter, tmp_path: Path) -> None:
    ended(begun)
    json.loads((tmp_path / FILE).read_text(), parse_constant=lambda name: pytest.fail(name))
