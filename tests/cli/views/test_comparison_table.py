"""Laws of the view of `compare`: the numbers, the conclusion and the images are there, and no id or number is cut."""

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.analysis.comparison import compare
from mnist_sweep.cli.views.comparison_table import show
from tests.analysis.folders import Folder
from tests.cli.conftest import shown
from tests.conftest import MakeRow

A, B = TrialConfig(num_steps=7), TrialConfig(num_steps=8)


@pytest.fixture
def results(tmp_path: Path, make_row: MakeRow) -> Folder:
    return Folder(tmp_path / "results", make_row)


def test_numbers_conclusion_and_images_are_printed(results: Folder) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=[0, 1 + seed])
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=range(100, 130), test=[7])
    found = compare(results.path, a.config_id, b.config_id)
    seen = shown(show, found)
    assert found.sentence in seen
    assert found.method in seen
    assert "99.33%" in seen
    seeds = ", ".join(f"seed {seed} +9.33 (p < 0.0001)" for seed in range(3))
    assert f"{a.config_id} minus {b.config_id} on validation, in points, by McNemar's exact test: {seeds}." in seen
    assert f"\n{a.config_id} num_steps=7 " in seen
    assert f"images that only {a.config_id} classifies correctly in at least half of the seeds (30): 100, 101" in seen
    assert "10 more" in seen
    assert f"images that only {b.config_id} classifies correctly in at least half of the seeds (1): 0" in seen
    assert f"test images that only {a.config_id} classifies correctly in at least half of the seeds (1): 7" in seen


def test_ids_and_numbers_are_never_cut(results: Folder) -> None:
    a = results.add(replace(A, batch_size=1_000_000, evaluate_every=3), val=[1])
    b = results.add(replace(B, batch_size=2_000_000, evaluate_every=4), val=[2])
    text = shown(show, compare(results.path, a.trial_id, b.trial_id), width=60)
    lines = text[: text.index("\ndifference")].splitlines()
    assert {a.trial_id, b.trial_id} < {line.partition(" ")[0] for line in lines}
    assert "…" not in text
