"""Laws of an outcome: what counts as complete, and that its other forms hold the same rows."""

from pathlib import Path

import pytest

from mnist_sweep import Outcome, Status, TrialConfig, grid
from tests.conftest import MakeRow


def outcome(make_row: MakeRow, statuses: list[Status], num_trials: int = 3) -> Outcome:
    trials = grid(TrialConfig(), {"seed": [*range(num_trials)]})
    rows = tuple(make_row(trial, status=status) for trial, status in zip(trials, statuses, strict=False))
    return Outcome(folder=Path("results/mine"), rows=rows, num_trials=num_trials, num_run=len(rows), seconds=1.0)


@pytest.mark.parametrize(
    ("statuses", "num_failed", "complete"),
    [
        ([Status.OK, Status.OK, Status.OK], 0, True),
        ([Status.OK, Status.STOPPED, Status.DIVERGED], 0, True),
        ([Status.OK, Status.OK, Status.FAILED], 1, False),
        ([Status.OK, Status.OK], 0, False),
    ],
)
def test_a_sweep_is_complete_if_every_trial_has_a_row_that_did_not_fail(
    make_row: MakeRow, statuses: list[Status], num_failed: int, complete: bool
) -> None:
    found = outcome(make_row, statuses)
    assert (found.num_failed, found.complete) == (num_failed, complete)


def test_the_study_and_the_result_grid_hold_its_rows(make_row: MakeRow) -> None:
    found = outcome(make_row, [Status.OK, Status.STOPPED, Status.OK])
    ids = [row.trial_id for row in found.rows]
    study, results = found.to_study(), found.to_result_grid()
    assert study.study_name == "mine"
    assert [trial.user_attrs["trial_id"] for trial in study.trials] == ids
    assert [results[place].metrics["trial_id"] for place in range(len(results))] == ids
