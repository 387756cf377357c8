from mnist_sweep.trials.row import Status, status_counts
from tests.conftest import MakeRow


def test_counts_name_every_status_there_is(make_row: MakeRow) -> None:
    rows = [make_row(), make_row(status=Status.DIVERGED), make_row(status=Status.FAILED), make_row()]
    assert status_counts(rows) == "2 ok, 1 diverged, 1 failed"
    assert status_counts([]) == "none finished"
