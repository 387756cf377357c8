from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import PBT, Search, Status, Sweep, TrialConfig, TrialRow, Uniform, trial_id
from mnist_sweep.errors import ConfigError
from mnist_sweep.search import pending_proposals
from mnist_sweep.sweep.work_queue import WorkQueue

Make = Callable[..., TrialRow]


def rows_of(*rows: TrialRow) -> dict[str, TrialRow]:
    return {row.trial_id: row for row in rows}


def test_what_is_missing_is_what_has_no_row_or_one_to_be_replaced(tmp_path: Path, sweep: Sweep, make_row: Make) -> None:
    first, second, third = sweep.trials
    rows = rows_of(make_row(first), make_row(second, Status.FAILED))
    queue = WorkQueue(sweep.trials, None, folder=tmp_path, rows=rows)
    assert (list(queue.missing), queue.num_trials, queue.fields) == ([trial_id(third)], 3, ["optimizer.learning_rate"])
    assert (queue.work_ids, queue.max_concurrent, queue.upcoming) == ((trial_id(third),), 1, [])
    again = WorkQueue(sweep.trials, None, folder=tmp_path, rows=rows, retry=[Status.FAILED])
    assert list(again.missing) == [trial_id(second), trial_id(third)]
    done = WorkQueue(sweep.trials, None, folder=tmp_path, rows=rows_of(*map(make_row, sweep.trials)))
    assert (done.work_ids, done.propose()) == ((), None)


def test_a_config_has_several_seeds_here_or_with_the_rows_that_are_there(
    tmp_path: Path, sweep: Sweep, make_row: Make
) -> None:
    first, *others = sweep.trials
    other_seed, done = replace(first, seed=7), rows_of(make_row(first))
    assert not WorkQueue(sweep.trials, None, folder=tmp_path, rows=done).several_seeds
    assert WorkQueue([first, other_seed], None, folder=tmp_path, rows={}).several_seeds
    assert WorkQueue([other_seed], None, folder=tmp_path, rows=done).several_seeds
    both = rows_of(make_row(first), make_row(other_seed))
    assert not WorkQueue(others, None, folder=tmp_path, rows=both).several_seeds


def test_a_trial_that_cannot_be_trained_is_refused_before_it_runs(tmp_path: Path, sweep: Sweep) -> None:
    queue = WorkQueue([replace(sweep.trials[0], batch_size=2000)], None, folder=tmp_path, rows={})
    with pytest.raises(ConfigError, match="batch_size"):
        _ = queue.datasets


@pytest.fixture
def search(sweep: Sweep) -> Search:
    axes = {"optimizer.learning_rate": Uniform(low=0.1, high=1.0)}
    return Search(base=sweep.trials[0], axes=axes, num_trials=4)


def test_a_proposal_is_on_the_disk_until_its_row_is(tmp_path: Path, search: Search, make_row: Make) -> None:
    queue = WorkQueue((), search, folder=tmp_path, rows={})
    assert queue.work_ids == tuple(f"proposal-{number}" for number in range(4))
    trial = queue.propose()
    assert isinstance(trial, TrialConfig)
    assert list(pending_proposals.read(tmp_path)) == [trial_id(trial)] == list(queue.missing)
    assert (queue.num_proposals, queue.num_trials, len(queue.upcoming)) == (3, 4, 3)
    later = WorkQueue((), search, folder=tmp_path, rows={})
    assert (list(later.missing), later.num_proposals) == ([trial_id(trial)], 3)
    queue.tell(make_row(trial))
    assert pending_proposals.read(tmp_path) == {}


def test_a_population_has_as_many_trials_at_a_time_as_members(tmp_path: Path, search: Search) -> None:
    queue = WorkQueue((), replace(search, algorithm=PBT(population=2)), folder=tmp_path, rows={})
    assert (len(queue.missing), queue.num_proposals, queue.max_concurrent, len(queue.upcoming)) == (2, 2, 2, 2)
    population = queue.population
    assert population is not None
    assert (population.steps_per_round, population.size) == (2, 2)
