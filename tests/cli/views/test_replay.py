"""Laws of the view of `replay`: the verdict, the numbers that differ, causes of failure, changes of the environment."""

from dataclasses import replace
from typing import Any

from mnist_sweep.cli.views.replay import show
from mnist_sweep.results.merging import differences
from mnist_sweep.sweep.replay import Replay
from mnist_sweep.trials.row import Status, TrialRow
from tests.cli.conftest import shown
from tests.conftest import MakeRow

ENVIRONMENT = {"threads": 1}


def lines_of(before: TrialRow, after: TrialRow, **environment: tuple[Any, Any]) -> list[str]:
    found = tuple(differences(before, after))
    replay = Replay(before=before, after=after, differences=found, environment=environment)
    return [line.rstrip() for line in shown(show, replay, width=100).splitlines()]


def test_identical_numbers_are_counted(make_row: MakeRow) -> None:
    row = make_row(environment=ENVIRONMENT)
    assert lines_of(row, row) == [
        f"trial {row.trial_id}: identical, bit for bit, in 8 numbers and 1 point of the learning curve",
        "environment: the same",
    ]


def test_numbers_that_differ_have_their_distance(make_row: MakeRow) -> None:
    row = make_row(environment=ENVIRONMENT)
    lines = lines_of(replace(row, val_loss=0.6, parameters=600), row)
    assert lines[0].endswith("not identical: of 8 numbers and 1 point of the learning curve, 2 and 0 differ")
    assert [line.split() for line in lines[1:4]] == [
        ["number", "step", "then", "now", "difference", "relative"],
        ["val_loss", "end", "0.6", "0.3", "-0.3", "0.5"],
        ["parameters", "end", "600", "650", "+50", "0.0833"],
    ]


def test_of_a_learning_curve_the_first_step_that_differs_is_listed(make_row: MakeRow) -> None:
    row = make_row(environment=ENVIRONMENT)
    curve = [row.history[0]._replace(step=step) for step in (2, 4)]
    changed = tuple(point._replace(train_loss=(point.train_loss or 0.0) + 2**-50) for point in curve)
    lines = lines_of(replace(row, history=changed), replace(row, history=tuple(curve)))
    assert lines[0].endswith("0 and 2 differ; the first point at step 2")
    assert [line.split()[:2] for line in lines[2:]] == [["train_loss", "2"], ["environment:", "the"]]


def test_changes_of_the_environment_are_listed(make_row: MakeRow) -> None:
    row = make_row(environment=ENVIRONMENT)
    lines = lines_of(row, row, mnist_sweep=("0.1.0", "0.4.0"), gone=(True, None))
    assert lines[1:] == ["mnist_sweep: 0.1.0 then, 0.4.0 now", "gone: True then, not recorded now"]


def test_causes_of_failures_are_printed_and_numbers_are_not_compared(make_row: MakeRow) -> None:
    row, failed = make_row(), make_row(status=Status.FAILED, error="MemoryError: no\x1b[2Jluck")
    assert lines_of(failed, row) == [
        f"trial {row.trial_id}: failed then, ok now",
        "failed then: MemoryError: no\\x1b[2Jluck",
        "environment: not recorded",
    ]
    assert [line.partition(":")[0] for line in lines_of(failed, failed)[1:3]] == ["failed then", "failed now"]
