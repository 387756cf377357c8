from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import PBT, Search, Status, Sweep, TrialConfig, TrialRow, Uniform, trial_id
from mnist_sweep.errors import ConfigError
from mnist_sweep.search import pending_proposals
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from tests.conftest import MakeRow


def rows_of(*rows: TrialRow) -> dict[str, TrialRow]:
    return {row.trial_id: row for row in rows}


def listed(*trials: TrialConfig) -> Sweep:
    return Sweep(name="listed", trials=trials)


def test_what_is_missing_is_what_has_no_row_or_one_to_be_replaced(
    tmp_path: Path, sweep: Sweep, make_row: MakeRow
) -> None:
    first, second, third = sweep.trials
    rows = rows_of(make_row(first), make_row(second, Status.FAILED))
    remaining = RemainingTrials(sweep, folder=tmp_path, rows=rows)
    assert (list(remaining.missing), remaining.num_trials, remaining.fields) == (
        [trial_id(third)],
        3,
        ["optimizer.learning_rate"],
    )
    assert (remaining.work_ids, remaining.max_concurrent, remaining.upcoming) == ((trial_id(third),), 1, [])
    again = RemainingTrials(sweep, folder=tmp_path, rows=rows, retry=[Status.FAILED])
    assert list(again.missing) == [trial_id(second), trial_id(third)]
    done = RemainingTrials(sweep, folder=tmp_path, rows=rows_of(*map(make_row, sweep.trials)))
    assert (done.work_ids, done.propose()) == ((), None)


def test_a_config_has_several_seeds_here_or_with_the_rows_that_are_there(
    tmp_path: Path, sweep: Sweep, make_row: MakeRow
) -> None:
    first, *others = sweep.trials
    other_seed, done = replace(first, seed=7), rows_of(make_row(first))
    assert not RemainingTrials(sweep, folder=tmp_path, rows=done).several_seeds
    assert RemainingTrials(listed(first, other_seed), folder=tmp_path, rows={}).several_seeds
    assert RemainingTrials(listed(other_seed), folder=tmp_path, rows=done).several_seeds
    both = rows_of(make_row(first), make_row(other_seed))
    assert not RemainingTrials(listed(*others), folder=tmp_path, rows=both).several_seeds


def test_a_trial_that_cannot_be_trained_is_refused_before_it_runs(tmp_path: Path, sweep: Sweep) -> None:
    remaining = RemainingTrials(listed(replace(sweep.trials[0], batch_size=2000)), folder=tmp_path, rows={})
    with pytest.raises(ConfigError, match="batch_size"):
        _ = remaining.datasets


@pytest.fixture
def search(sweep: Sweep) -> Search:
    axes = {"optimizer.learning_rate": Uniform(low=0.1, high=1.0)}
    return Search(base=sweep.trials[0], axes=axes, num_trials=4)


def test_a_proposal_is_on_the_disk_until_its_row_is(tmp_path: Path, search: Search, make_row: MakeRow) -> None:
    remaining = RemainingTrials(Sweep(name="search", search=search), folder=tmp_path, rows={})
    assert remaining.work_ids == tuple(f"proposal-{number}" for number in range(4))
    trial = remaining.propose()
    assert isinstance(trial, TrialConfig)
    assert list(pending_proposals.read(tmp_path)) == [trial_id(trial)] == list(remaining.missing)
    assert (remaining.num_proposals, remaining.num_trials, len(remaining.upcoming)) == (3, 4, 3)
    later = RemainingTrials(Sweep(name="search", search=search), folder=tmp_path, rows={})
    assert (list(later.missing), later.num_proposals) == ([trial_id(trial)], 3)
    remaining.tell(make_row(trial))
    assert pending_proposals.read(tmp_path) == {}


def test_a_population_has_as_many_trials_at_a_time_as_members(tmp_path: Path, search: Search) -> None:
    population = Sweep(name="population", search=replace(search, algorithm=PBT(population=2)))
    remaining = RemainingTrials(population, folder=tmp_path, rows={})
    assert (len(remaining.missing), remaining.num_proposals, remaining.max_concurrent, len(remaining.upcoming)) == (
        2,
        2,
        2,
        2,
    )
    assert remaining.population is not None
    assert (remaining.population.steps_per_round, remaining.population.size) == (2, 2)
