"""Laws of two sweeps side by side: the better one is named, and what cannot be compared is said or refused."""

from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import LogLoss, TrialConfig, TrialRow
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.blocks import Facts, Plot, Section, Table
from mnist_sweep.reports.report_data import read_results
from mnist_sweep.reports.sections.sweep_comparison import CHOSEN, compare_sweeps, sections
from mnist_sweep.results import predictions
from mnist_sweep.trials.row import Status
from tests.analysis.folders import LABELS, Folder
from tests.conftest import MakeRow, Refused
from tests.reports.conftest import blocks_of


@pytest.fixture
def folders(tmp_path: Path, make_row: MakeRow) -> list[Folder]:
    return [Folder(tmp_path / name, make_row) for name in ("first", "second")]


def add(folder: Folder, steps: int, num_wrong: int, **given: Any) -> TrialRow:
    for seed in range(3):
        wrong = range(num_wrong + seed % 2)
        row = folder.add(TrialConfig(num_steps=steps, seed=seed), val=wrong, test=range(num_wrong), **given)
    return row


def page(folders: list[Folder]) -> list[Section]:
    return sections(compare_sweeps(*(read_results(folder.path) for folder in folders)))


def table(section: Section) -> list[list[Any]]:
    (found,) = blocks_of(section, Table)
    return [list(row) for row in found.rows]


def test_sweep_with_the_better_config_is_named_with_the_difference_and_what_differs(folders: list[Folder]) -> None:
    add(folders[0], 7, 30)
    both, best = add(folders[0], 9, 50), add(folders[1], 8, 9)
    add(folders[1], 9, 40)
    answer, answers, in_both, settings = page(folders)
    assert answer.finding.startswith("second has the better config. first selects `num_steps=7` (")
    assert f"{best.config_id} (num_steps=8) is significantly better than" in answer.finding
    (facts,) = blocks_of(answer, Facts)
    assert [value.split(" (")[0] for _, value in facts.facts] == ["-7.00 points", "-7.00 points", "-10.50 points"]
    (plot,) = blocks_of(answer, Plot)
    assert [row[0] for row in plot.table.rows] == ["second", "first", "second", "first"]
    assert ["hyperparameters", "num_steps=7", "num_steps=8"] in table(answers)
    assert answers.finding.startswith("first has 6 trials (6 ok), which took ")
    assert "The difference on test" in str(answer.blocks)
    ((config_id, *_, difference, _, _),) = table(in_both)
    assert (config_id, difference) == (both.config_id, "+3.33")
    assert table(settings) == [["num_steps", "7; 9", "8; 9"]]


def test_same_config_in_both_is_no_question_of_which_is_better(folders: list[Folder]) -> None:
    for folder in folders:
        add(folder, 7, 9)
    answer, _, in_both, settings = page(folders)
    assert answer.finding.startswith("Both sweeps select the same config, `cnn`")
    assert "It has the same mean" in in_both.finding
    assert settings.finding == "Both tried the same values of each."


def test_why_it_cannot_be_said_is_on_the_page(folders: list[Folder]) -> None:
    add(folders[0], 7, 0)
    row = add(folders[1], 8, 0)
    path = predictions.path_of(folders[1].path, f"labels-{predictions.data_id(row.config)}")
    path.unlink()
    predictions.write_labels(folders[1].path, predictions.data_id(row.config), LABELS._replace(val=LABELS.val[::-1]))
    answer = page(folders)[0]
    assert "is better is undecided" in answer.finding
    assert "were evaluated on different images" in answer.finding
    assert "The difference on test" not in str(answer.blocks), "there is none"


def test_what_cannot_be_compared_is_refused(folders: list[Folder], make_row: MakeRow, refused: Refused) -> None:
    first, second = folders
    add(first, 7, 0)
    with refused(LedgerError, "both folders are"):
        page([first, first])
    add(second, 7, 0, status=Status.FAILED, kept=False)
    with refused(LedgerError, f"no trial in {second.path} succeeded"):
        page(folders)
    other = {"objective": {"name": "log_loss", "direction": "minimize", "unit": "nats"}, "test_objective": 0.3}
    config = TrialConfig(objective=LogLoss(), num_steps=9)
    second.ledger.commit(
        make_row(config, val_objective=0.3, val_objective_error=0.1, test_objective_error=0.1, **other)
    )
    with refused(LedgerError, "judged by", "cannot be compared"):
        page(folders)


def test_picture_has_the_interval_of_each_sweep_s_own_answer(folders: list[Folder]) -> None:
    for number, folder in enumerate(folders):
        for steps in range(4):
            folder.add(TrialConfig(num_steps=9 + steps + 9 * number), val=range(4 + 3 * steps), test=[])
    compared = compare_sweeps(*(read_results(folder.path) for folder in folders))
    answer, answers, *_ = sections(compared)
    (plot,) = blocks_of(answer, Plot)
    chosen = {side.analysis[0].config_id: side.analysis[0] for side in compared.sides}
    drawn = [(row[1], row[-3:-1]) for row in plot.table.rows if row[1] in chosen]
    assert sorted(drawn) == sorted((name, [one.val_new_low, one.val_new_high]) for name, one in chosen.items())
    assert plot.finding.endswith(CHOSEN)
    assert "the best of 4" in str(table(answers))
