"""The page of what changes in a script that somebody has: few lines, and what comes out runs."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ray import tune

from mnist_sweep import Dataset, Digits, Local, Split, run
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.sweep import script
from tests.data.files import conftest as files

PAGE = Path(__file__).parents[1] / "sweeps" / "switching" / "README.md"
SECTIONS = dict(re.findall(r"^<!-- (\w+) -->\n```diff\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
SWEEPS = [name for name in SECTIONS if name != "tune"]
MOST = 10


def lines(name: str, *signs: str) -> list[str]:
    return [line[1:] for line in SECTIONS[name].splitlines() if line[0] in signs]


def write_data(name: str, folder: Path) -> None:
    """Write the data set of a section."""
    digits = Digits().load()
    parts = (Split(images=part.images[:200] * 15, labels=part.labels[:200]) for part in digits.splits.values())
    train, val, test = parts
    dataset = Dataset(train=train, val=val, test=test, num_classes=10)
    if name == "folder":
        for split in dataset.splits:
            for number in range(60):
                path = folder / "pets" / split / ("cat", "dog")[number % 2] / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(dataset.splits[split].images[number, ..., 0]).resize((80, 70)).save(path)
    if name == "npz":
        np.savez_compressed(folder / "pneumoniamnist.npz", **files.arrays_of(dataset))
    if name == "csv":
        (files.write_csv(folder / "csv", dataset) / "train.csv").rename(folder / "digits.csv")
    if name == "parquet":
        files.write_parquet(folder / "beans", dataset)


@pytest.fixture
def written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script of a section, beside its data, in the folder in which the test runs."""
    monkeypatch.chdir(tmp_path)
    write_data(name, tmp_path)
    path = tmp_path / f"{name}_sweep.py"
    path.write_text("\n".join(lines(name, " ", "+")))
    return path


def test_the_page_has_the_scripts_that_people_come_with() -> None:
    assert [*SECTIONS] == ["folder", "csv", "npz", "parquet", "fit", "optuna", "tune"]


@pytest.mark.parametrize("name", SECTIONS)
def test_few_lines_change_and_both_scripts_are_python(name: str) -> None:
    for sign in "-+":
        assert 1 <= len([line for line in lines(name, sign) if line.strip()]) <= MOST
        ast.parse("\n".join(lines(name, " ", sign)))


@pytest.mark.usefixtures("tf")
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "fit")) for name in SWEEPS])
def test_a_script_of_the_page_trains_here(written: Path) -> None:
    sweep = script.load(written).with_options(steps=1, num_trials=1)
    outcome = run(sweep, results=written.parent / "results", runner=Local(in_process=True))
    assert outcome.complete, [row.error for row in outcome.rows]
    assert [row.steps for row in outcome.rows] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_a_script_of_the_page_runs_as_a_program_and_again(written: Path) -> None:
    command = [sys.executable, written.name, "--runner", "local", "--steps", "2", "--num-trials", "2"]
    for num_run in (2, 0):
        ended = subprocess.run(command, cwd=written.parent, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert f"ran {num_run} of 2 trials" in ended.stdout


@pytest.mark.parametrize("name", ["tune"])
def test_the_script_with_a_tuner_makes_one(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune.Tuner, "fit", lambda tuner: tuner)
    names: dict[str, Any] = {}
    exec(written.read_text(), names)
    assert isinstance(names["grid"], tune.Tuner)
    assert not (written.parent / "results").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("name", ["tune"])
def test_the_script_with_a_tuner_leaves_rows_of_a_sweep(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(written.parent))  # where Tune keeps its own results
    text = written.read_text().replace("num_samples=20", "num_samples=2")
    names: dict[str, Any] = {}
    exec(text.replace("num_steps=500", "num_steps=4, evaluate_every=2"), names)
    rows = Ledger(written.parent / "results" / "tuned").rows()
    assert {result.metrics["id"] for result in names["grid"]} == set(rows)
    assert len(rows) == 2
