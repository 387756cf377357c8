import itertools
from collections.abc import Callable
from pathlib import Path
from random import random
from typing import Any

import optuna
import pytest

from mnist_sweep import (
    PBT,
    Adam,
    GradientDescent,
    Local,
    Momentum,
    Search,
    Softmax,
    Sweep,
    TrialConfig,
    Uniform,
    from_flat,
    run,
    to_flat,
    trial_id,
)
from mnist_sweep.errors import ConfigError, SweepError, UnknownNameError
from mnist_sweep.search import axis_rules, define_by_run
from mnist_sweep.search.ask_and_tell import Proposals
from tests.conftest import MakeRow, Refused
from tests.search.test_tune_searcher import AXES

NAMES = itertools.cycle(["weight_decay", "optimizer.learning_rate"])
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)


def conditional(trial: Any) -> None:
    kind = trial.suggest_categorical("optimizer", ["adam", "momentum"])
    trial.suggest_float("optimizer.learning_rate", 1e-4, 1.0, log=True)
    if kind == "momentum":
        trial.suggest_float("optimizer.momentum", 0.5, 0.9, step=0.1)
    trial.suggest_int("batch_size", 10, 50, step=20)


def search(space: Any, **changed: Any) -> Search:
    return Search(**{"base": BASE, "space": space, "num_trials": 9} | changed)


def test_a_function_suggests_fields_that_only_some_choices_have(make_row: MakeRow) -> None:
    proposals = Proposals(search(conditional), [])
    flats = [to_flat(trial) for trial in (proposals.ask() for _ in range(20)) if trial]
    assert {flat["optimizer"] for flat in flats} == {"adam", "momentum"}
    assert {flat["batch_size"] for flat in flats} == {10, 30, 50}
    assert {flat["optimizer.momentum"] for flat in flats if flat["optimizer"] == "momentum"} <= {
        *(0.5, 0.6, 0.7, 0.8, 0.9)
    }


@pytest.mark.parametrize("algorithm", ["tpe", optuna.samplers.RandomSampler(seed=3)], ids=["tpe", "random"])
def test_each_trial_is_found_in_its_space_by_its_row_alone_and_learned(algorithm: Any, make_row: MakeRow) -> None:
    space = search(conditional, algorithm=algorithm)
    proposals = Proposals(space, [])
    rows = [make_row(trial) for trial in (proposals.ask() for _ in range(10)) if trial]
    for row in rows:
        point = space.find(row.trial_id, row.config)
        assert point is not None
        assert trial_id(space.trial(point)) == row.trial_id
    again = Proposals(space, rows)
    searcher: Any = again._searcher
    assert [one.value for one in searcher._study.trials] == [row.val_accuracy for row in rows]
    for other in (Adam(learning_rate=2.0), GradientDescent(), Momentum(momentum=0.55)):
        trial = TrialConfig(model=Softmax(), optimizer=other, num_steps=4, evaluate_every=2, batch_size=10)
        assert space.find(trial_id(trial), to_flat(trial)) is None


def test_choices_may_be_whole_parts_of_one_kind_and_a_function_may_return_constants() -> None:
    def space(trial: Any) -> dict[str, Any]:
        chosen = trial.suggest_categorical("optimizer", [Momentum(momentum=0.8), Momentum(momentum=0.95)])
        return {"num_steps": 6 if chosen.momentum == 0.8 else 8}

    found = search(space)
    trials = [
        found.trial({"optimizer": Momentum(momentum=rate), "num_steps": steps}) for rate, steps in ((0.8, 6), (0.95, 8))
    ]
    for trial in trials:
        assert found.find(trial_id(trial), to_flat(trial)) is not None
    assert {trial_id(trial) for trial in found.ends()} == {*map(trial_id, trials)}
    assert found.fields == ["num_steps", "optimizer"]


def test_a_function_that_suggests_axes_searches_as_these_axes() -> None:
    def space(trial: Any) -> None:
        trial.suggest_categorical("optimizer", AXES["optimizer"].values)
        trial.suggest_float("optimizer.learning_rate", 1e-4, 1.0, log=True)
        trial.suggest_float("weight_decay", 0.0, 0.3, step=0.1)
        trial.suggest_int("batch_size", 10, 90, step=20)
        trial.suggest_int("num_steps", 1, 1000, log=True)

    one, other = Proposals(search(space), []), Proposals(search(None, axes=AXES), [])
    assert [one.ask() for _ in range(20)] == [other.ask() for _ in range(20)]


def test_points_reach_every_choice_and_both_ends_on_every_branch() -> None:
    found = axis_rules.points(lambda answer: define_by_run.values(conditional, answer))
    assert {point["optimizer.momentum"] for point in found if "optimizer.momentum" in point} == {0.5, 0.9}
    for kind in ("adam", "momentum"):
        rates = {point["optimizer.learning_rate"] for point in found if point["optimizer"] == kind}
        assert rates == {1e-4, 1.0}


def test_a_search_by_a_function_runs_resumes_and_its_rows_can_be_run_again(tmp_path: Path) -> None:
    def sweep(num_trials: int) -> Sweep:
        return Sweep(name="searched", search=search(conditional, num_trials=num_trials))

    first = run(sweep(3), results=tmp_path, runner=Local(in_process=True))
    more = run(sweep(5), results=tmp_path, runner=Local(in_process=True))
    assert (first.num_run, more.num_run, len(more.rows)) == (3, 2, 5)
    assert {row.trial_id for row in first.rows} < {row.trial_id for row in more.rows}
    assert [trial_id(from_flat(row.config)) for row in more.rows] == [row.trial_id for row in more.rows]
    assert run(sweep(5), results=tmp_path, runner=Local(in_process=True)).num_run == 0


def returning_constants_only(suggest: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a space of what a lambda suggests, whose value is a suggestion."""

    def space(trial: Any) -> Any:
        found = suggest(trial)
        return found if isinstance(found, dict) else None

    return space


def rare(trial: Any) -> None:
    if 0.4 < trial.suggest_float("weight_decay", 0.0, 1e6) < 1e6:
        raise LookupError("a branch")


def test_a_function_that_raises_only_on_the_way_is_named_and_its_trial_is_not_proposed(refused: Refused) -> None:
    found = search(conditional)
    object.__setattr__(found, "space", rare)
    with refused(SweepError, "TPESampler proposes no trial: ", "LookupError: a branch (test_define_by_run.py:"):
        Proposals(found, []).ask()


WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "unknown part": (lambda trial: trial.suggest_float("lr", 0, 1), "'lr' names no field of TrialConfig"),
    "unknown field": (lambda trial: trial.suggest_float("optimizer.lr", 0.1, 1), "names no field of GradientDescent"),
    "field of another choice": (
        lambda trial: (trial.suggest_categorical("optimizer", ["adam", "momentum"]),
                       trial.suggest_float("optimizer.momentum", 0.5, 0.9)),
        "names no field of Adam",
    ),
    "unknown choice": (lambda trial: trial.suggest_categorical("optimizer", ["adma"]), "adma"),
    "no choice": (lambda trial: trial.suggest_categorical("optimizer", []), "'optimizer': `at least one value`"),
    "one choice twice": (lambda trial: trial.suggest_categorical("batch_size", [5, 5]), "differ"),
    "bounds reversed": (lambda trial: trial.suggest_float("weight_decay", 1, 0), "'weight_decay': `low < high`"),
    "bound not positive": (lambda trial: trial.suggest_float("weight_decay", 0, 1, log=True), "`0 < low < high`"),
    "bounds are words": (lambda trial: trial.suggest_float("weight_decay", "a", "b"), "is a number"),
    "step and log": (lambda trial: trial.suggest_float("weight_decay", 1, 9, step=1, log=True), "exclude each other"),
    "step off the bound": (lambda trial: trial.suggest_int("batch_size", 1, 8, step=2), "multiple of step"),
    "numbers for whole ones": (lambda trial: trial.suggest_float("batch_size", 1, 8), "is a whole number"),
    "rule broken at an end": (lambda trial: trial.suggest_int("batch_size", 0, 8), "batch_size >= 1"),
    "rule broken inside": (lambda trial: trial.suggest_float("weight_decay", -1, 1), "weight_decay"),
    "seed": (lambda trial: trial.suggest_int("seed", 0, 9), "one seed and one data set"),
    "data": (lambda trial: trial.suggest_categorical("data", ["digits", "mnist"]), "one seed and one data set"),
    "constant of the seed": (lambda trial: {"seed": 3}, "one seed and one data set"),
    "two axes of one name": (
        lambda trial: (trial.suggest_int("batch_size", 1, 8), trial.suggest_int("batch_size", 1, 9)), "from one axis"
    ),
    "own error": (lambda trial: 1 / 0, "raised ZeroDivisionError"),
    "method of an objective": (lambda trial: trial.report(0.5, 1), "raised AttributeError"),
    "nothing suggested": (lambda trial: None, "suggests at least one"),
    "random numbers": (lambda trial: {"weight_decay": random()}, "of nothing else"),
    "other names in every other call": (
        lambda trial: trial.suggest_float(next(NAMES), 1e-4, 0.1) and None,
        "of nothing else",
    ),
    "another value than suggested": (
        lambda trial: {"weight_decay": 2 * trial.suggest_float("weight_decay", 0.1, 0.2)},
        "returns what it suggests, or nothing, but suggested 0.1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_function_that_is_no_space_is_refused(name: str, refused: Refused) -> None:
    suggest, part = WRONG[name]
    with refused(SweepError, part):
        search(returning_constants_only(suggest))


def test_the_field_that_is_meant_is_proposed(refused: Refused) -> None:
    with refused(UnknownNameError, "did you mean learning_rate?"):
        search(returning_constants_only(lambda trial: trial.suggest_float("optimizer.learning_rat", 0.1, 1.0)))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"space": "tpe"}, "must be a function of a trial"),
        ({"space": max}, "must be a function of a trial"),
        ({"space": lambda: None}, "must be a function of a trial"),
        ({"space": lambda trial, other: None}, "must be a function of a trial"),
        ({"space": lambda trial: 0.5}, "must return nothing, or fields and values, but returned 0.5"),
        ({"axes": {"weight_decay": Uniform(low=0, high=1)}}, "has axes or a space"),
        ({"algorithm": PBT()}, "needs 'tpe' or a sampler of Optuna"),
        ({"algorithm": type("Tune", (), dict.fromkeys(["suggest", "on_trial_complete", "set_search_properties"]))()},
         "needs 'tpe' or a sampler of Optuna"),
        ({"space": None, "axes": conditional}, "the axes of a search must be fields"),
    ],
)  # fmt: skip
def test_a_space_that_does_not_go_with_the_search_is_refused(
    changed: dict[str, Any], part: str, refused: Refused
) -> None:
    with refused(ConfigError, part):
        search(**{"space": conditional} | changed)
