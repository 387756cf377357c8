"""Laws of the fast reader of rows: it reads the same rows as the reader of whole texts, and refuses the same."""

from dataclasses import replace
from random import Random
from unittest.mock import Mock

import pytest

from mnist_sweep.errors import RowError
from mnist_sweep.results import row_json
from mnist_sweep.results.row_json import LENGTH, from_json, to_json
from mnist_sweep.results.row_lines import END, HISTORY, LINE
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.ids import trial_name
from tests.conftest import MakeRow
from tests.results.test_row_json import with_digest

PIECES: tuple[str, ...] = (*'{}[],"\n', ": ", LINE, HISTORY, END, "null", "-1", "1e999", "NaN", '"seed": 1', "\\u0061")


def laid_out_anew(body: str, drawn: Random) -> str:
    """Return the body of a row with lines moved, repeated, joined or left out, or with other characters."""
    lines, (one, other) = body.split(LINE), drawn.choices(range(body.count(LINE) + 1), k=2)
    match drawn.randrange(7):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(one, lines[other])
        case 2:
            lines[one] = lines[one].replace(" ", drawn.choice(("", "  ", "\n ")), 1)
        case 3:
            lines[one] = lines[one].partition(": ")[0] + ": " + lines[other].partition(": ")[2]
        case 4:
            del lines[one]
        case 5:
            lines[one] = "".join(drawn.choice((lines[one], lines[other], *PIECES)) for _ in range(3))
        case _:
            text, place = LINE.join(lines), drawn.randrange(len(body))
            return text[:place] + drawn.choice(PIECES) + text[place + drawn.randrange(3) :]
    return LINE.join(lines)


def test_row_is_read_or_refused_alike_whether_it_is_read_in_lines_or_as_a_whole(
    make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        make_row(TrialConfig(seed=seed), environment={"threads": 1, "nested": {"a": [1]}}, error="[a], {b}" * seed)
        for seed in range(3)
    ]
    drawn = Random(0)
    texts = [to_json(row) for row in rows]
    for _ in range(600):
        body = laid_out_anew(drawn.choice(texts)[LENGTH:], drawn)
        texts.append(with_digest(laid_out_anew(body, drawn) if drawn.random() < 0.3 else body))
    read = [outcome(text, with_history) for text in texts for with_history in (True, False)]
    monkeypatch.setattr(row_json, "row_in_lines", Mock(side_effect=ValueError))
    assert read == [outcome(text, with_history) for text in texts for with_history in (True, False)]
    assert 30 < sum(one.startswith("TrialRow") for one in read) < len(read) - 30


def outcome(text: str, with_history: bool) -> str:
    try:
        return repr(from_json(text, with_history=with_history))
    except RowError as error:
        return repr(error)


@pytest.mark.parametrize("name", ["config", "defaults", "environment"])
def test_rows_with_one_text_in_common_are_read_one_by_one(make_row: MakeRow, name: str) -> None:
    one, other = make_row(TrialConfig(seed=1)), make_row(TrialConfig(seed=2, num_steps=7))
    assert [from_json(to_json(row)) for row in (one, other, one)] == [one, other, one]
    same = from_json(to_json(replace(one, trial_id=trial_name(one.config_id, 3), config={**one.config, "seed": 3})))
    assert getattr(same, name) == (getattr(one, name) | {"seed": 3} if name == "config" else getattr(one, name))
