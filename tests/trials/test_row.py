from collections.abc import Callable

from mnist_sweep.trials.row import Status, TrialRow, status_counts


def test_counts_name_every_status_there_is(make_row: Callable[..., TrialRow]) -> None:
    rows = [make_row(), make_row(status=Status.DIVERGED), make_row(status=Status.FAILED), make_row()]
    assert status_counts(rows) == "2 ok, 1 diverged, 1 failed"
    assert status_counts([]) == "none finished"
