"""Laws of the options that `run` and `plan` share."""

from pathlib import Path

from mnist_sweep import read_trials
from tests.cli.conftest import Run


def test_options_change_every_trial(folder: Path, run: Run) -> None:
    options = ["--steps", "3", "--seeds", "3", "--precision", "mixed_bfloat16", "--quiet"]
    assert run("run", "good.py", "--runner", "local", *options) == (0, "", "")
    table = read_trials(folder / "results" / "good")
    assert (list(table["seed"]), set(table["num_steps"]), set(table["precision"])) == (
        [0, 1, 2],
        {3},
        {"mixed_bfloat16"},
    )
