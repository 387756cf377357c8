"""Laws of the wording of a selection: ties, leads and what was left out are said, and never a NaN."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mnist_sweep.analysis.selection import select
from mnist_sweep.analysis.selection_result import Selection
from mnist_sweep.trials.row import TrialRow
from tests.analysis.tables import trials as table

Refused = Callable[..., AbstractContextManager[None]]
MakeRow = Callable[..., TrialRow]
REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quickstart"


def text(found: Selection) -> str:
    assert all("nan" not in sentence and sentence.endswith(".") for sentence in found.sentences)
    return " ".join(found.sentences)


@pytest.mark.parametrize(
    ("field", "sizes", "expected"),
    [("data.val_size", [300, 299], True), ("data.train_size", [300, 299], False), ("data.val_size", [300, 300], False)],
)
def test_other_images_of_some_trials_are_said(field: str, sizes: list[int], expected: bool) -> None:
    found = select(table({"a": [0.9], "b": [0.91]}, **{field: sizes}))
    assert (f"The configs differ in {field}, so they may not have been measured" in text(found)) is expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (["a"], "It is better than the other config."),
        (["a", "b"], "It is better than each of the 2 others."),
    ],
)
def test_clear_winner_is_said_to_be_one(others: list[str], expected: str) -> None:
    low = {name: [0.5, 0.503, 0.501] for name in others}
    found = select(table({"best": [0.97, 0.972, 0.971], **low}))
    assert found.tied == ("best",)
    assert expected in text(found)
    assert "did not flatter it" in text(found)


@pytest.mark.parametrize("accuracies", [[0.95], [1.0], [0.95, 0.96], [1.0, 1.0]])
def test_configs_that_are_all_alike_are_said_to_be_so_and_none_to_lead(accuracies: list[float]) -> None:
    found = select(table({"a": accuracies, "b": accuracies, "c": accuracies}))
    assert found.tied == ("a", "b", "c")
    assert "leads" not in text(found)
    assert "have the same accuracy, or nearly so" in text(found)


def test_what_did_not_end_well_is_left_out_and_counted() -> None:
    trials = table({"a": [0.95, math.nan, 0.94], "b": [0.94, 0.93, 0.93], "c": [math.nan] * 3})
    trials.loc[trials["config_id"] == "c", "status"] = ["failed", "diverged", "stopped"]
    found = select(trials)
    assert (found.config_id, found.n, found.num_compared) == ("a", 2, 2)
    assert "4 trials (1 stopped, 1 diverged, 2 failed)" in text(found)
    assert "Of the selected config too, 1 trial did not end well." in text(found)
