import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig, select
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.statistics.intervals import wilson_interval
from mnist_sweep.sweep.live_run import LiveRun, RunningTrial
from mnist_sweep.system.folder_lock import HOLDER, Lock
from mnist_sweep.trials.ids import trial_name
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.watch.live_state import Phase, as_of, phase_of, summary, time_left_of

SOON = time.time() + 3600.0  # after a lock is taken in a test
RUNNING = LiveRun(num_trials=4, num_done=2, started=SOON)
ENDED = replace(RUNNING, phase="ended", num_done=4)


@pytest.mark.parametrize(
    ("run", "held", "free"),
    [
        (None, "starting", "unknown"),
        (RUNNING, "running", "killed"),
        (replace(RUNNING, phase="stopping"), "stopping", "killed"),
        (ENDED, "ended", "ended"),
        (replace(ENDED, num_done=3), "interrupted", "interrupted"),
        (replace(ENDED, error="the disk is full"), "interrupted", "interrupted"),
        (replace(RUNNING, started=0.0), "starting", "killed"),
        (replace(ENDED, started=0.0), "starting", "ended"),
    ],
)
def test_the_phase_is_that_of_the_run_and_of_the_lock(
    tmp_path: Path, run: LiveRun | None, held: str, free: str
) -> None:
    with Lock(tmp_path) as lock:
        lock.acquire()
        assert phase_of(run, tmp_path) == held
    assert phase_of(run, tmp_path) == free


def test_a_process_that_is_gone_holds_no_lock_and_one_elsewhere_is_believed(tmp_path: Path) -> None:
    gone = 2**22 + 1  # above the largest id of a process
    for host, phase in ((platform.node(), "killed"), ("another", "running")):
        (tmp_path / HOLDER).write_text(json.dumps({"host": host, "pid": gone, "since": "2026-01-01T00:00:00+00:00"}))
        assert phase_of(RUNNING, tmp_path) == phase


@pytest.mark.parametrize(
    ("phase", "num_running"), [("running", 1), ("stopping", 1), ("killed", 0), ("starting", 0), ("ended", 0)]
)
def test_nothing_runs_in_a_run_that_is_over(phase: Phase, num_running: int) -> None:
    trial = RunningTrial(trial_id="t", label="t", num_steps=1, started=0.0)
    run = as_of(phase, replace(RUNNING, running=(trial,)), {})
    assert run is not None
    assert len(run.running) == num_running
    assert as_of(phase, None, {}) is None


def test_a_row_that_is_newer_than_the_state_of_the_run_counts_as_done(rows: list[TrialRow]) -> None:
    trial = RunningTrial(trial_id=rows[0].trial_id, label="t", num_steps=1, started=0.0)
    for earlier, num_done, num_running in ((1.0, 1, 0), (-1.0, 0, 1)):
        committed = replace(rows[0], started=RUNNING.started + earlier)
        run = as_of("running", replace(RUNNING, num_done=0, running=(trial,)), {rows[0].trial_id: committed})
        assert run is not None
        assert (run.num_done, len(run.running)) == (num_done, num_running)


def test_the_summary_has_the_status_the_best_with_its_interval_its_curve_and_the_cost(
    folder: Path, rows: list[TrialRow]
) -> None:
    found = summary(Ledger(folder).rows(with_history=False), folder)
    low, high = wilson_interval(0.91 * 300, 300)
    assert found.status.best[0].trial_ids == (rows[0].trial_id,)
    assert found.best_labels == ("learning_rate=0.1", "learning_rate=0.2")
    assert found.best_test == pytest.approx((0.91, float(low), float(high)))
    assert found.best_curve == ((50, 0.8),)
    assert found.trial_seconds == pytest.approx(2 * 12.345)
    assert sorted(found.ends) == [1012.345, 1032.345]


def test_the_interval_of_several_seeds_is_wider_than_that_of_the_images(folder: Path, rows: list[TrialRow]) -> None:
    config = {**rows[0].config, "seed": 1}
    other = replace(rows[0], trial_id=trial_name(rows[0].config_id, 1), config=config, test_accuracy=0.89)
    Ledger(folder).commit(other)
    found = summary(Ledger(folder).rows(with_history=False), folder)
    low, high = wilson_interval(0.9 * 300, 300)
    assert found.best_test is not None
    mean, least, most = found.best_test
    assert mean == pytest.approx(0.9)
    assert least < low < high < most <= 1


@pytest.mark.parametrize("values", [[0.95], [0.99, 0.95], [1.0, 0.97, 0.98]])
def test_the_interval_is_that_of_select(
    tmp_path: Path, make_row: Callable[..., TrialRow], values: Sequence[float]
) -> None:
    ledger = Ledger(tmp_path)
    ledger.open()
    for seed, value in enumerate(values):
        ledger.commit(make_row(TrialConfig(seed=seed), test_accuracy=value))
        ledger.commit(make_row(TrialConfig(seed=seed, num_steps=9), val_accuracy=0.5))
    found = select(tmp_path)
    ends = found.test_mean, found.test_new_low, found.test_new_high
    assert summary(ledger.rows(with_history=False), tmp_path).best_test == pytest.approx(ends, abs=1e-12)


def test_the_best_is_named_by_the_fields_of_the_run_while_no_row_differs_in_them(
    folder: Path, rows: list[TrialRow]
) -> None:
    run = ("model", "optimizer.learning_rate", "changes", "seed")
    found = summary({rows[0].trial_id: rows[0]}, folder, run)
    assert (found.best_labels, found.status.fields) == (("softmax learning_rate=0.1",), (*run[:2], "seed"))
    assert found.status.best[0].values.keys() == {*run} - {"changes"}
    assert summary(Ledger(folder).rows(), folder, run[:1]).status.fields == run[:2]


def test_a_folder_without_rows_has_a_summary(tmp_path: Path) -> None:
    found = summary({}, tmp_path)
    assert (found.best_test, found.best_labels, found.best_curve, found.ends) == (None, (), (), ())


def test_the_forecast_counts_the_trials_of_this_run_only(folder: Path, make_row: Callable[..., TrialRow]) -> None:
    found = summary(Ledger(folder).rows(with_history=False), folder)
    run = LiveRun(started=1020.0, num_trials=4, num_done=2, num_workers=1)
    left = time_left_of(run, found, now=1032.345)
    assert left is not None
    assert left.seconds == pytest.approx(2 * 12.345)
    assert time_left_of(replace(run, started=2000.0), found, now=2001.0) is None
