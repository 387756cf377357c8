"""Laws of what proposes runs; tests of `next_runs`, in test_proposed_runs, cover the rest."""

from collections.abc import Callable
from pathlib import Path

from mnist_sweep import TrialConfig
from mnist_sweep.analysis.proposers import runs_after
from mnist_sweep.trials.row import TrialRow


def test_ties_are_those_that_are_given(make_row: Callable[..., TrialRow], tmp_path: Path) -> None:
    rows = [make_row(TrialConfig(num_steps=steps), val_accuracy=0.9) for steps in (1, 2, 3)]
    by_id, tied = {row.trial_id: row for row in rows}, [row.config_id for row in rows[:2]]
    (run,) = runs_after(tmp_path, by_id, tied).runs
    assert (run.config_ids, run.seeds, run.num_trials) == (tuple(tied), 3, 4)
    assert runs_after(tmp_path, by_id, tied[:1]).runs == ()
