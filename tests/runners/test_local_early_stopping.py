"""Laws of early stopping without Ray: the same trials are stopped at the same points, and nothing of them is left."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray.tune.schedulers import FIFOScheduler, HyperBandScheduler, MedianStoppingRule

from mnist_sweep import GradientDescent, Local, LogUniform, RayTune, Search, Softmax, Sweep, TrialConfig, grid, run
from mnist_sweep.errors import ConfigError, ProcessLostError
from mnist_sweep.runners import local, trial
from mnist_sweep.runners.trial_process import ThisProcess
from mnist_sweep.sweep.replay import replay
from mnist_sweep.trials.row import Evaluation, TrialRow
from tests.conftest import Refused
from tests.runners.test_trial_process import numbers

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=320, evaluate_every=20)
SWEEP = Sweep(name="t", trials=grid(BASE, {"optimizer.learning_rate": [0.5, 0.4, 0.3, 1e-6, 2e-6, 3e-6]}))


def shown(rows: Any) -> dict[str, Any]:
    return {row.trial_id: numbers(row) for row in rows}


def test_asha_stops_trials_as_on_ray_and_a_second_run_has_nothing_to_do(tmp_path: Path) -> None:
    runner = Local(in_process=True, scheduler="asha")
    rows = run(SWEEP, results=tmp_path, runner=runner).rows
    assert (rows[0].status, rows[0].steps) == ("ok", 320)
    assert [(row.status, row.steps) for row in rows[3:]] == [("stopped", 20)] * 3
    for row in rows[3:]:
        assert (len(row.history), row.test_accuracy, row.parameters) == (1, None, 650)
        assert (row.environment, row.version, row.worker) == (rows[0].environment, rows[0].version, rows[0].worker)
    assert not list((tmp_path / "t" / "checkpoints").glob("*"))
    assert run(SWEEP, results=tmp_path, runner=runner).num_run == 0
    assert replay(tmp_path / "t", rows[-1].trial_id).identical


def test_the_median_rule_of_tune_itself_finds_what_it_reads(tmp_path: Path) -> None:
    median = MedianStoppingRule(time_attr="step", grace_period=20, min_samples_required=1, min_time_slice=0)
    rows = run(SWEEP, results=tmp_path, runner=Local(in_process=True, scheduler=median)).rows
    assert [row.status for row in rows[3:]] == ["stopped"] * 3


def test_a_search_is_stopped_early_though_no_trial_is_known_before_it_proposes_one(tmp_path: Path) -> None:
    search = Search(base=BASE, axes={"optimizer.learning_rate": LogUniform(low=1e-6, high=0.5)}, num_trials=6)
    rows = run(Sweep(name="s", search=search), results=tmp_path, runner=Local(in_process=True, scheduler="asha")).rows
    assert {row.status for row in rows} == {"ok", "stopped"}


@pytest.mark.slow
@pytest.mark.parametrize("runner", [Local(workers=1, scheduler="asha"), RayTune(max_concurrent=1, scheduler="asha")])
def test_every_runner_stops_the_same_trials_at_the_same_points(tmp_path: Path, runner: Any, ray_session: None) -> None:
    expected = run(SWEEP, results=tmp_path / "one", runner=Local(in_process=True, scheduler="asha")).rows
    rows = run(SWEEP, results=tmp_path / "other", runner=runner).rows
    assert shown(rows) == shown(expected)
    assert {(row.parameters, row.version) for row in rows} == {(650, expected[0].version)}
    assert all(row.val_accuracy == row.history[-1].val_accuracy for row in rows)
    (worker,) = {row.worker for row in rows}  # of trials that ended and of those whose rows the driver makes
    assert worker not in {row.worker for row in expected}


@pytest.mark.slow
def test_trials_side_by_side_are_stopped_where_they_are_judged_whatever_their_processes_have_done_since(
    tmp_path: Path,
) -> None:
    runner = Local(workers=2, stop=lambda _, result: result["step"] >= 100)
    rows = run(SWEEP, results=tmp_path, runner=runner).rows
    assert [(row.status, row.steps, len(row.history)) for row in rows] == [("stopped", 100, 5)] * 6


@pytest.mark.parametrize(
    "scheduler", [HyperBandScheduler(time_attr="step"), MedianStoppingRule(time_attr="step", hard_stop=False)]
)
def test_a_scheduler_that_pauses_trials_is_refused_with_the_way_out(scheduler: Any, refused: Refused) -> None:
    assert RayTune(scheduler=scheduler)
    with refused(ConfigError, "pauses trials, which needs Ray: use RayTune"):
        Local(scheduler=scheduler)


class Pausing(FIFOScheduler):  # type: ignore[misc]  # Ray brings no types
    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return "PAUSE"


def test_a_scheduler_that_pauses_a_trial_all_the_same_ends_the_run_at_that(tmp_path: Path, refused: Refused) -> None:
    with refused(ConfigError, "the scheduler pauses trials, which needs Ray: use RayTune"):
        run(SWEEP, results=tmp_path, runner=Local(in_process=True, scheduler=Pausing()))


def test_a_rule_stops_trials_beside_a_scheduler_but_not_at_their_last_step(tmp_path: Path) -> None:
    short = replace(BASE, num_steps=40)
    for stop, expected in (({"step": 20}, ("stopped", 20)), ({"step": 40}, ("ok", 40))):
        runner = Local(in_process=True, scheduler="median", stop=stop)
        (row,) = run(Sweep(name=f"at{stop['step']}", trials=[short]), results=tmp_path, runner=runner).rows
        assert (row.status, row.steps) == expected


def test_an_error_in_a_rule_ends_the_run_as_itself(tmp_path: Path) -> None:
    runner = Local(in_process=True, stop=lambda _, result: result["accuracy_of_the_moon"])
    with pytest.raises(KeyError, match="accuracy_of_the_moon"):
        run(SWEEP, results=tmp_path, runner=runner)


class LosingOnce(ThisProcess):
    """A process that the system ends after the first point of its first trial."""

    lost = False

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__({"threads": 1})
        self.steps = self.losing

    def losing(self, config: TrialConfig, *given: Any, **named: Any) -> Any:
        running = trial.steps(config, *given, **named)
        while True:
            try:
                item = next(running)
            except StopIteration as end:
                return end.value
            yield item
            if isinstance(item, Evaluation) and not LosingOnce.lost:
                LosingOnce.lost = True
                raise ProcessLostError("its process was killed by SIGKILL")


def test_the_curve_of_a_trial_that_is_retried_holds_each_point_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "TrialProcess", LosingOnce)
    monkeypatch.setattr(LosingOnce, "lost", False)
    runner = Local(workers=1, stop={"step": 60})
    rows: list[TrialRow] = [*run(Sweep(name="t", trials=[BASE]), results=tmp_path, runner=runner).rows]
    assert LosingOnce.lost
    assert [point.step for point in rows[0].history] == [20, 40, 60]
