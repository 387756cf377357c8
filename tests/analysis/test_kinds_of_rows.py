"""Law of every reader: rows of different data or code are in no figure together, and it says so."""

import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner

from mnist_sweep import TrialConfig, compare, diff, effects, read_summary, read_trials, report, select
from mnist_sweep.analysis.tuning_curve import expected_best_curve
from mnist_sweep.cli.app import cli
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.ids import flat_id, trial_name
from tests.conftest import MakeRow, Refused

SAID = "are of another kind"


@pytest.fixture
def folder(tmp_path: Path, make_row: MakeRow) -> Path:
    """Two configs of own data: three seeds of each with new data, and two of each with old ones, all much worse."""
    ledger = Ledger(tmp_path / "mine")
    ledger.open()
    for size in (10, 20):
        for seed in range(5):
            row = make_row(TrialConfig(batch_size=size, seed=seed))
            config = {name: value for name, value in row.config.items() if not name.startswith("data.")}
            config |= {"data": "bars:bars"}
            omitted = {*row.defaults, "seed"} - {"data"}
            config_id = flat_id({name: value for name, value in config.items() if name not in omitted})
            ledger.commit(
                dataclasses.replace(
                    row,
                    trial_id=trial_name(config_id, seed),
                    config_id=config_id,
                    config=config,
                    defaults=tuple(name for name in row.defaults if name in config and name != "data"),
                    val_accuracy=0.9 + seed / 1000 if seed < 3 else 0.3456,
                    data_digest="new" if seed < 3 else "old",
                    code_digest="code",
                )
            )
    write_tables(ledger.folder, ledger.rows().values())
    return ledger.folder


def test_means_are_those_of_one_kind(folder: Path) -> None:
    summary = read_summary(folder)
    assert (list(summary["n"]), summary["val_accuracy_mean"].round(6).tolist()) == ([3, 3], [0.901, 0.901])
    assert len(read_trials(folder)) == 10


@pytest.mark.parametrize("as_table", [False, True])
def test_analyses_use_one_kind_and_say_so(folder: Path, as_table: bool) -> None:
    given = read_trials(folder) if as_table else folder
    assert (effects(given).num_trials, select(given).n) == (6, 3)
    assert any(SAID in note for note in effects(given).notes)
    assert any(SAID in sentence for sentence in select(given).sentences)
    assert expected_best_curve(given)["budget"].max() == 6


def test_two_configs_are_compared_over_the_seeds_of_one_kind(folder: Path) -> None:
    one, other = read_summary(folder)["config_id"]
    found = compare(folder, one, other)
    assert found.seeds == ((0, 0), (1, 1), (2, 2))
    assert any(SAID in note for note in found.notes)


def test_trials_of_different_data_are_not_paired(folder: Path, refused: Refused) -> None:
    one, other = read_summary(folder)["config_id"]
    with refused(LedgerError, "were not trained with the same data", "is new and old", "cannot be paired"):
        compare(folder, f"{one}-0", f"{other}-4")


def test_diff_names_the_difference_between_sweeps_and_within_them(folder: Path, tmp_path: Path) -> None:
    other = Ledger(tmp_path / "other")
    other.open()
    for row in Ledger(folder).rows().values():
        if row.data_digest == "old":
            other.commit(row)
    notes = diff(folder, other.folder).notes
    assert any(
        "not trained with the same data and code: the digest of data=bars:bars is new and old" in note for note in notes
    )
    assert any(note.startswith("Of the first, 4 of 10 rows are of another kind") for note in notes)
    assert not any("not trained" in note for note in diff(folder, folder).notes)


def test_report_status_and_table_say_it(folder: Path) -> None:
    text = report(folder, format="md").read_text(encoding="utf-8")
    assert SAID in text
    assert "0.3456" not in text
    for command in ("status", "table"):
        found = CliRunner().invoke(cli, [command, str(folder)], terminal_width=1000)
        assert SAID in found.output, command
