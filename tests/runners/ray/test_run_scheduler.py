"""What a user's scheduler and rule see of trials, and what follows from their decisions; test_tune has whole runs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from optuna.pruners import HyperbandPruner, MedianPruner, SuccessiveHalvingPruner
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, HyperBandScheduler, MedianStoppingRule
from ray.tune.stopper import FunctionStopper, MaximumIterationStopper

from mnist_sweep.runners.ray.schedulers import chosen
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import ACCURACY
from tests.conftest import MakeRow
from tests.runners.ray.test_schedulers import TRIALS, point


@dataclass(eq=False)
class TuneTrial:
    """One of Tune's trials, as its runner makes it."""

    trial_id: str
    config: dict[str, str]
    status: str = "RUNNING"
    is_saving: bool = False

    def is_finished(self) -> bool:
        return False

    @classmethod
    def of(cls, name: str, num_steps: int = 1600) -> "TuneTrial":
        return cls(f"tune_{name}", {"trial": json.dumps({"id": name, "flat": {"num_steps": num_steps}})})


def direct(function: Callable[..., Any], *given: Any) -> Any:
    return function(*given)


def given_scheduler(scheduler: Any, stop: Any = None, rows: Any = ()) -> Any:
    """Return the scheduler of a run for one that is given, or has a name."""
    observer: Any = SimpleNamespace(rows=lambda: rows, measure=lambda: ACCURACY)
    return chosen(scheduler, stop, TRIALS, observer, direct)


def controller(*trials: TuneTrial, told: list[Any] | None = None) -> Any:
    """Return Tune's controller; what its searcher is told of pauses goes to a list."""
    told = [] if told is None else told
    searcher = SimpleNamespace(on_pause=told.append, on_unpause=told.append)
    search_alg = SimpleNamespace(searcher=searcher)
    return SimpleNamespace(get_live_trials=list, get_trials=lambda: [*trials], search_alg=search_alg)


def given_decisions(scheduler: Any, stop: Any, *results: dict[str, Any], rows: Any = ()) -> list[str]:
    """Return what a given scheduler decides on the messages of a new trial."""
    given, trial = given_scheduler(scheduler, stop, rows), TuneTrial.of("new")
    tune = controller()
    given.on_trial_add(tune, trial)
    decisions = [str(given.on_trial_result(tune, trial, result)) for result in results]
    given.on_trial_complete(tune, trial, {"row": "the last message"})
    return decisions


def message(step: int, accuracy: float) -> dict[str, Any]:
    return {"step": step, "val_accuracy": accuracy}


class Whims(FIFOScheduler):  # type: ignore[misc]  # Ray brings no types
    """A user's own scheduler that answers as it likes, and remembers what it was told."""

    told: ClassVar[list[Any]] = []

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        self.told.append(result["step"])
        return "PAUSE" if result["val_accuracy"] < 0.5 else "STOP"

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        self.told.append(result)


@pytest.mark.parametrize("last", [0.1, 0.9])
def test_a_given_scheduler_sees_each_validation_once_and_neither_pauses_nor_stops_at_the_end(last: float) -> None:
    Whims.told.clear()
    early = [{"note": "hm"}, message(100, 0.1), {"note": "resumes"}, message(100, 0.1), message(200, 0.9)]
    decisions = given_decisions(Whims(), None, *early, message(1600, last), {"row": "{}"})
    assert decisions == ["CONTINUE", "PAUSE", "CONTINUE", "CONTINUE", "STOP", "CONTINUE", "CONTINUE"]
    assert Whims.told == [100, 200, 1600, {**message(1600, last), "training_iteration": 3}]


class Forgetful(Whims):
    """Resumes nothing of what it has paused."""

    def choose_trial_to_run(self, tune_controller: Any) -> None: ...


@pytest.mark.parametrize("scheduler", [Whims(), Forgetful()])
def test_a_paused_trial_runs_once_nothing_else_does_even_if_its_scheduler_forgets_it(scheduler: Any) -> None:
    told: list[Any] = []
    paused, other = TuneTrial.of("paused"), TuneTrial.of("other")
    tune, given = controller(paused, other, told=told), given_scheduler(scheduler)
    assert given.on_trial_result(tune, paused, message(100, 0.1)) == "PAUSE"
    paused.status = "PAUSED"
    for status, runs in (("PENDING", other), ("PAUSED", paused)):
        other.status = status
        assert given.choose_trial_to_run(tune) is runs
    assert told == ["tune_paused", "tune_paused"]  # and that it runs again


def test_hyperband_takes_no_trial_at_its_last_step_for_one_that_waits() -> None:
    hyperband = HyperBandScheduler(time_attr="step", max_t=100, reduction_factor=10)
    given, tune = given_scheduler(hyperband), controller()
    for name in "abc":  # of the first bracket, which has no rung
        given.on_trial_add(tune, TuneTrial.of(name))
    rivals = {"short": 0.9, "good": 0.5, "fair": 0.4, "worst": 0.1}  # of which two stay
    trials = [TuneTrial.of(name, num_steps=10 if name == "short" else 100) for name in rivals]
    for trial in trials:
        given.on_trial_add(tune, trial)
    decisions = []
    for trial, accuracy in zip(trials, rivals.values(), strict=True):
        decisions.append(given.on_trial_result(tune, trial, message(10, accuracy)))
        trial.status = "PAUSED" if decisions[-1] == "PAUSE" else "RUNNING"
    assert decisions == ["CONTINUE", "PAUSE", "PAUSE", "STOP"]
    assert given.choose_trial_to_run(tune) is trials[1]


@pytest.mark.parametrize(
    "scheduler",
    [
        AsyncHyperBandScheduler(time_attr="step", grace_period=100, max_t=1600, reduction_factor=4),
        AsyncHyperBandScheduler(time_attr="step", metric="val_accuracy", mode="max", grace_period=100, max_t=1600),
        MedianStoppingRule(time_attr="step", grace_period=100, min_samples_required=3),
        MedianPruner(n_startup_trials=3, n_warmup_steps=100),
        SuccessiveHalvingPruner(min_resource=100, reduction_factor=4),
    ],
)
def test_a_given_scheduler_decides_as_the_rows_suggest_and_as_often_as_it_is_used(
    scheduler: Any, make_row: MakeRow
) -> None:
    curve = point(100, 0.9), point(400, 0.95), point(1600, 0.97)
    rows = [make_row(trial, Status.OK, history=curve) for trial in TRIALS[:8]]
    for _ in range(2):
        assert given_decisions(scheduler, None, message(400, 0.3), rows=rows) == ["STOP"]
        assert given_decisions(scheduler, None, message(400, 0.99), rows=rows) == ["CONTINUE"]
        assert given_decisions(scheduler, None, message(400, 0.3)) == ["CONTINUE"]


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("scheduler", ["median", MedianStoppingRule(time_attr="step", grace_period=100)])
def test_the_median_rule_counts_each_validation_once_whatever_is_lost(scheduler: Any, is_lost: bool) -> None:
    given, tune = given_scheduler(scheduler), controller()
    for number in range(4):  # of a mean of 0.367
        trial = TuneTrial.of(f"rival {number}")
        given.on_trial_add(tune, trial)
        for step, accuracy in (100, 0.1), (200, 0.1), *([(100, 0.1), (200, 0.1)] if is_lost else []), (300, 0.9):
            given.on_trial_result(tune, trial, message(step, accuracy))
        given.on_trial_complete(tune, trial, {"row": "the last message"})
    for accuracy, decision in (0.35, "STOP"), (0.4, "CONTINUE"):
        assert given.on_trial_result(tune, TuneTrial.of(str(accuracy)), message(300, accuracy)) == decision


@pytest.mark.parametrize(
    "scheduler", ["hyperband", HyperbandPruner(min_resource=100, max_resource=1600, reduction_factor=2)]
)
def test_a_trial_has_the_same_bracket_in_every_run(scheduler: Any) -> None:
    decisions = []
    for _ in range(3):
        given, tune, trials = given_scheduler(scheduler), controller(), [TuneTrial.of(str(one)) for one in range(16)]
        for trial in trials:
            given.on_trial_add(tune, trial)
        messages = [message(100, 0.9 - number / 100) for number in range(16)]
        decisions.append([given.on_trial_result(tune, *one) for one in zip(trials, messages, strict=True)])
    assert decisions == [decisions[0]] * 3
    assert {*decisions[0]} == {"CONTINUE", "STOP"}


def late(trial_id: str, result: dict[str, Any]) -> bool:
    assert trial_id == "new"  # ours, not Tune's
    return bool(result["step"] >= 200)


@pytest.mark.parametrize(
    "stop",
    [
        *(late, {"step": 200}, {"val_accuracy": 0.7}, MaximumIterationStopper(2), FunctionStopper(late)),
        lambda _, result: result["training_iteration"] == 2,
    ],
)
def test_a_rule_stops_a_trial_beside_any_scheduler(stop: Any) -> None:
    results = [{**message(100 * number, 0.5 + number / 10), "training_iteration": 2 * number} for number in (1, 2, 16)]
    for scheduler in (FIFOScheduler(), "asha"):
        assert given_decisions(scheduler, stop, *results) == ["CONTINUE", "STOP", "CONTINUE"]
