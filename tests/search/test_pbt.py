"""Laws of population-based training: its trials are trials, and the others continue from the best."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mnist_sweep import (
    CNN,
    PBT,
    Choice,
    Cosine,
    GradientDescent,
    Integer,
    Local,
    LogUniform,
    Momentum,
    Search,
    Status,
    Sweep,
    TrialConfig,
    TrialRow,
    Uniform,
    run,
    trial_id,
)
from mnist_sweep.cli.views.progress import Log
from mnist_sweep.errors import ConfigError, SweepError
from mnist_sweep.results import runs
from mnist_sweep.runners.trial import execute
from mnist_sweep.search.pbt import Population
from tests.conftest import MakeRow, Refused

BASE = TrialConfig(model=CNN(filters=(3,), units=6, dropout=0.5), optimizer=Momentum(), num_steps=60, evaluate_every=10)
AXES = {"optimizer.learning_rate": LogUniform(low=1e-3, high=1.0), "model.dropout": Uniform(low=0.0, high=0.6)}
SPACE: dict[str, Any] = {"base": BASE, "axes": AXES, "num_trials": 12, "algorithm": PBT(population=4)}
SEARCH = Search(**SPACE)


def figures(row: TrialRow) -> Any:
    return [point[:6] for point in row.history], row.test_accuracy, row.config


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    shown = io.StringIO()
    log = Log(Console(file=shown, width=200))
    folder = tmp_path_factory.mktemp("population")
    return run(
        Sweep(name="p", search=SEARCH), results=folder, runner=Local(in_process=True), listeners=[log]
    ), shown.getvalue()


def test_each_round_of_each_member_is_a_row_and_begins_where_the_one_before_has_ended(outcome: Any) -> None:
    ended, shown = outcome
    assert ended.complete
    assert sorted(row.steps for row in ended.rows) == [20] * 4 + [40] * 4 + [60] * 4
    assert [shown.count(f" resumes at step {step}") for step in (20, 40)] == [4, 4]
    assert not list((ended.folder / "lineages").glob("*"))


def test_each_row_is_that_of_its_config_alone(outcome: Any) -> None:
    ended, _ = outcome
    last = [trial for trial in Population(SEARCH, ended.rows).trials.values() if trial.num_steps == 60]
    rows = {row.trial_id: row for row in ended.rows}
    assert any(trial.changes for trial in last)
    assert [figures(execute(trial)) for trial in last] == [figures(rows[trial_id(trial)]) for trial in last]


def test_a_row_has_the_seconds_of_its_own_round_and_its_curve_those_of_all_before(outcome: Any) -> None:
    later = [row for row in outcome[0].rows if row.steps > 20]
    own = [row.seconds_setup + row.seconds_train + row.seconds_evaluate for row in later]
    assert all(taken > row.history[-1].seconds - row.history[-3].seconds for taken, row in zip(own, later, strict=True))
    assert sum(own) < sum(row.history[-1].seconds for row in later)
    for row in later:
        seconds = [point.seconds for point in row.history]
        assert seconds == sorted(set(seconds))


def test_what_is_missing_runs_again_to_the_same_rows(outcome: Any, tmp_path: Path) -> None:
    ended, _ = outcome
    before = {row.trial_id: figures(row) for row in ended.rows}
    for row in ended.rows[6:9]:
        (ended.folder / "rows" / f"{row.trial_id}.json").unlink()
    again = run(Sweep(name="p", search=SEARCH), results=ended.folder.parent, runner=Local(in_process=True))
    assert again.num_run == 3
    assert {row.trial_id: figures(row) for row in again.rows} == before
    assert run(Sweep(name="p", search=SEARCH), results=ended.folder.parent, runner=Local(in_process=True)).num_run == 0


class Roomy:
    """A runner with room for many trials, which runs none."""

    def run(self, trials: Any, datasets: Any, observer: Any, **_: Any) -> None:
        observer.ready(64)


def test_no_more_trials_run_at_a_time_than_there_are_members(tmp_path: Path) -> None:
    shown = io.StringIO()
    with pytest.raises(SweepError, match="Roomy ended without rows of 4 trials"):
        run(Sweep(name="p", search=SEARCH), results=tmp_path, runner=Roomy(), listeners=[Log(Console(file=shown))])
    assert shown.getvalue() == "12 trials, 0 done before, 12 to run, 4 at a time\n"
    assert [one.num_workers for one in runs.read(tmp_path / "p")] == [4]


def rounds(make_row: MakeRow, accuracy: Callable[[TrialConfig], float], search: Search = SEARCH) -> list[Any]:
    """Return the members of each round, where each trial has the accuracy that a function says."""
    population = Population(search, [])
    found = [list(population._members)]
    while not population.exhausted:
        for trial in found[-1]:
            population.tell(make_row(trial, val_accuracy=accuracy(trial)))
        found.append(list(population._members))
    return found[:-1]


def test_the_worst_continue_from_the_best_with_other_values(make_row: MakeRow) -> None:
    def rate(trial: TrialConfig) -> float:
        return float(trial.optimizer.learning_rate)

    first, second, third = rounds(make_row, rate)
    best, worst = max(first, key=rate), min(first, key=rate)
    place = first.index(worst)
    child = second[place]
    assert replace(child, changes=(), num_steps=20) == best
    ((step, values),) = child.changes
    assert step == 20
    assert set(dict(values)) == set(AXES)
    for member, trial in enumerate(second):
        assert member == place or trial == replace(first[member], num_steps=40)
    assert [trial.num_steps for trial in third] == [60] * 4


def test_upcoming_are_the_rounds_that_have_not_begun_with_their_steps(make_row: MakeRow) -> None:
    population = Population(SEARCH, [])
    upcoming = []
    while not population.exhausted:
        upcoming.append([trial.num_steps for trial in population.upcoming])
        for trial in list(population._members):
            population.tell(make_row(trial))
    assert upcoming == [[40] * 4 + [60] * 4, [60] * 4, []]
    assert population.steps_per_round == 20


def test_numbers_stay_in_their_ranges(make_row: MakeRow) -> None:
    axes = {"optimizer.learning_rate": LogUniform(low=0.1, high=0.11), "model.dropout": Choice((0.0, 0.5))}
    long = Search(
        base=replace(BASE, num_steps=400), axes=axes, num_trials=80, algorithm=PBT(population=2, quantile=0.5)
    )
    for trial in rounds(make_row, lambda trial: float(hash(trial.changes) % 7), long)[-1]:
        for _, values in trial.changes:
            assert 0.1 <= dict(values)["optimizer.learning_rate"] <= 0.11
            assert dict(values)["model.dropout"] in (0.0, 0.5)


def test_a_member_that_brings_no_figure_is_the_worst(make_row: MakeRow) -> None:
    population = Population(SEARCH, [])
    bad = population._members[2]
    for trial in list(population._members):
        status = Status.DIVERGED if trial is bad else Status.OK
        population.tell(make_row(trial, status))
    assert [bool(trial.changes) for trial in population._members] == [False, False, True, False]


def test_the_same_seed_gives_the_same_population() -> None:
    assert Population(SEARCH, []).trials == Population(SEARCH, []).trials
    assert not Population(SEARCH, []).trials.keys() & Population(replace(SEARCH, seed=1), []).trials.keys()


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"num_trials": 13}, "num_trials is a multiple of population"),
        ({"num_trials": 28}, "num_steps of num_trials / population"),
        ({"num_trials": 16}, "a multiple of evaluate_every"),
        ({"base": replace(BASE, schedule=Cosine())}, "the schedule does not depend on num_steps"),
        ({"base": replace(BASE, changes=((3, ()),))}, "no changes"),
        ({"axes": {"batch_size": Integer(low=10, high=20)}}, "only numbers change in training"),
        ({"axes": {"model.units": Integer(low=5, high=9)}}, "the same graph serves before and after a change"),
        ({"axes": {"optimizer": Choice((Momentum(), GradientDescent()))}}, "the axes of a PBT are of numbers"),
    ],
)
def test_a_population_that_cannot_train_is_refused(changed: Any, part: str, refused: Refused) -> None:
    with refused(ConfigError, part):
        Search(**SPACE | changed)


@pytest.mark.parametrize("options", [{"population": 1}, {"quantile": 0.0}, {"quantile": 0.6}])
def test_a_population_that_makes_no_sense_is_refused(options: Any, refused: Refused) -> None:
    with refused(ConfigError, next(iter(options))):
        PBT(**options)
