"""Laws of the command that continues a sweep."""

from pathlib import Path

import pytest

from mnist_sweep.results.rerun_command import rerun_command

HERE = Path("results/mine")


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (["/opt/bin/mnist-sweep", "run", "a.py"], "run a.py"),
        (["/lib/mnist_sweep/__main__.py", "run", "a.py", "--xla"], "run a.py --xla"),
        (["sweeps/a.py", "--steps", "5"], "run sweeps/a.py --steps 5"),
        (["mnist-sweep", "run", "--num-trials", "3", "a.py", "--seeds=2", "--retry", "failed"], "run a.py"),
        (
            ["mnist-sweep", "run", "a.py", "--results", "--retry", "--precision", "float32"],
            "run a.py --precision float32",
        ),
        (["mnist-sweep", "run", "a.py", "--json", "--quiet", "--time-budget", "9", "--configs", "x"], "run a.py"),
        (
            ["mnist-sweep", "run", "a.py", "--keep-models", "all", "--results", "x", "--notify", "***"],
            "run a.py --keep-models all",
        ),
    ],
)
def test_options_that_choose_trials_or_their_time_are_left_out(recorded: list[str], words: str) -> None:
    assert rerun_command(recorded, HERE) == ("mnist-sweep", *words.split())


@pytest.mark.parametrize("recorded", [[], [""], ["mnist-sweep", "plan", "a.py"], ["ipykernel_launcher"], ["-c"]])
def test_what_ran_no_script_has_no_command(recorded: list[str]) -> None:
    assert rerun_command(recorded, HERE) == ()


def test_the_results_folder_is_named_unless_it_is_the_default() -> None:
    assert rerun_command(["a.py"], Path("/data/mine")) == ("mnist-sweep", "run", "a.py", "--results", "/data")
