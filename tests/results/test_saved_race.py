"""Laws of a saved race: it is read back as it was, and damage is reported with the way out."""

import json
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import saved_race
from mnist_sweep.search.race import Race
from tests.conftest import MakeRow, Refused
from tests.search.races import IDS, KNOWN, NUM_VAL, rows_of

RACE = Race(IDS, KNOWN, num_val=NUM_VAL)


def test_race_comes_back_with_the_decisions_of_its_rows(tmp_path: Path, make_row: MakeRow) -> None:
    folder, rows = tmp_path / "results" / "sweep", rows_of(make_row)
    assert saved_race.read(folder) is None
    saved_race.write(folder, RACE)
    again = saved_race.read(folder, rows)
    assert again is not None
    whole = Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows)
    assert (again.departures, again.end, again.known) == (whole.departures, whole.end, KNOWN)


def test_race_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    saved_race.write(tmp_path, RACE)
    before = (tmp_path / saved_race.FILE).stat()
    saved_race.write(tmp_path, RACE)
    assert (tmp_path / saved_race.FILE).stat().st_ino == before.st_ino
    saved_race.write(tmp_path, Race(IDS[:2], KNOWN, num_val=NUM_VAL))
    assert json.loads((tmp_path / saved_race.FILE).read_text())["settings"] == IDS[:2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": ["a"]},
        {"settings": ["a", "a"]},
        {"num_val": 0},
        {"known": {"within": 0}},
        {"known": {"within": 0.1, "error": 2}},
        {"known": {"within": 0.1, "hook": "os"}},
        {"objective": {"name": "f1", "direction": "maximize", "unit": ""}, "known": {"within": 1, "assume": "any"}},
        {"hook": "os"},
        None,
    ],
)
def test_a_damaged_race_is_named_with_the_way_out(tmp_path: Path, wrong: Any, refused: Refused) -> None:
    saved_race.write(tmp_path, RACE)
    content = json.loads((tmp_path / saved_race.FILE).read_text())
    (tmp_path / saved_race.FILE).write_text(json.dumps(content | wrong) if wrong else "[")
    with refused(LedgerError, saved_race.FILE, "damaged", "delete it"):
        saved_race.read(tmp_path)
