"""Laws of a row's fields: whatever a file with a right digest holds, it keeps the rules or is refused by name."""

from typing import Any

import pytest

from mnist_sweep.errors import RowError
from mnist_sweep.results.row_json import from_json
from mnist_sweep.results.row_validation import KINDS
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.ids import flat_id, trial_name
from mnist_sweep.trials.row import Evaluation
from tests.conftest import MakeRow, Refused
from tests.results.test_row_json import forged, with_digest

START_OF_ROW = with_digest("")
FLAT = to_flat(TrialConfig())
CURVE: dict[str, list[Any]] = {
    "step": [10, 20],
    "train_loss": [2.0, 1.0],
    "train_accuracy": [0.1, 0.5],
    "val_loss": [None, 1.5],
    "val_accuracy": [None, 0.5],
    "learning_rate": [0.1, 0.1],
    "seconds": [1.0, 2.0],
}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def with_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a row of a flat config, whose ids fit it."""
    config_id = flat_id({name: value for name, value in config.items() if name != "seed"})
    ids = {"config_id": config_id, "trial_id": trial_name(config_id, config.get("seed", 0))}
    return {"config": config, "defaults": [], **ids}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"val_accuracy": 5.0}, "val_accuracy is 5.0, not in [0, 1]"),
        ({"test_accuracy": -0.1}, "test_accuracy is -0.1, not in [0, 1]"),
        ({"val_accuracy": 1e308}, "val_accuracy"),
        ({"val_accuracy": None}, "its status is ok, but it lacks val_accuracy"),
        ({"test_accuracy": None}, "its status is ok, but it lacks test_accuracy"),
        ({"val_accuracy": 1}, "val_accuracy is 1"),
        ({"steps": True}, "steps is True"),
        ({"steps": -1}, "steps is -1"),
        ({"parameters": 2**63}, "parameters is 9223372036854775808"),
        ({"num_test": 10**400}, "num_test is 1000"),
        ({"seconds_total": -3594.0}, "seconds_total is -3594.0"),
        ({"started": 1e300}, "started is 1e+300"),
        ({"defaults": ["model", 3]}, "defaults are not names"),
        ({"environment": {"nested": nested(900)}}, "environment has more than 8 levels"),
        ({"environment": {"text": "\udc80"}}, "environment has text that is not Unicode"),
        ({"worker": 3}, "worker is 3"),
    ],
)
def test_field_that_breaks_a_rule_is_named(make_row: MakeRow, refused: Refused, changed: Any, part: str) -> None:
    with refused(RowError, part):
        from_json(forged(make_row(), **changed))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        *(({part: ...}, f"config has the {part} None") for part in ("data", "model", "optimizer", "schedule")),
        ({"model": 3}, "config has the model 3"),
        ({"seed": 2**80}, "config has the seed 1208925819614629174706176"),
        ({"seed": -1}, "config has the seed -1"),
        ({"seed": True}, "config has the seed True"),
        ({"changes": [[1]]}, "not enough values"),
        ({"changes": [[1, [[2, 3]]]]}, "config has the change"),
        ({"changes": 3}, "not iterable"),
        ({"x.y": 1}, "config has the field 'x.y' of no part"),
        ({"batch_size": 10**400}, "config has a number beyond"),
        ({"model.tag": "\ud800"}, "config has text that is not Unicode"),
        ({"model.\ud800": 1}, "config has text that is not Unicode"),
        ({"model.tag": nested(900)}, "config has more than 8 levels"),
    ],
)
def test_config_that_no_trial_can_have_is_refused(
    make_row: MakeRow, refused: Refused, changed: dict[str, Any], part: str
) -> None:
    config = {name: value for name, value in (FLAT | changed).items() if value is not ...}
    with refused(RowError, part):
        from_json(forged(make_row(), **with_config(config)))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"step": [20, 10]}, "history has steps that do not rise"),
        ({"step": [10, 10]}, "history has steps that do not rise"),
        ({"step": [-1, 10]}, "step in history is -1"),
        ({"step": [1.0, 2.0]}, "not numbers"),
        ({"step": [10, 2**63]}, "step in history is 9223372036854775808"),
        ({"val_accuracy": [0.5, 1.5]}, "val_accuracy in history is 1.5, not in [0, 1]"),
        ({"train_loss": [1, 10**400]}, "train_loss in history"),
        ({"seconds": [-1, 2]}, "seconds in history is -1"),
        ({"seconds": [None, 2]}, "history lacks seconds"),
        ({"val_loss": ["1", 2]}, "not numbers"),
        ({"val_loss": [True, 2]}, "not numbers"),
        ({"val_loss": [1.0]}, "shorter"),
        ({"val_loss": ...}, "history has the columns"),
    ],
)
def test_learning_curve_that_breaks_a_rule_is_refused(
    make_row: MakeRow, refused: Refused, changed: dict[str, Any], part: str
) -> None:
    curve = {name: column for name, column in (CURVE | changed).items() if column is not ...}
    with refused(RowError, part):
        from_json(forged(make_row(), history=curve))


def test_number_too_large_for_a_float_is_refused(make_row: MakeRow, refused: Refused) -> None:
    with refused(RowError, "val_loss is inf"):
        from_json(with_digest(forged(make_row(), val_loss=0.125)[len(START_OF_ROW) :].replace("0.125", "1e999")))


def test_rules_allow_the_ends_of_their_ranges(make_row: MakeRow) -> None:
    config = FLAT | {"seed": 2**63 - 1, "model.tag": nested(7), "changes": [[1, [["weight_decay", 0.1]]]]}
    fields = {"val_accuracy": 0.0, "test_accuracy": 1.0, "steps": 0, "val_loss": -1.7e308, "started": -4e10}
    row = from_json(forged(make_row(), **with_config(config), **fields, history=CURVE))
    assert row.config == config
    assert row.history[-1] == Evaluation(*(column[-1] for column in CURVE.values()))


def test_every_number_of_a_row_has_a_range() -> None:
    from mnist_sweep.results.row_validation import RANGES

    numbers = {name for name, kinds in KINDS.items() if isinstance(kinds, tuple) and {int, float} & {*kinds}}
    assert numbers | {*Evaluation._fields} == {*RANGES}


JUDGED = {
    "objective": {"name": "rmse", "direction": "minimize", "unit": "px"},
    "val_objective": 2.5,
    "test_objective": 3.0,
}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"val_objective": None}, "its status is ok, but it lacks val_objective"),
        ({"test_objective": None}, "its status is ok, but it lacks test_objective"),
        ({"val_objective": "2"}, "val_objective is '2'"),
        ({"objective": "rmse"}, "objective is 'rmse'"),
        ({"objective": {"name": "rmse"} | {"unit": 3}}, "unit must be at most 12 printable characters, but got 3"),
        ({"objective": {"name": "a b"}}, "name must be 1 to 40 letters, digits and `_`, but got 'a b'"),
        ({"objective": {"name": "rmse", "direction": "up"}}, "direction must be maximize or minimize, but got 'up'"),
        ({"objective": {"name": "rmse", "color": "red"}}, "unexpected keyword argument"),
        ({"objective": {"name": "accuracy"}}, "its objective is accuracy"),
        ({"objective": {"name": "f1", "unit": "share"}}, "val_objective is 2.5, not in [0, 1]"),
    ],
)
def test_objective_that_breaks_a_rule_is_refused(make_row: MakeRow, refused: Refused, changed: Any, part: str) -> None:
    good = from_json(forged(make_row(), **JUDGED))
    assert (good.measure.title, good.val, good.test) == ("RMSE", 2.5, 3.0)
    with refused(RowError, part):
        from_json(forged(make_row(), **(JUDGED | changed)))
