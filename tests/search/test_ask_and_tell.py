from collections import Counter
from typing import Any

import numpy as np
import optuna
import pytest
from ray.tune.search import Searcher

from mnist_sweep import (
    Choice,
    GradientDescent,
    Integer,
    LogUniform,
    Search,
    Softmax,
    Status,
    TrialConfig,
    TrialRow,
    Uniform,
    to_flat,
    trial_id,
)
from mnist_sweep.errors import SweepError
from mnist_sweep.search.ask_and_tell import Proposals
from tests.conftest import MakeRow, Refused

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent())
AXES = {"optimizer.learning_rate": LogUniform(low=1e-4, high=1.0)}


class Recording(Searcher):  # type: ignore[misc]  # Ray brings no types
    """A user's own searcher that records what it is told, and cannot be told earlier rows."""

    told: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self.told = []

    def set_search_properties(self, metric: Any, mode: Any, config: Any, **spec: Any) -> bool:
        self.told.append((metric, mode, sorted(config)))
        self.space = config
        return True

    def suggest(self, trial_id: str) -> Any:
        return {name: domain.sample() for name, domain in self.space.items()} if len(self.told) < 4 else self.FINISHED

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.told.append((result, error))


class Listing(Recording):
    """A searcher that proposes the same trials in every run, as one with a seed of its own does."""

    number = 0

    def suggest(self, trial_id: str) -> Any:
        self.number += 1
        return {"optimizer.learning_rate": self.number / 1000}


def search(**changed: Any) -> Search:
    space: dict[str, Any] = {"base": BASE, "axes": AXES, "num_trials": 100}
    return Search(**space | changed)


def rate(trial: TrialConfig) -> float:
    assert isinstance(trial.optimizer, GradientDescent)
    return trial.optimizer.learning_rate


def taught(proposals: Proposals, make_row: MakeRow, num_trials: int) -> list[TrialRow]:
    """Ask for trials and tell an accuracy that is best at a learning rate of 0.01."""
    rows = []
    for _ in range(num_trials):
        trial = proposals.ask()
        assert trial
        rows.append(make_row(trial, val_accuracy=float(np.exp(-(np.log10(rate(trial) / 0.01) ** 2)))))
        proposals.tell(rows[-1])
    return rows


def recorded(proposals: Proposals) -> list[Any]:
    """Return what a `Recording` was told."""
    searcher: Any = proposals._searcher
    told: list[Any] = searcher._searcher.told
    return told


def distances(rows: list[TrialRow]) -> list[float]:
    return [abs(float(np.log10(row.config["optimizer.learning_rate"] / 0.01))) for row in rows]


def test_tpe_comes_closer_to_the_best(make_row: MakeRow) -> None:
    found = distances(taught(Proposals(search(), []), make_row, 60))
    assert np.median(found[30:]) < np.median(found[:10])


SAMPLERS: dict[str, Any] = {
    "default": "tpe",
    "random": optuna.samplers.RandomSampler(seed=3),
    "tpe": optuna.samplers.TPESampler(seed=3, n_startup_trials=5),
    "genetic": optuna.samplers.NSGAIISampler(seed=3, population_size=5),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_any_sampler_of_optuna_searches_and_continues_after_any_number_of_rows(make_row: MakeRow, name: str) -> None:
    sampler = SAMPLERS[name]
    rows = taught(Proposals(search(algorithm=sampler), []), make_row, 12)
    again = taught(Proposals(search(algorithm=sampler), []), make_row, 12)
    assert [row.trial_id for row in rows] == [row.trial_id for row in again]
    extended = taught(Proposals(search(algorithm=sampler), rows), make_row, 3)
    assert not {row.trial_id for row in rows} & {row.trial_id for row in extended}


@pytest.mark.parametrize(("name", "num_known"), [("default", 6), ("tpe", 4), ("genetic", 12)])
def test_a_resumed_search_suggests_and_learns_what_one_without_a_break_does(
    make_row: MakeRow, name: str, num_known: int
) -> None:
    space = search(axes=AXES | {"weight_decay": Uniform(low=0, high=1)}, algorithm=SAMPLERS[name])
    rows = taught(Proposals(space, []), make_row, 16)
    resumed = Proposals(space, rows[:num_known])
    assert taught(resumed, make_row, 16 - num_known) == rows[num_known:]
    searcher: Any = resumed._searcher
    learned = [trial.value for trial in searcher._study.trials if trial.value is not None]
    assert Counter(learned) == Counter(row.val_accuracy for row in rows)


@pytest.mark.filterwarnings("ignore:PartialFixedSampler is experimental")
def test_a_sampler_that_learns_from_no_earlier_rows_is_named(make_row: MakeRow) -> None:
    row = make_row(search().trial({"optimizer.learning_rate": 0.25}))
    fixed = optuna.samplers.PartialFixedSampler({"weight_decay": 0.1}, SAMPLERS["genetic"])
    for sampler in (SAMPLERS["genetic"], optuna.samplers.CmaEsSampler(), fixed):
        assert "cannot be told earlier rows" in str(Proposals(search(algorithm=sampler), [row]).warning)


def test_a_sampler_that_repeats_more_than_a_hundred_earlier_trials_is_not_exhausted(make_row: MakeRow) -> None:
    sampler = optuna.samplers.RandomSampler(seed=3)
    rows = taught(Proposals(search(algorithm=sampler), []), make_row, 130)
    assert len(taught(Proposals(search(algorithm=sampler), rows), make_row, 2)) == 2


class Wrong(Recording):
    """Suggests what it is given, or raises that."""

    def __init__(self, *points: Any) -> None:
        super().__init__()
        self.points = [*points]

    def suggest(self, trial_id: str) -> Any:
        point = self.points.pop(0) if self.points else None
        if isinstance(point, Exception):
            raise point
        return point


@pytest.mark.parametrize("point", [{}, {"lr": 0.1}, {"optimizer.learning_rate": 0.1, "__trial_index__": 0}])
def test_a_searcher_that_suggests_other_fields_ends_the_run(point: Any, refused: Refused) -> None:
    suggested = ", ".join(sorted(point)) or "nothing"
    with refused(SweepError, f"Wrong suggests {suggested}, but the axes are optimizer.learning_rate."):
        Proposals(search(algorithm=Wrong(point)), []).ask()


@pytest.mark.parametrize(("point", "cause"), [(None, ""), ({"optimizer.learning_rate": 7}, "7 was suggested, which")])
def test_a_searcher_that_proposes_nothing_does_not_complete_a_search(point: Any, cause: str, refused: Refused) -> None:
    with refused(SweepError, "Wrong proposes no trial", cause):
        Proposals(search(algorithm=Wrong(point)), []).ask()


def test_a_point_that_is_not_on_an_axis_is_left_out() -> None:
    points = [{"optimizer.learning_rate": value} for value in (7.0, "x", 0.5)]
    proposals = Proposals(search(algorithm=Wrong(*points)), [])
    trial = proposals.ask()
    assert trial
    assert rate(trial) == 0.5
    assert proposals.warning
    assert "the first one: ConfigError: 7.0 was suggested, which is not on the axis" in proposals.warning


def test_an_exception_of_a_searcher_names_it_in_one_line(refused: Refused) -> None:
    with refused(SweepError, "the searcher Wrong raised ZeroDivisionError: by me (test_ask_and_tell.py:"):
        Proposals(search(algorithm=Wrong(ZeroDivisionError("by me"))), []).ask()
    sampler = optuna.samplers.GridSampler({"weight_decay": [0.1]})
    with refused(SweepError, "the searcher GridSampler raised ValueError: The parameter name, optimizer.learning_rate"):
        Proposals(search(algorithm=sampler), []).ask()


@pytest.mark.parametrize("method", ["__deepcopy__", "set_search_properties"])
def test_an_exception_of_a_searcher_that_is_set_up_names_it_in_one_line(
    method: str, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recording, method, lambda *given: 1 / 0, raising=False)
    with refused(SweepError, "the searcher Recording raised ZeroDivisionError: division by zero"):
        Proposals(search(algorithm=Recording()), [])


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
@pytest.mark.parametrize("name", ["grid", "brute force"])
@pytest.mark.parametrize("num_known", [0, 2])
def test_a_sampler_of_a_finite_space_ends_when_it_has_sampled_all(make_row: MakeRow, name: str, num_known: int) -> None:
    axes: Any = {"optimizer.learning_rate": Choice((0.1, 0.2, 0.3))}
    grid = optuna.samplers.GridSampler({"optimizer.learning_rate": [0.1, 0.2, 0.3]}, seed=0)
    sampler = grid if name == "grid" else optuna.samplers.BruteForceSampler(seed=0)
    rows = taught(Proposals(search(axes=axes, algorithm=sampler), []), make_row, num_known)
    proposals = Proposals(search(axes=axes, algorithm=sampler), rows)
    rows += taught(proposals, make_row, 3 - num_known)
    assert {row.config["optimizer.learning_rate"] for row in rows} == {0.1, 0.2, 0.3}
    assert proposals.ask() is None
    assert proposals.exhausted


def test_a_searcher_without_a_trial_is_asked_again_after_a_row_only(make_row: MakeRow) -> None:
    proposals = Proposals(search(axes={"optimizer.learning_rate": Choice((0.1, 0.2))}), [])
    trials = [trial for _ in range(2) if (trial := proposals.ask())]
    searcher: Any = proposals._searcher
    nums = []
    for trial in trials:
        assert [proposals.ask() for _ in range(3)] == [None] * 3  # as Tune does while trials run
        nums.append(len(searcher._study.trials))
        proposals.tell(make_row(trial))
    assert nums == [102, 202]
    assert proposals.ask() is None
    assert proposals.exhausted


def test_tpe_knows_the_rows_that_are_there(make_row: MakeRow) -> None:
    rows = taught(Proposals(search(), []), make_row, 60)
    informed = distances(taught(Proposals(search(seed=1), rows), make_row, 10))
    assert np.median(informed) < np.median(distances(taught(Proposals(search(seed=1), []), make_row, 10)))


def test_a_searcher_is_told_accuracies_failures_and_divergence(make_row: MakeRow) -> None:
    searcher = Recording()
    proposals = Proposals(search(algorithm=searcher), [])
    assert searcher.told == []  # each run has a searcher of its own
    told = recorded(proposals)
    for status in (Status.OK, Status.DIVERGED, Status.FAILED):
        trial = proposals.ask()
        assert trial
        proposals.tell(make_row(trial, status))
    assert told == [
        ("val_accuracy", "max", ["optimizer.learning_rate"]),
        ({"val_accuracy": 0.9}, False),
        ({"val_accuracy": 0.0}, False),
        (None, True),
    ]
    assert proposals.ask() is None
    assert proposals.exhausted


def test_a_pending_trial_of_an_earlier_run_is_not_suggested_beside_it(make_row: MakeRow) -> None:
    first, second, third = taught(Proposals(search(), []), make_row, 3)
    again = Proposals(search(), [first], pending=[second.trial_id])
    trial = again.ask()
    assert trial
    assert trial_id(trial) == third.trial_id
    again.tell(second)
    searcher: Any = again._searcher
    values = [trial.value for trial in searcher._study.trials]
    assert values.count(second.val_accuracy) == 1


def test_a_searcher_that_cannot_be_told_earlier_rows_is_named(make_row: MakeRow) -> None:
    row = make_row(search().trial({"optimizer.learning_rate": 0.25}))
    assert Proposals(search(algorithm=Recording()), [row]).warning == (
        "Recording cannot be told earlier rows; it learns those of trials that it suggests again"
    )
    assert Proposals(search(), [row]).warning is None


def test_a_searcher_that_suggests_all_earlier_trials_again_is_told_them_and_continues(make_row: MakeRow) -> None:
    rows = taught(Proposals(search(algorithm=Listing()), []), make_row, 150)
    again = Proposals(search(algorithm=Listing()), rows)
    trial = again.ask()
    assert trial
    assert rate(trial) == 0.151
    told = [result for result, _ in recorded(again)[1:]]
    assert told == [{"val_accuracy": row.val_accuracy} for row in rows]


WHOLE = {
    "batch_size": Integer(low=10, high=90, step=20),
    "num_steps": Integer(low=1, high=1000, log=True),
    "evaluate_every": Integer(low=5, high=7),
}


def test_whole_numbers_come_from_their_axes_and_are_learned_again(make_row: MakeRow) -> None:
    space = search(axes=WHOLE)
    proposals = Proposals(space, [])
    trials = [proposals.ask() for _ in range(30)]
    rows = [make_row(trial) for trial in trials if trial]
    assert {row.config["batch_size"] for row in rows} == {10, 30, 50, 70, 90}
    assert {row.config["evaluate_every"] for row in rows} == {5, 6, 7}
    assert sum(row.config["num_steps"] < 100 for row in rows) > 12  # two thirds of the logarithms
    again = Proposals(space, rows)
    assert again.warning is None
    for row in rows:
        assert space.find(row.trial_id, row.config) == {name: row.config[name] for name in WHOLE}
    other = space.trial({"batch_size": 20, "num_steps": 1, "evaluate_every": 5})
    assert space.find(trial_id(other), to_flat(other)) is None


class Steps(Listing):
    def suggest(self, trial_id: str) -> Any:
        self.number += 1
        return {"num_steps": self.number % 7}


def test_a_proposal_that_breaks_a_rule_is_left_out_and_said(make_row: MakeRow) -> None:
    proposals = Proposals(search(axes={"num_steps": Integer(low=1, high=9)}, algorithm=Steps()), [])
    object.__setattr__(proposals._search.axes["num_steps"], "low", 0)
    proposed = [trial.num_steps for trial in iter(proposals.ask, None) if trial]
    assert proposed == [1, 2, 3, 4, 5, 6]
    assert "not proposed; the first one: ConfigError: `num_steps >= 1` must hold" in (proposals.warning or "")
