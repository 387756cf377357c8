"""Laws of the proposals of what to run next: the order, the budget, and the commands."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import TrialConfig, next_runs, trial_id
from mnist_sweep.analysis.next_run_budget import parse_budget
from mnist_sweep.analysis.next_run_rules import Budget, ProposedRun
from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.results import runs, saved_race
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.runs import RunRecord
from mnist_sweep.search import pending_proposals
from mnist_sweep.search.race import Known, Race
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import MakeRow

RECORD = RunRecord(
    started="2026-11-29T20:00:00Z",
    ended="2026-11-29T20:01:00Z",
    command=("/opt/bin/mnist-sweep", "run", "mine.py", "--seeds", "2", "--steps", "9"),
    host="here",
    cpus=2,
    python="3.11",
    packages={},
    runner="ray",
    num_workers=2,
    num_run=4,
    seconds=60.0,
    data={},
)


class Folder:
    """A results folder of a sweep over seeds and numbers of steps."""

    def __init__(self, path: Path, make_row: MakeRow) -> None:
        self.path, self._make_row, self.ledger = path, make_row, Ledger(path)
        self.ledger.open()
        runs.append(path, RECORD)

    def add(self, steps: int, seed: int = 0, accuracy: float | None = 0.9, **given: Any) -> TrialRow:
        status = Status.OK if accuracy is not None else Status.FAILED
        values = {"val_accuracy": accuracy, "test_accuracy": accuracy, "seconds_total": 10.0, "status": status} | given
        row = self._make_row(TrialConfig(num_steps=steps, seed=seed), **values)
        self.ledger.commit(row)
        return row

    def proposed(self, **given: Any) -> tuple[ProposedRun, ...]:
        return next_runs(self.path, **given).runs


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_row: MakeRow) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(Path("results/mine"), make_row)


def noisy(results: Folder, num_configs: int, num_seeds: int, step: float = 0.001) -> list[str]:
    """Add configs whose means differ by less than their seeds; return their ids, the best first."""
    ids = []
    for number in range(num_configs):
        for seed in range(num_seeds):
            noise = 0.02 * math.sin(12.9 * seed + 78.2 * number)
            row = results.add(5 + number, seed, 0.9 - step * number + noise)
        ids.append(row.config_id)
    return ids


def test_configs_with_one_seed_get_three(results: Folder) -> None:
    noisy(results, 4, 1)
    (run,) = results.proposed()
    assert (run.kind, run.num_trials, run.seeds, run.seconds) == ("seeds", 8, 3, 40.0)
    assert run.command == ("mnist-sweep", "run", "mine.py", "--steps", "9", "--seeds", "3")
    assert len(run.config_ids) == 4
    assert run.reason == "4 configs may be the best; 3 seeds for each"


def test_configs_that_share_no_seeds_get_the_same_ones(results: Folder) -> None:
    for number in range(3):
        for seed in range(3):
            results.add(5 + number, seed + 3 * number, 0.9 + 0.01 * seed)
    (run,) = results.proposed()
    assert (run.kind, run.seeds, run.num_trials, len(run.config_ids)) == ("seeds", 3, 6, 3)


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED, Status.STOPPED])
def test_seeds_of_trials_that_ended_badly_are_replaced_as_no_run_repeats_them(results: Folder, status: Status) -> None:
    noisy(results, 2, 2)
    results.add(5, 2, 0.9)
    results.add(6, 2, None, status=status, error="bad luck", traceback="x")
    (run,) = results.proposed()
    assert (run.seeds, run.num_trials) == (4, 2)


def test_seeds_are_at_most_doubled_and_only_those_of_tied_configs(results: Folder) -> None:
    ids = noisy(results, 3, 4)
    for seed in range(4):
        clearly_worse = results.add(90, seed, 0.3 + 0.01 * seed).config_id
    (run,) = results.proposed()
    assert (run.kind, run.seeds, run.num_trials) == ("seeds", 8, 12)
    assert set(run.config_ids) == set(ids)
    assert clearly_worse not in run.config_ids
    assert run.command[-4:] == ("--seeds", "8", "--configs", ",".join(run.config_ids))
    assert results.proposed(within=0.1) == ()  # four seeds are enough to tell that it does not matter


def test_a_budget_leaves_out_the_lowest_first_then_seeds(results: Folder) -> None:
    noisy(results, 6, 3)
    (whole,) = results.proposed()
    assert (whole.num_trials, whole.seeds) == (15, 6)  # one of the six is worse
    (run,) = results.proposed(budget="10")
    assert results.proposed(budget=10) == (run,)
    assert (run.num_trials, run.seeds, run.config_ids) == (9, 6, whole.config_ids[:3])
    (run,) = results.proposed(budget="50 s")
    assert (run.num_trials, run.seconds) == (9, 45.0)
    (run,) = results.proposed(budget="3 trials")
    assert (run.num_trials, run.seeds, run.config_ids) == (2, 4, whole.config_ids[:2])
    found = next_runs(results.path, budget="1")
    assert found.runs == ()
    assert found.notes == (
        "The budget is too small for 2 trials, 10 s (5 configs may be the best; 4 seeds for 2 of them).",
    )


def test_configs_are_named_where_the_command_would_run_others_without_results(results: Folder) -> None:
    noisy(results, 2, 1)
    results.add(9, accuracy=None, status=Status.STOPPED)
    (run,) = results.proposed()
    assert run.num_trials == 4
    assert run.command[-2:] == ("--configs", ",".join(run.config_ids))


def test_a_clear_best_needs_nothing(results: Folder) -> None:
    for seed in range(4):
        results.add(5, seed, 0.95 + 0.001 * seed)
        results.add(6, seed, 0.5 + 0.002 * seed)
    assert next_runs(results.path).runs == ()
    assert next_runs(results.path).notes == ()


def test_configs_that_had_one_seed_while_others_had_several_get_as_many(results: Folder) -> None:
    for seed in range(3):
        results.add(5, seed, 0.9 + 0.001 * seed)
        results.add(6, seed, 0.5 + 0.002 * seed)
    lone = results.add(7, 0, 0.95)
    (run,) = results.proposed()
    assert (run.num_trials, run.seeds, run.config_ids[1:]) == (2, 3, (lone.config_id,))
    results.add(7, 1, None, status=Status.STOPPED)
    assert results.proposed() == ()


def test_a_config_alone_needs_nothing(results: Folder) -> None:
    results.add(5)
    assert next_runs(results.path, budget="2h").runs == ()


def test_what_was_interrupted_comes_first_and_uses_up_the_budget(results: Folder) -> None:
    noisy(results, 2, 1)
    results.add(7, accuracy=None, error="its worker was lost")
    results.add(8, accuracy=None, error="OSError: out of cheese", traceback="Traceback …")
    (results.path / "checkpoints").mkdir()
    for trial in (TrialConfig(num_steps=5), TrialConfig(num_steps=30)):
        (results.path / "checkpoints" / f"{trial_id(trial)}.ckpt").touch()
    (results.path / "checkpoints" / "run-0123").touch()
    found = next_runs(results.path)
    finish, seeds = found.runs
    assert (finish.kind, finish.num_trials, finish.seconds) == ("finish", 3, 15.0)
    assert finish.command[-2:] == ("--retry", "failed"), "which retries the exception as well"
    assert finish.reason == "1 trial interrupted, 1 trial ended from outside, 1 trial failed by an exception"
    assert seeds.kind == "seeds"
    assert found.notes == ("1 trial failed by an exception: fix its cause, then run with `--retry failed`.",)
    found = next_runs(results.path, budget="5")
    assert [run.kind for run in found.runs] == ["finish", "seeds"]
    assert sum(run.num_trials for run in found.runs) <= 5


def test_a_search_gets_more_trials(results: Folder) -> None:
    for steps in range(5, 15):
        results.add(steps, accuracy=0.5 + steps / 100)
    pending_proposals.write(results.path, TrialConfig(num_steps=40))
    finish, search = results.proposed()
    assert (finish.kind, finish.num_trials, search.kind, search.num_trials) == ("finish", 1, "search", 6)
    assert search.command[-2:] == ("--num-trials", "17")
    finish, search = results.proposed(budget="65s")
    assert (search.num_trials, search.seconds, search.command[-1]) == (10, 50.0, "21")


def test_a_population_is_not_extended(results: Folder, make_row: MakeRow) -> None:
    changed = TrialConfig(num_steps=50, changes=((10, (("optimizer.learning_rate", 0.1),)),))
    results.ledger.commit(make_row(changed))
    (results.path / "proposals").mkdir()
    assert results.proposed() == ()


def test_a_race_adds_its_seeds_itself(results: Folder) -> None:
    ids = noisy(results, 3, 3)
    saved_race.write(results.path, Race(ids, Known(within=0.005), num_val=300, rows=()))
    found = next_runs(results.path)
    assert (found.runs, found.notes) == ((), ("The race adds seeds itself: its command resumes it.",))
    saved_race.write(results.path, Race(ids, Known(within=0.005, max_seeds=3), num_val=300, rows=()))
    assert next_runs(results.path).notes == ("The race has ended: a larger `--max-seeds` resumes it.",)


def test_a_script_that_is_named_replaces_the_recorded_command(
    results: Folder, make_row: MakeRow, tmp_path: Path
) -> None:
    noisy(results, 2, 1)
    (run,) = results.proposed(script="other.py")
    assert run.command == ("mnist-sweep", "run", "other.py", "--seeds", "3")
    (results.path / "runs.jsonl").unlink()
    found = next_runs(results.path)
    assert found.runs[0].command == ()
    assert found.runs[0].seconds == 40.0
    (note,) = found.notes
    assert note == "The commands are unknown, since the last run is not recorded: pass the script (`--script`)."


def test_without_any_measured_trial_the_time_is_unknown(results: Folder) -> None:
    results.add(7, accuracy=None, error="its worker was lost")
    (run,) = results.proposed(budget="1h")
    assert (run.kind, run.seconds) == ("finish", None)


@pytest.mark.parametrize(
    "budget",
    ["", " ", "0", "0h", "-2h", "-3", "2d", "h", "1e3s", "nan", "inf", "2h30", "1.5", "1.5 trials", "two", "٣h "],
)
def test_a_wrong_budget_is_refused(results: Folder, refused: Any, budget: str) -> None:
    results.add(5)
    with refused(ConfigError, "a time such as `90min` or `2h`", repr(budget)):
        next_runs(results.path, budget=budget)


@pytest.mark.parametrize("within", [0, -1, 0.5, math.nan])
def test_a_wrong_margin_is_refused(results: Folder, within: float) -> None:
    noisy(results, 2, 3)
    with pytest.raises(ConfigError, match="0 < within"):
        next_runs(results.path, within=within)


def test_a_folder_without_rows_or_with_damage_is_refused(results: Folder, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="holds no rows"):
        next_runs(results.path)
    with pytest.raises(LedgerError, match="holds no rows"):
        next_runs(tmp_path / "none")
    row = results.add(5)
    (results.path / "runs.jsonl").write_text("{")
    with pytest.raises(LedgerError, match=r"runs\.jsonl"):
        next_runs(results.path)
    runs_again = dataclasses.replace(RECORD, num_run=1)
    (results.path / "runs.jsonl").unlink()
    runs.append(results.path, runs_again)
    (results.path / "rows" / f"{row.trial_id}.json").write_text("{")
    with pytest.raises(LedgerError, match="not a row"):
        next_runs(results.path)


def test_a_lost_trial_counts_as_the_seed_that_it_will_be(results: Folder) -> None:
    for steps, accuracy in ((1, 0.9), (2, 0.91)):
        for seed in range(3):
            lost = (steps, seed) == (2, 2)
            results.add(steps, seed, None if lost else accuracy + 0.02 * (-1) ** (seed * steps))
    finish, seeds = results.proposed()
    assert (finish.kind, finish.num_trials, finish.reason) == ("finish", 1, "1 trial ended from outside")
    assert (seeds.kind, seeds.seeds, seeds.num_trials) == ("seeds", 6, 6)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        (None, Budget()),
        ("20", Budget(trials=20)),
        ("1 trial", Budget(trials=1)),
        ("45 s", Budget(seconds=45)),
        ("90min", Budget(seconds=5400)),
        ("1.5h", Budget(seconds=5400)),
    ],
)
def test_a_text_is_a_time_or_a_number_of_trials(text: str | None, budget: Budget) -> None:
    assert parse_budget(text) == budget


def test_it_covers_what_takes_no_more_of_either() -> None:
    budget = Budget(trials=10, seconds=60)
    assert budget.covers(budget)
    assert not budget.covers(Budget(trials=11, seconds=1))
    assert not budget.covers(Budget(trials=1, seconds=61))
