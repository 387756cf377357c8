from typing import Any

import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.row import Status, status_counts, statuses
from tests.conftest import MakeRow, Refused


def test_counts_name_every_status_there_is(make_row: MakeRow) -> None:
    rows = [make_row(), make_row(status=Status.DIVERGED), make_row(status=Status.FAILED), make_row()]
    assert status_counts(rows) == "2 ok, 1 diverged, 1 failed"
    assert status_counts([]) == "none finished"


@pytest.mark.parametrize("given", ["failed", Status.FAILED, ["faild"], [1]])
def test_what_is_no_list_of_statuses_is_refused(given: Any, refused: Refused) -> None:
    assert statuses(["failed", Status.OK]) == {Status.FAILED, Status.OK}  # type: ignore[list-item]
    with refused(ConfigError, "retry is a list of ok, stopped, diverged, failed"):
        statuses(given)
