"""Laws of the user's own definitions in trials: each has a name, and each name one definition."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from mnist_sweep import Dataset, Digits, Softmax, TrialConfig
from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.user_code.definitions import own_definitions

Refused = Callable[..., AbstractContextManager[None]]


@dataclass(frozen=True)
class Net:
    units: int = 4

    def build(self, image_shape: Any, num_classes: int) -> Any:
        raise NotImplementedError


def images() -> Dataset:
    return Digits().load()


TRIALS = [TrialConfig(model=Net(units), data=images) for units in (4, 8)]


def test_own_classes_and_functions_are_found_once_by_their_names() -> None:
    named = {f"{__name__}:Net": Net, f"{__name__}:images": images}
    assert own_definitions([*TRIALS, TrialConfig(model=Softmax())]) == named


def test_what_a_registry_holds_is_nobodys_own() -> None:
    assert own_definitions([TrialConfig(), TrialConfig(model=Softmax())]) == {}


def test_trials_of_a_definition_that_was_made_again_are_refused(
    monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    again = type("Net", (Net,), {"__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Net", again)
    with refused(ConfigError, f"`{__name__}:Net` was redefined", "create the trials and the sweep again"):
        own_definitions(TRIALS)
    newer: Any = dataclass(frozen=True)(again)
    monkeypatch.setattr(sys.modules[__name__], "Net", newer)
    assert own_definitions([TrialConfig(model=newer())]) == {f"{__name__}:Net": newer}
    with refused(ConfigError, "was redefined"):
        own_definitions([TrialConfig(model=newer()), *TRIALS])
