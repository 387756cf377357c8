"""Laws of numbers that change in the middle of training."""

from dataclasses import replace
from typing import Any

import pytest

from mnist_sweep import CNN, Digits, Momentum, Stepwise, TrialConfig, config_id
from mnist_sweep.data import loading
from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.training.fitting import fit
from mnist_sweep.trials import overrides
from mnist_sweep.trials.config import from_flat, to_flat
from tests.conftest import Refused

DIGITS = loading.load(Digits())
PLAIN = TrialConfig(
    model=CNN(filters=(3,), units=6, dropout=0.5),
    optimizer=Momentum(learning_rate=0.1),
    weight_decay=1e-3,
    num_steps=30,
    evaluate_every=10,
)
CHANGED = replace(
    PLAIN, changes=((7, (("optimizer.learning_rate", 0.01),)), (20, (("model.dropout", 0.0), ("weight_decay", 0.01))))
)


def figures(config: TrialConfig) -> Any:
    ended = fit(config, DIGITS)
    return [point[:6] for point in ended.history], ended.test_accuracy


def test_the_numbers_of_a_step_are_those_changed_last() -> None:
    assert overrides.config_at(CHANGED, 6) == PLAIN
    assert (
        overrides.config_at(CHANGED, 7)
        == overrides.config_at(CHANGED, 19)
        == replace(PLAIN, optimizer=Momentum(learning_rate=0.01))
    )
    late = overrides.config_at(CHANGED, 20)
    assert (late.model.dropout, late.optimizer.learning_rate, late.weight_decay) == (0.0, 0.01, 0.01)  # type: ignore[union-attr]
    assert [overrides.next_change(CHANGED, step) for step in (0, 6, 7, 20, 29)] == [7, 7, 20, 30, 30]


@pytest.mark.usefixtures("tf")
def test_a_learning_rate_that_changes_is_a_schedule() -> None:
    base = replace(PLAIN, optimizer=Momentum(learning_rate=0.5), schedule=Stepwise(boundaries=(7, 20), factor=0.5))
    changing = replace(
        base,
        schedule="constant",  # type: ignore[arg-type]
        changes=((7, (("optimizer.learning_rate", 0.25),)), (20, (("optimizer.learning_rate", 0.125),))),
    )
    assert figures(changing) == figures(base)


@pytest.mark.usefixtures("tf")
@pytest.mark.parametrize(
    ("name", "value"), [("model.dropout", 0.0), ("optimizer.momentum", 0.5), ("weight_decay", 0.5)]
)
def test_a_change_holds_from_its_step_on_and_not_before(name: str, value: float) -> None:
    changed, plain = (figures(config)[0] for config in (replace(PLAIN, changes=((10, ((name, value),)),)), PLAIN))
    assert changed[0] == plain[0]
    assert changed[1] != plain[1]


@pytest.mark.usefixtures("tf")
def test_a_change_to_what_holds_already_changes_nothing() -> None:
    same = tuple((step, (("model.dropout", 0.5), ("optimizer.learning_rate", 0.1))) for step in (3, 10, 25))
    assert figures(replace(PLAIN, changes=same)) == figures(PLAIN)


@pytest.mark.usefixtures("tf")
def test_the_trial_after_one_with_changes_starts_with_its_own_numbers() -> None:
    before = figures(PLAIN)
    fit(CHANGED, DIGITS)
    assert figures(PLAIN) == before


def test_a_config_without_changes_keeps_its_id_and_one_with_them_comes_back_from_its_flat_form() -> None:
    assert config_id(CHANGED) != config_id(PLAIN)
    assert from_flat(to_flat(CHANGED)) == CHANGED
    assert to_flat(PLAIN)["changes"] == []


@pytest.mark.parametrize(
    "given", [((0, ()),), ((30, ()),), ((20, ()), (7, ())), ((7, ()), (7, ()))], ids=["0", "last", "falling", "twice"]
)
def test_changes_rise_between_the_first_step_and_the_last(given: Any, refused: Refused) -> None:
    with refused(ConfigError, "0 < steps of changes < num_steps, rising"):
        replace(PLAIN, changes=given)


@pytest.mark.parametrize(
    ("name", "value", "error", "part"),
    [
        ("model.units", 8, ConfigError, "the same graph serves before and after a change"),
        ("batch_size", 10, ConfigError, "only numbers change in training"),
        ("schedule.warmup_steps", 10, ConfigError, "the same graph serves before and after a change"),
        ("optimizer.speed", 1, UnknownNameError, "optimizer.speed"),
        ("optimizer.learning_rate", -1, ConfigError, "0 < learning_rate"),
        ("weight_decay", 0, ConfigError, "the same graph serves before and after a change"),
    ],
)
def test_only_numbers_of_the_graph_change(
    name: str, value: float, error: type[Exception], part: str, refused: Refused
) -> None:
    with refused(error, part):
        overrides.validate(replace(PLAIN, changes=((7, ((name, value),)),)))
