import dataclasses
import typing

import pytest

from mnist_sweep.trials import events
from mnist_sweep.trials.events import Event, RunStarted
from tests.conftest import MakeRow


def test_every_event_is_a_frozen_value_that_listeners_may_receive() -> None:
    classes = [value for value in vars(events).values() if dataclasses.is_dataclass(value)]
    assert {one for one in classes if isinstance(one, type) and one.__module__ == events.__name__} == set(
        typing.get_args(Event)
    )
    event = RunStarted(rows=(), num_trials=3, fields=())
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.num_trials = 4  # type: ignore[misc]  # on purpose


def test_what_is_missing_of_a_run_is_what_has_no_row(make_row: MakeRow) -> None:
    assert RunStarted(rows=(make_row(),), num_trials=3, fields=()).num_missing == 2
