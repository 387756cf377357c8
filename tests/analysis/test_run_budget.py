"""Laws of a budget: what its text means, and what it covers."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mnist_sweep.analysis.run_budget import Budget, parse
from mnist_sweep.errors import ConfigError

Refused = Callable[..., AbstractContextManager[None]]


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
    assert parse(text) == budget


@pytest.mark.parametrize("text", ["", "0", "0 s", "-1", "1.5", "2 days", "1e3 s", "ten"])
def test_anything_else_is_refused(refused: Refused, text: str) -> None:
    with refused(ConfigError, "a time such as `90min` or `2h`", repr(text)):
        parse(text)


def test_it_covers_what_takes_no_more_of_either() -> None:
    budget = Budget(trials=10, seconds=60)
    assert budget.covers(budget)
    assert not budget.covers(Budget(trials=11, seconds=1))
    assert not budget.covers(Budget(trials=1, seconds=61))
