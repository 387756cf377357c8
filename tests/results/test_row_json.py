"""Laws of rows: read back without loss, and never read wrong."""

import hashlib
import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from mnist_sweep.errors import RowError
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.conftest import MakeRow, Refused

NAN, INFINITY = float("nan"), float("inf")


def forged(row: TrialRow, **changed: Any) -> str:
    """Return the text of a row with some fields changed (or, given `...`, left out) and the digest that then fits."""
    content = json.loads(to_json(row)) | changed
    kept = {name: value for name, value in content.items() if value is not ... and name not in {"format", "digest"}}
    return with_digest("".join(f",\n {json.dumps(name)}: {json.dumps(value)}" for name, value in kept.items()) + "}\n")


def with_digest(body: str) -> str:
    """Return the text of a row with everything after its digest given."""
    return f'{{"format": 2, "digest": "{hashlib.sha256(body.encode()).hexdigest()[:16]}"{body}'


def of_format_1(row: TrialRow) -> dict[str, Any]:
    """Return the content of a row as version 0.1.0 wrote it."""
    content = json.loads(to_json(row)) | {"format": 1, "history": [point._asdict() for point in row.history]}
    del content["digest"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "digest": hashlib.sha256(text.encode()).hexdigest()[:16]}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"val_accuracy": 0.1 + 0.2, "val_loss": 5e-324, "train_loss": 1.7976931348623157e308, "seconds_total": 1 / 3},
        {"status": Status.STOPPED, "val_accuracy": None, "parameters": None, "history": ()},
        {"status": Status.FAILED, "error": "a, \"b\" and 'c'\n\r\té\u2028\U0001f600\udc80\0", "traceback": "x\ny\n"},
        {"status": Status.DIVERGED, "steps": 3},
        {"status": Status.STOPPED, "environment": {"threads": 1, "device": "CPU", "nested": {"list": [1, 0.1, None]}}},
        {"parameters": 2**63 - 1, "seconds_setup": -0.0},
    ],
)
def test_row_is_read_back_exactly(make_row: MakeRow, given: dict[str, Any]) -> None:
    row = make_row(TrialConfig(seed=3), **given)
    again = from_json(to_json(row))
    assert again == row
    assert repr(again) == repr(row)


@pytest.mark.parametrize("bad", [NAN, INFINITY, -INFINITY])
def test_figure_that_is_not_finite_is_null(make_row: MakeRow, bad: float) -> None:
    row = make_row()
    damaged = replace(row, val_loss=bad, history=(row.history[0]._replace(train_loss=bad),))
    again = from_json(to_json(damaged))
    point = row.history[0]._replace(train_loss=None)  # JSON has no other way to say it
    assert again == replace(row, val_loss=None, history=(point,))


def test_text_is_strict_ascii_json_and_ends_its_last_line(make_row: MakeRow) -> None:
    def never(constant: str) -> None:
        pytest.fail(constant)

    text = to_json(make_row(val_loss=NAN, error="é"))
    assert json.loads(text, parse_constant=never)["val_loss"] is None
    assert text.isascii()
    assert text.endswith("}\n")


def test_no_changed_byte_makes_another_row(make_row: MakeRow) -> None:
    row = make_row(error="é", environment={"threads": 1})
    text = to_json(row).encode()
    harmful = []
    for place, byte in enumerate(text):
        for other in {*(byte ^ 1 << bit for bit in range(8)), *b'0e"} \\'} - {byte}:
            try:
                again = from_json((text[:place] + bytes([other]) + text[place + 1 :]).decode())
            except (RowError, UnicodeDecodeError):
                continue
            except Exception as error:
                harmful.append((place, chr(other), repr(error)))
                continue
            if repr(again) != repr(row):
                harmful.append((place, chr(other), "another row"))
    assert harmful == []


def test_no_part_of_a_row_is_a_row(make_row: MakeRow) -> None:
    text = to_json(make_row()).rstrip()
    for length in range(len(text)):
        with pytest.raises(RowError):
            from_json(text[:length])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.91", "0.92"),
        ('"ok"', '"failed"'),
        ('"seed": 0', '"seed": 1'),
        ('"num_steps": 1000', '"num_steps": 2000'),
        ('"digest": "', '"digest": "0'),
    ],
)
def test_edited_row_is_noticed(make_row: MakeRow, refused: Refused, before: str, after: str) -> None:
    text = to_json(make_row())
    assert before in text
    with refused(RowError, "its content does not match its own digest"):
        from_json(text.replace(before, after))


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "12e345"])
def test_figure_edited_to_no_number_is_noticed(make_row: MakeRow, refused: Refused, figure: str) -> None:
    with refused(RowError):
        from_json(to_json(make_row()).replace("12.345", figure))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"trial_id": "0123456789ab-0"}, "does not match its id 0123456789ab-0"),
        ({"config_id": "0123456789ab"}, "does not match its id"),
        ({"config": {**to_flat(TrialConfig()), "another": 7}}, "does not match its id"),
        ({"defaults": []}, "does not match its id"),
        ({"config": {}}, "seed"),
        ({"config": 3}, ""),
        ({"config": ...}, "config"),
        ({"status": "great"}, "great"),
        ({"history": [3]}, ""),
        ({"history": [{"step": 1}]}, "train_loss"),
        ({"history": {"step": [1]}}, "history has the columns step"),
        ({"history": {name: [1] * (name == "step") for name in Evaluation._fields}}, "shorter"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_row_that_contradicts_itself_is_refused(
    make_row: MakeRow, refused: Refused, changed: dict[str, Any], part: str
) -> None:
    with refused(RowError, part):
        from_json(forged(make_row(), **changed))


@pytest.mark.parametrize(
    ("before", "after"), [('"status":', '"status": "ok", "status":'), ('"seed": 0', '"seed": 1, "seed": 0')]
)
def test_name_that_stands_twice_in_an_object_is_refused(
    make_row: MakeRow, refused: Refused, before: str, after: str
) -> None:
    body = to_json(make_row()).partition(",")[2].partition(",")[2]
    with refused(RowError, "it is not JSON (a name occurs in it twice)"):
        from_json(with_digest("," + body.replace(before, after)))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ("trial_id,val_accuracy\n", "not JSON"),
        ("{", "not JSON"),
        pytest.param("[" * 100_000, "not JSON", id="nested"),
        ("[]", "not a row"),
        ("3", "not a row"),
        ("null", "not a row"),
        ('["digest", "trial_id"]', "not a row"),
        ("{}", "not a row"),
    ],
)
def test_text_that_is_no_row_is_refused(refused: Refused, text: str, part: str) -> None:
    with refused(RowError, part):
        from_json(text)


@pytest.mark.parametrize("found", [0, 3, "2", None])
def test_format_of_another_version_is_named(make_row: MakeRow, refused: Refused, found: object) -> None:
    with refused(RowError, f"its format is {found!r}, but this version reads 1 and 2"):
        from_json(to_json(make_row()).replace('"format": 2', f'"format": {json.dumps(found)}'))


def test_row_laid_out_anew_counts_as_edited(make_row: MakeRow, refused: Refused) -> None:
    with refused(RowError, "it was damaged or edited"):
        from_json(json.dumps(json.loads(to_json(make_row())), indent=7))


def test_row_of_format_1_is_read_in_any_layout(make_row: MakeRow) -> None:
    row = make_row()
    assert from_json(json.dumps(dict(reversed(of_format_1(row).items())), indent=7)) == row


def test_row_of_format_1_that_was_edited_is_noticed(make_row: MakeRow, refused: Refused) -> None:
    text = json.dumps(of_format_1(make_row()))
    with refused(RowError, "its content does not match its own digest"):
        from_json(text.replace("0.91", "0.92"))


def test_row_read_without_its_history_is_otherwise_the_same(make_row: MakeRow) -> None:
    row = make_row(error='},\n "history": {')
    assert from_json(to_json(row), with_history=False) == replace(row, history=())
    assert from_json(json.dumps(of_format_1(row)), with_history=False) == replace(row, history=())
    with pytest.raises(RowError, match="digest"):
        from_json(to_json(row).replace("0.91", "0.92"), with_history=False)


def test_forging_without_changes_is_the_row(make_row: MakeRow) -> None:
    assert from_json(forged(make_row())) == make_row()


def test_format_of_version_1_is_read_for_ever() -> None:
    text = (
        '{"format":1,"trial_id":"2ad0b931443d-7","config_id":"2ad0b931443d","status":"ok","config":{"num_steps":2,'
        '"seed":7,"data":"mnist","model":"cnn","optimizer":"adam","schedule":"constant"},"defaults":["data","model",'
        '"optimizer","schedule"],"val_accuracy":0.5,"test_accuracy":0.25,"history":[],"digest":"DIGEST"}'
    )
    content = json.loads(text)
    del content["digest"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    row = from_json(text.replace("DIGEST", hashlib.sha256(canonical.encode()).hexdigest()[:16]))
    assert (row.trial_id, row.val_accuracy, row.test_accuracy) == ("2ad0b931443d-7", 0.5, 0.25)


def test_figure_that_does_not_exist_is_none_and_never_0() -> None:
    row = TrialRow(trial_id="a-0", config_id="a", status=Status.FAILED, config={})
    assert [item.name for item in fields(row) if isinstance(getattr(row, item.name), int | float)] == []


def test_row_is_frozen(make_row: MakeRow) -> None:
    with pytest.raises(FrozenInstanceError):
        make_row().steps = 3  # type: ignore[misc]  # the mistake under test


def test_evaluation_has_no_figure_by_default() -> None:
    with pytest.raises(TypeError):
        Evaluation()  # type: ignore[call-arg]  # the mistake under test
