import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Choice, Search, Status, Sweep, TrialRow, read_trials, run, trial_id
from mnist_sweep.errors import LedgerError, SweepError
from mnist_sweep.results import csv_io, runs
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.search import pending_proposals
from mnist_sweep.sweep import results_folder
from mnist_sweep.trials.events import (
    Event,
    Notice,
    RowCommitted,
    RunEnded,
    RunInterrupted,
    RunStarted,
    TrialEvaluated,
    TrialRetried,
    TrialStarted,
    WorkersReady,
)
from tests.conftest import MakeRow

IMPORTING = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


class When:
    """A listener that does something at each event of a kind."""

    def __init__(self, kind: type[Any], action: Callable[[Any], object]) -> None:
        self._kind, self._action = kind, action

    def on_event(self, event: Event) -> None:
        if isinstance(event, self._kind):
            self._action(event)


def ids(sweep: Sweep) -> list[str]:
    return [trial_id(trial) for trial in sweep.trials]


def test_events_come_in_order(tmp_path: Path, sweep: Sweep, instant: Runner, events: Any) -> None:
    run(sweep, results=tmp_path, runner=instant, listeners=[events])
    trial = [TrialStarted, TrialEvaluated, RowCommitted]
    assert list(map(type, events.all)) == [RunStarted, WorkersReady, *trial * 3, RunEnded]
    started, ready, ended = events.all[0], events.all[1], events.all[-1]
    assert (started.rows, started.num_missing, started.fields) == ((), 3, ("optimizer.learning_rate",))
    assert (ready.num_workers, ended) == (1, RunEnded(num_run=3, error=None, can_write=True))
    assert [event.config["optimizer.learning_rate"] for event in events.of(TrialStarted)] == [0.1, 0.2, 0.4]


def test_a_proposal_whose_row_is_committed_is_gone_even_if_the_tables_cannot_be_written(
    tmp_path: Path, sweep: Sweep, instant: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(results_folder, "MIN_SECONDS_BETWEEN", -1.0)
    monkeypatch.setattr(csv_io, "write_tables", refuse)
    trial, axes = sweep.trials[0], {"optimizer.learning_rate": Choice((0.1, 0.2))}
    pending_proposals.write(tmp_path / "rates", trial)
    search = Sweep(name="rates", search=Search(base=trial, axes=axes, num_trials=1))
    with pytest.raises(LedgerError, match="the disk is full"):
        run(search, results=tmp_path, runner=instant)
    assert list(Ledger(tmp_path / "rates").rows()) == [trial_id(trial)]
    assert pending_proposals.read(tmp_path / "rates") == {}


def test_rows_of_this_run_are_rows_of_the_sweep_and_those_to_be_replaced_are_not(
    tmp_path: Path, sweep: Sweep, instant: Runner, make_row: MakeRow
) -> None:
    seen = []

    class Looking:
        def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
            observer.ready(1)
            for trial in trials.values():
                seen.append([row.trial_id for row in observer.rows()])
                observer.finished(make_row(trial))
            seen.append([row.trial_id for row in observer.rows()])  # as of a scheduler that starts anew with its Ray

    first, second, third = ids(sweep)
    run(Sweep(name="rates", trials=sweep.trials[:1]), results=tmp_path, runner=instant)
    run(sweep, results=tmp_path, runner=Looking())
    assert seen == [[first], [first, second], [first, second, third]]
    seen.clear()
    run(sweep, results=tmp_path, runner=Looking(), retry=[Status.OK])
    assert seen == [[], [first], [first, second], [first, second, third]]


def test_a_run_with_nothing_to_do_has_no_events(tmp_path: Path, sweep: Sweep, instant: Runner, events: Any) -> None:
    for listeners in ([], [events]):
        run(sweep, results=tmp_path, runner=instant, listeners=listeners)
    assert events.all == []


def test_every_row_is_an_event_exactly_once_after_it_is_on_the_disk(
    tmp_path: Path, sweep: Sweep, instant: Runner
) -> None:
    received = []

    def look(event: RowCommitted) -> None:
        assert Ledger(tmp_path / "rates").rows()[event.row.trial_id] == event.row
        received.append(event.row.trial_id)

    listeners = [When(RowCommitted, look)]
    run(Sweep(name="rates", trials=sweep.trials[:1]), results=tmp_path, runner=instant, listeners=listeners)
    outcome = run(sweep, results=tmp_path, runner=instant, listeners=listeners)
    assert received == ids(sweep) == [row.trial_id for row in outcome.rows]


def test_the_end_of_a_run_is_an_event_when_tables_and_record_are_written(
    tmp_path: Path, sweep: Sweep, instant: Runner
) -> None:
    folder, lengths = tmp_path / "rates", []

    def look(event: RunEnded) -> None:
        lengths.extend([len(read_trials(folder)), len(runs.read(folder))])

    run(sweep, results=tmp_path, runner=instant, listeners=[When(RunEnded, look)])
    assert lengths == [3, 1]


def test_a_listener_that_fails_ends_no_run_and_costs_no_row(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any
) -> None:
    def fail(event: Event) -> None:
        raise LedgerError("mine")  # even the error that ends a run if it is the run's own

    outcome = run(sweep, results=tmp_path, runner=instant, listeners=[When(object, fail), events])
    assert outcome.complete
    assert (len(Ledger(outcome.folder).rows()), len(read_trials(outcome.folder))) == (3, 3)
    [notice] = events.of(Notice)
    assert "the listener When failed" in notice.text
    assert "LedgerError: mine" in notice.text


@pytest.mark.parametrize("leave", [lambda _: sys.exit(0), lambda _: os._exit(0)])
def test_a_listener_that_exits_ends_no_run(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any, leave: Callable[[Event], None]
) -> None:
    assert run(sweep, results=tmp_path, runner=instant, listeners=[When(RowCommitted, leave), events]).complete
    [notice] = events.of(Notice)
    assert re.search(r"failed, the run continues: (SystemExit: 0|ProcessExitError: os._exit\(0\)) ", notice.text)


def test_a_listener_that_forks_leaves_one_run(tmp_path: Path) -> None:
    code = """
import os
from tests.sweep.conftest import Instant
from tests.conftest import RESULT
from mnist_sweep import Sweep, TrialConfig, run
from mnist_sweep.training.row_builder import failed

class Forking:
    def on_event(self, event):
        os.fork()

sweep = Sweep(name="forked", trials=[TrialConfig(seed=seed) for seed in range(3)])
outcome = run(sweep, runner=Instant(lambda trial: failed(trial, error="x")), listeners=[Forking()])
print(len(outcome.rows))
"""
    words = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", code]  # of Python 3.12 and later
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=IMPORTING)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "3\n", "")


def test_a_row_that_cannot_be_committed_is_no_event_and_ends_the_run(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Ledger.commit

    def full(self: Ledger, row: TrialRow) -> None:
        if row.trial_id == ids(sweep)[1]:
            raise LedgerError("the disk is full")
        commit(self, row)

    monkeypatch.setattr(Ledger, "commit", full)
    with pytest.raises(LedgerError, match="the disk is full"):
        run(sweep, results=tmp_path, runner=instant, listeners=[events])
    assert [event.row.trial_id for event in events.of(RowCommitted)] == ids(sweep)[:1]
    [ended] = events.of(RunEnded)
    assert (ended.num_run, ended.can_write, type(ended.error)) == (1, False, LedgerError)
    assert not (tmp_path / "rates" / "trials.csv").exists()


def test_whatever_ends_a_run_its_rows_are_in_the_tables(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any
) -> None:
    class Broken:
        def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
            instant.run({name: trials[name] for name in ids(sweep)[:2]}, datasets, observer, **options)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(sweep, results=tmp_path, runner=Broken(), listeners=[events])
    [ended] = events.of(RunEnded)
    assert (ended.num_run, ended.can_write, type(ended.error)) == (2, True, ZeroDivisionError)
    assert len(read_trials(tmp_path / "rates")) == 2


def test_a_run_has_its_end_and_its_tables_even_if_a_model_cannot_be_removed(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any
) -> None:
    for name in ids(sweep)[:2]:
        (tmp_path / "rates" / "models" / f"{name}.keras").mkdir(parents=True)
    with pytest.raises(LedgerError, match="cannot be removed"):
        run(sweep, results=tmp_path, runner=instant, listeners=[events])
    assert events.all[-1] == RunEnded(num_run=3, error=None, can_write=True)
    assert len(read_trials(tmp_path / "rates")) == 3


@pytest.mark.parametrize("num_signals", [1, 2])
def test_an_interrupt_ends_a_run_with_its_rows_in_the_tables(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any, num_signals: int
) -> None:
    def interrupt(event: RowCommitted) -> None:
        for _ in range(num_signals):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(sweep, results=tmp_path, runner=instant, listeners=[When(RowCommitted, interrupt), events])
    assert events.of(RunInterrupted) == ([RunInterrupted(out_of_time=False)] if num_signals == 1 else [])
    assert [event.num_run for event in events.of(RunEnded)] == [1]
    assert len(read_trials(tmp_path / "rates")) == 1
    assert not list((tmp_path / "rates" / "checkpoints").glob("run-*"))
    assert run(sweep, results=tmp_path, runner=instant).num_run == 2


def test_a_time_budget_ends_a_run_and_says_so(tmp_path: Path, sweep: Sweep, instant: Runner, events: Any) -> None:
    outcome = run(sweep, results=tmp_path, runner=instant, time_budget=1e-6, listeners=[events])
    assert (outcome.out_of_time, outcome.num_run, outcome.complete) == (True, 0, False)
    assert events.of(RunInterrupted) == [RunInterrupted(out_of_time=True)]


def test_a_note_of_a_trial_names_it_by_what_tells_it_from_others(
    tmp_path: Path, sweep: Sweep, instant: Runner, events: Any
) -> None:
    class Noting:
        def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
            observer.ready(1, "the machine is slow")
            observer.noted(None, "a node is gone")
            observer.noted(ids(sweep)[0], "starts late")
            observer.retried(ids(sweep)[0], "the node is gone")

    with pytest.raises(SweepError, match="the runner Noting ended without rows of 3 trials"):
        run(sweep, results=tmp_path, runner=Noting(), listeners=[events])
    first = ids(sweep)[0]
    [retried] = events.of(TrialRetried)
    assert (retried.trial_id, retried.cause) == (first, "the node is gone")
    assert [(event.text, event.trial_id) for event in events.of(Notice)] == [
        ("the machine is slow", None),
        ("a node is gone", None),
        (f"learning_rate=0.1 ({first}) starts late", first),
    ]


def test_a_trial_that_failed_is_a_row_like_any_other(
    tmp_path: Path, sweep: Sweep, make_row: MakeRow, events: Any
) -> None:
    class Failing:
        def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
            observer.ready(1)
            for trial in trials.values():
                observer.finished(make_row(trial, Status.FAILED, error="OSError: no"))

    outcome = run(sweep, results=tmp_path, runner=Failing(), listeners=[events])
    assert (outcome.num_failed, outcome.complete) == (3, False)
    assert [event.row for event in events.of(RowCommitted)] == list(outcome.rows)


def test_rows_of_another_environment_than_the_sweeps_first_are_noted_once_for_each_kind(
    tmp_path: Path, sweep: Sweep, make_row: MakeRow, events: Any
) -> None:
    class Cluster:
        def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
            observer.ready(2)
            machines = [("one", {"onednn": "1", "python": "3.11"}), *2 * [("two", {"onednn": "0", "python": "3.12"})]]
            for trial, (machine, environment) in zip(trials.values(), machines, strict=True):
                observer.finished(make_row(trial, worker=f"{machine}:1", environment=environment))

    run(sweep, results=tmp_path, runner=Cluster(), listeners=[events])
    [notice] = events.of(Notice)
    assert "unlike machines or settings (onednn 1 and 0 on two): the same trial may" in notice.text
