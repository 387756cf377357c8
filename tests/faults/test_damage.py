"""Laws of damaged rows, in the short form of `tests.faults.damage`: every one is named, or proven harmless."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from mnist_sweep import TrialConfig, repeat
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.damaged_rows import move_damaged
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow
from tests.faults.damage import DAMAGES, HARMLESS, NAMED, WRONG, damaged, outcome
from tests.results.test_row_json import forged, of_format_1


@pytest.fixture
def ledger(tmp_path: Path, make_row: MakeRow, mixture: list[TrialConfig]) -> Ledger:
    """Rows of every part, of both formats, good and failed."""
    opened = Ledger(tmp_path / "sweep")
    opened.open()
    for number, config in enumerate(repeat(mixture, seeds=3)):
        row = make_row(config)
        opened.commit(row)
        if number % 3 == 1:
            opened.commit(make_row(config, status=Status.FAILED, error="no luck", traceback="one\ntwo\n"))
        if number % 3 == 2:
            (opened.rows_folder / f"{row.trial_id}.json").write_text(json.dumps(of_format_1(row), indent=1))
    return opened


def test_no_damage_to_a_file_makes_another_figure_or_loses_a_row_in_silence(ledger: Ledger) -> None:
    counts = damaged(ledger.folder, files=200, seed=0)
    assert counts.total() == 200
    assert {kind for kind, _ in counts} == DAMAGES.keys()
    assert {end for _, end in counts} <= {NAMED, HARMLESS}
    assert sum(number for (_, end), number in counts.items() if end == NAMED) > 150


def test_a_changed_figure_that_passed_for_a_row_would_be_noticed(ledger: Ledger) -> None:
    before = ledger.rows()
    row = next(row for row in before.values() if row.status is Status.OK)
    path = ledger.rows_folder / f"{row.trial_id}.json"
    path.write_text(forged(replace(row, val_accuracy=0.99)))
    assert outcome(ledger, path, before).startswith(WRONG)
    path.unlink()
    assert outcome(ledger, path, before).startswith(WRONG)


def test_tables_of_a_mended_folder_are_those_of_its_whole_rows(ledger: Ledger, tmp_path: Path) -> None:
    drawn, before = Random(0), ledger.rows()
    paths = sorted(ledger.rows_folder.iterdir())
    hurt = drawn.sample(paths, len(paths) // 2)
    for path in hurt:
        path.write_bytes(path.read_bytes()[: drawn.randrange(50, 500)])
    assert [moved.source for moved in move_damaged(ledger.folder)] == sorted(hurt)
    whole = [row for row in before.values() if ledger.rows_folder / f"{row.trial_id}.json" not in hurt]
    (tmp_path / "expected").mkdir()
    tables = [write_tables(tmp_path / "expected", whole), write_tables(ledger.folder, ledger.rows().values())]
    assert [path.read_bytes() for path in tables[0]] == [path.read_bytes() for path in tables[1]]
    assert len(whole) + len(hurt) == len(before)
