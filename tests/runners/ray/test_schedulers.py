"""What the schedulers decide; that they stop trials of a real sweep is in test_tune."""

import json
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple, get_args

import pytest
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler
from ray.tune.logger import CSVLoggerCallback
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    HyperBandScheduler,
    PopulationBasedTraining,
    ResourceChangingScheduler,
)

from mnist_sweep import RayTune, TrialConfig, TrialRow
from mnist_sweep.errors import ConfigError
from mnist_sweep.runners.ray.schedulers import Scheduler, chosen
from mnist_sweep.trials.row import Evaluation, Status
from mnist_sweep.trials.value_format import ACCURACY
from tests.conftest import MakeRow

TRIALS = [TrialConfig(num_steps=1600, evaluate_every=100, seed=seed) for seed in range(20)]


class NamedTrial(NamedTuple):
    trial_id: str

    @property
    def config(self) -> dict[str, str]:
        return {"trial": json.dumps({"id": self.trial_id, "flat": {"num_steps": 2000}})}


def create_scheduler(name: str, trials: list[TrialConfig], rows: Sequence[TrialRow]) -> Any:
    """Return the scheduler of a run with these rows, for the name of one."""
    observer: Any = SimpleNamespace(rows=lambda: rows, measure=lambda: ACCURACY)
    return chosen(name, None, trials, observer, lambda function, *given: function(*given))


def point(step: int, accuracy: float | None) -> Evaluation:
    return Evaluation(step, 1.0, 0.5, None if accuracy is None else 0.5, accuracy, 0.1, 1.0)


def decision(scheduler: Any, step: int, accuracy: float, name: str = "new") -> str:
    trial = NamedTrial(name)
    scheduler.on_trial_add(None, trial)
    return str(scheduler.on_trial_result(None, trial, {"step": step, "val_accuracy": accuracy}))


class FakeTrial:
    """One of Tune's trials, which counts how often the status of any is read."""

    num_reads = 0

    def __init__(self, status: str = "PENDING") -> None:
        self.set_status(status)

    def set_status(self, status: str) -> None:
        self._status = status

    @property
    def status(self) -> str:
        FakeTrial.num_reads += 1
        return self._status

    def is_finished(self) -> bool:
        return self.status in ("TERMINATED", "ERROR")


def controller(
    trials: list[FakeTrial], *, workers: dict[FakeTrial, str] | None = None, live: tuple[str, ...] = ()
) -> Any:
    """Return Tune's controller: its trials, the workers requested for them, and which of these start or run."""
    manager = SimpleNamespace(live_actors=live)
    return SimpleNamespace(get_trials=lambda: trials, _trial_to_actor=workers or {}, _actor_manager=manager)


def test_fifo_stops_nothing() -> None:
    scheduler = create_scheduler("fifo", TRIALS, [])
    assert [decision(scheduler, 1600, accuracy, name=str(accuracy)) for accuracy in (0.9, 0.1)] == ["CONTINUE"] * 2


@pytest.mark.parametrize("name", get_args(Scheduler))
def test_a_free_worker_gets_the_first_pending_trial_that_no_other_starts_for(name: Scheduler) -> None:
    runs, first, second, third = FakeTrial("RUNNING"), FakeTrial(), FakeTrial(), FakeTrial()
    choose = create_scheduler(name, TRIALS, []).choose_trial_to_run
    asked, trials = {runs: "1", first: "2", second: "3"}, [runs, first, second]
    assert choose(controller([*trials, third], workers=asked, live=("1", "2"))) is second
    assert choose(controller([*trials, third], workers=asked, live=("1", "2", "3"))) is third
    third.set_status("TERMINATED")
    assert choose(controller([*trials, third], workers=asked, live=("1", "2", "3"))) is None


def test_without_tunes_private_names_a_free_worker_gets_the_first_pending_trial() -> None:
    trials = [FakeTrial("RUNNING"), FakeTrial(), FakeTrial()]
    assert (
        create_scheduler("fifo", TRIALS, []).choose_trial_to_run(SimpleNamespace(get_trials=lambda: trials))
        is trials[1]
    )


def test_a_free_worker_gets_a_trial_whose_graphs_it_has_traced_or_else_no_worker_has() -> None:
    trials = [FakeTrial("RUNNING"), FakeTrial("RUNNING"), *(FakeTrial() for _ in range(4))]
    kinds, scheduler, tune = (
        dict(zip(trials, "AABABC", strict=True)),
        create_scheduler("fifo", TRIALS, []),
        controller(trials),
    )
    scheduler.kind_of, chosen = kinds.get, []
    for ended in (0, 3, 1, 2):
        scheduler.choose_trial_to_run(tune)
        trials[ended].set_status("TERMINATED")
        chosen.append(scheduler.choose_trial_to_run(tune))
        chosen[-1].set_status("RUNNING")
    assert [kinds[trial] for trial in chosen] == ["A", "B", "C", "B"]


@pytest.mark.parametrize("name", get_args(Scheduler))
def test_the_next_trial_costs_as_much_to_choose_however_many_have_ended(name: Scheduler) -> None:
    trials = [FakeTrial("TERMINATED") for _ in range(1000)]
    tune = controller(trials)
    choose = create_scheduler(name, TRIALS, []).choose_trial_to_run
    assert choose(tune) is None
    lost, *_, first, second = more = [FakeTrial("RUNNING"), FakeTrial("ERROR"), FakeTrial(), FakeTrial()]
    trials += more
    FakeTrial.num_reads = 0
    assert choose(tune) is first
    first.set_status("RUNNING")
    second.set_status("RUNNING")
    assert choose(tune) is None
    lost.set_status("PENDING")  # its worker was lost
    assert choose(tune) is lost
    assert FakeTrial.num_reads < 100


class Mutating(PopulationBasedTraining):  # type: ignore[misc]  # Ray brings no types
    def __init__(self) -> None:
        super().__init__(hyperparam_mutations={"x": [1]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"scheduler": "pbt"},
            "one of fifo, asha, median, hyperband, a scheduler of Ray Tune or a pruner of Optuna, but got 'pbt'",
        ),
        ({"scheduler": None}, "but got None"),
        ({"scheduler": 3}, "but got 3"),
        ({"scheduler": FIFOScheduler}, "but got <class"),
        ({"scheduler": MedianPruner}, "but got <class"),
        ({"scheduler": RandomSampler()}, "a pruner of Optuna, but got <optuna"),
        ({"callbacks": CSVLoggerCallback()}, "`callbacks` must be a list of callbacks of Ray Tune"),
        ({"callbacks": [CSVLoggerCallback]}, "`callbacks` must be a list of callbacks of Ray Tune"),
        ({"callbacks": [print]}, "callbacks of Ray Tune, but got (<built-in"),
        ({"scheduler": PopulationBasedTraining(hyperparam_mutations={"x": [1]})}, "use `Search"),
        ({"scheduler": ResourceChangingScheduler()}, "changes trials while they run"),
        ({"scheduler": Mutating()}, "Mutating changes trials while they run"),
        ({"scheduler": HyperBandScheduler()}, "time_attr='step', but has time_attr='training_iteration'"),
        ({"scheduler": AsyncHyperBandScheduler()}, "time_attr='step', but has time_attr='training_iteration'"),
        ({"scheduler": AsyncHyperBandScheduler(time_attr="step", metric="loss", mode="max")}, "metric='val_accuracy'"),
        (
            {"scheduler": AsyncHyperBandScheduler(time_attr="step", metric="val_accuracy", mode="min")},
            "mode='max', but has mode='min'",
        ),
        ({"stop": 100}, "`stop` must be a function"),
        ({"stop": {"loss": 0.1}}, "a dict of val_accuracy or step"),
        ({"stop": "step"}, "but got 'step'"),
    ],
)
def test_what_cannot_hold_is_refused_when_the_runner_is_made(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RayTune(**given)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["fifo", "asha"])
def test_a_trial_is_not_stopped_without_a_reason(name: Scheduler) -> None:
    assert decision(create_scheduler(name, TRIALS, []), 100, 0.1) == "CONTINUE"


@pytest.mark.parametrize(("name", "step"), [("asha", 100), ("median", 400)])
def test_a_trial_far_behind_the_existing_rows_is_stopped(name: Scheduler, step: int, make_row: MakeRow) -> None:
    rows = [
        make_row(trial, Status.OK, history=(point(100, 0.8 + seed / 100), point(400, 0.9), point(1600, 0.95)))
        for seed, trial in enumerate(TRIALS[:8])
    ]
    assert decision(create_scheduler(name, TRIALS, rows), step, 0.3) == "STOP"
    assert decision(create_scheduler(name, TRIALS, rows), step, 0.99) == "CONTINUE"
    assert decision(create_scheduler(name, TRIALS, []), step, 0.3) == "CONTINUE"


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_resumed_sweep_has_its_rungs_where_the_first_run_had_them(name: Scheduler, make_row: MakeRow) -> None:
    longer = [replace(trial, num_steps=16_000) for trial in TRIALS]
    rows = [make_row(trial, Status.OK, history=(point(100, 0.9), point(1000, 0.95))) for trial in longer[:8]]
    scheduler = create_scheduler(name, TRIALS, rows)  # whose steps alone would put a rung at step 100
    assert [decision(scheduler, step, 0.3) for step in (100, 1000)] == ["CONTINUE", "STOP"]


def test_no_trial_is_stopped_before_its_first_evaluation_or_at_its_last_step() -> None:
    scheduler = create_scheduler("asha", TRIALS, [])
    for seed in range(8):
        decision(scheduler, 1600, 0.9, f"good {seed}")
    assert decision(scheduler, 99, 0.1) == "CONTINUE"
    assert decision(create_scheduler("asha", [TrialConfig(num_steps=1)], []), 1, 0.1) == "CONTINUE"


def test_points_without_a_validation_and_rows_without_a_point_are_left_out(make_row: MakeRow) -> None:
    rows = [
        make_row(TRIALS[0], Status.FAILED),
        make_row(TRIALS[1], Status.DIVERGED, history=(point(50, None),)),
    ]
    for name in ("asha", "median", "hyperband"):
        assert decision(create_scheduler(name, TRIALS, rows), 100, 0.1) == "CONTINUE"
