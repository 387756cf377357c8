"""Laws of what proposes runs, and of a proposal in words; tests of `next_runs` cover the rest."""

from pathlib import Path

from mnist_sweep import TrialConfig
from mnist_sweep.analysis.next_run_rules import ProposedRun, runs_after
from tests.conftest import MakeRow


def test_a_proposal_says_what_it_does_and_takes() -> None:
    seeds = ProposedRun(
        kind="seeds", num_trials=4, seconds=90.0, config_ids=("a", "b"), seeds=3, command=(), reason="tied"
    )
    search = ProposedRun(kind="search", num_trials=1, seconds=None, command=(), reason="more")
    assert seeds.task == "2 configs with 3 seeds each"
    assert seeds.cost == "4 more trials, about 1 min 30 s besides start-up"
    assert (search.task, search.cost) == ("1 trial more of the search", "1 trial")


def test_ties_are_those_that_are_given(make_row: MakeRow, tmp_path: Path) -> None:
    rows = [make_row(TrialConfig(num_steps=steps), val_accuracy=0.9) for steps in (1, 2, 3)]
    by_id, tied = {row.trial_id: row for row in rows}, [row.config_id for row in rows[:2]]
    (run,) = runs_after(tmp_path, by_id, tied).runs
    assert (run.config_ids, run.seeds, run.num_trials) == (tuple(tied), 3, 4)
    assert runs_after(tmp_path, by_id, tied[:1]).runs == ()
