"""Laws of which trials share their first steps; that they share their bits is tested with the trials themselves."""

from dataclasses import replace
from typing import Any

import pytest

from mnist_sweep import Cosine, Momentum, Stepwise, TrialConfig
from mnist_sweep.trials.shared_prefix import FOLDER, final_state_name, is_shareable, latest_start
from tests.training.training_code import Linear

LONG = TrialConfig(num_steps=60, evaluate_every=10, schedule=Stepwise(boundaries=(25,), warmup_steps=5))


def short(num_steps: int, **changes: Any) -> TrialConfig:
    return replace(LONG, num_steps=num_steps, **changes)


def name(config: TrialConfig) -> str:
    found = final_state_name(config)
    assert found is not None
    return found


def test_a_trial_starts_from_the_latest_state_that_is_there() -> None:
    names = [name(short(steps)) for steps in (10, 40, 20)]
    assert latest_start(LONG, names) == names[1]
    assert latest_start(LONG, names[:1]) == names[0]
    assert latest_start(LONG, []) is None
    assert latest_start(LONG, [*names, f"{FOLDER}/Thumbs.db", f"{names[0]} (copy)"]) == names[1]
    assert all(one.startswith(f"{FOLDER}/") for one in names)


def test_neither_its_own_final_state_nor_a_later_one_is_a_start() -> None:
    assert latest_start(LONG, [name(LONG), name(short(70))]) is None


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"optimizer": Momentum()}, {"batch_size": 7}, {"evaluate_every": 5}], ids=str
)
def test_trials_that_differ_in_anything_but_their_length_share_no_steps(changes: dict[str, Any]) -> None:
    assert latest_start(LONG, [name(short(40, **changes))]) is None


def test_changes_count_from_their_step_on() -> None:
    early, late = ((step, (("optimizer.learning_rate", 0.5),)) for step in (15, 45))
    assert latest_start(replace(LONG, changes=(late,)), [name(short(40))]) == name(short(40))
    assert latest_start(replace(LONG, changes=(early,)), [name(short(40))]) is None
    assert latest_start(replace(LONG, changes=(early, late)), [name(short(40, changes=(early,)))]) is not None


def test_a_schedule_that_depends_on_the_length_shares_no_steps() -> None:
    assert not is_shareable(replace(LONG, schedule=Cosine()), 40)
    assert latest_start(replace(LONG, schedule=Cosine()), [name(short(40))]) is None


def test_a_trial_that_ends_between_evaluations_has_a_point_that_no_longer_one_has() -> None:
    assert final_state_name(short(45)) is None
    assert is_shareable(LONG, 40)
    assert not is_shareable(LONG, 45)


def test_training_code_starts_only_where_it_has_ended_or_hyperparameters_change() -> None:
    code = replace(LONG, model=Linear())
    names = [name(replace(code, num_steps=steps)) for steps in (20, 40)]
    assert latest_start(code, names) is None
    assert latest_start(replace(code, changes=((20, (("model.rate", 0.1),)),)), names) == names[0]
