"""Laws of the options that `run` and `plan` share."""

import sys
from pathlib import Path

import pytest

from mnist_sweep import read_trials
from mnist_sweep.cli.options import load_sweep
from mnist_sweep.errors import ConfigError
from tests.cli.conftest import Run

SCRIPT = """
from mnist_sweep import *
SWEEP = Sweep(name="one", trials=grid(TrialConfig(model=Softmax()), {"seed": [5, 6]}))
"""
NONE = dict.fromkeys(["num_trials", "seeds", "steps", "precision"])


def test_options_change_every_trial(folder: Path, run: Run) -> None:
    options = ["--steps", "3", "--seeds", "3", "--precision", "mixed_bfloat16", "--quiet"]
    assert run("run", "good.py", "--runner", "in-process", *options) == (0, "", "")
    table = read_trials(folder / "results" / "good")
    assert (list(table["seed"]), set(table["num_steps"]), set(table["precision"])) == (
        [0, 1, 2],
        {3},
        {"mixed_bfloat16"},
    )


def test_the_options_change_the_trials_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "options_sweep.py").write_text(SCRIPT)
    plain = load_sweep(tmp_path / "options_sweep.py", NONE)
    assert ([trial.seed for trial in plain.trials], plain.code) == ([5, 6], (tmp_path,))
    changed = load_sweep(tmp_path / "options_sweep.py", NONE | {"seeds": 3, "steps": 7})
    assert [(trial.seed, trial.num_steps) for trial in changed.trials] == [(0, 7), (1, 7), (2, 7)]
    with pytest.raises(ConfigError, match="num_steps >= 1"):
        load_sweep(tmp_path / "options_sweep.py", NONE | {"steps": 0})
