"""Laws of the options that `run` and `plan` share."""

import math
import re
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
import pytest

from mnist_sweep import Arrays, read_trials
from mnist_sweep.cli import options, sweep_commands
from mnist_sweep.cli.options import load_sweep
from mnist_sweep.runners.ray.schedulers import Scheduler
from mnist_sweep.trials.artifacts import Retention, SummaryDetail
from mnist_sweep.trials.config import Precision
from tests.cli.conftest import HEAD, Refuses, Run

RATES = HEAD + "SWEEP = Sweep(name='rates', trials=grid(BASE, {'optimizer.learning_rate': [0.1, 0.2, 0.4]}))\n"
SEARCH = HEAD + "AXES = {'batch_size': Integer(low=10, high=90)}\n"
SEARCH += "SWEEP = Sweep(name='search', search=Search(base=BASE, axes=AXES, num_trials=3))\n"
NONE = dict.fromkeys(["num_trials", "seeds", "steps", "precision", "configs", "data", "image_size", "value_range"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("precision", Precision), ("models", Retention), ("summaries", SummaryDetail), ("scheduler", Scheduler)],
)
def test_an_option_has_the_choices_of_the_library(name: str, kind: Any) -> None:
    [option] = [one for one in sweep_commands.run.params if one.name == name]
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == get_args(kind)


def test_options_change_every_trial(folder: Path, run: Run) -> None:
    (folder / "good.py").write_text(HEAD + "SWEEP = Sweep(name='good', trials=grid(BASE, {'seed': [5, 6]}))\n")
    options = ["--steps", "3", "--seeds", "3", "--precision", "mixed_bfloat16", "--quiet"]
    assert run("run", "good.py", "--runner", "in-process", *options) == (0, "", "")
    table = read_trials(folder / "results" / "good")
    changed = table[["seed", "num_steps", "precision"]].to_numpy().tolist()
    assert changed == [[seed, 3, "mixed_bfloat16"] for seed in (0, 1, 2)]


def test_configs_are_chosen_by_their_ids_as_the_other_options_make_them(
    folder: Path, run: Run, refuses: Refuses
) -> None:
    (folder / "rates.py").write_text(RATES)
    (folder / "search.py").write_text(SEARCH)
    assert run("run", "rates.py", "--runner", "in-process", "--quiet")[0] == 0
    first, second, _ = dict.fromkeys(read_trials(folder / "results" / "rates")["config_id"])
    options = ["--configs", f"{second[:5]},{first}", "--seeds", "2"]
    status, out, _ = run("run", "rates.py", "--runner", "in-process", *options)
    assert (status, "ran 2 of 4 trials" in out) == (0, True)
    table = read_trials(folder / "results" / "rates")
    assert dict(table["config_id"].value_counts())[second] == 2
    assert len(table) == 5
    for names, message in {
        "ffffffffffff": "'ffffffffffff' names no config of the sweep: give each by its id, or",
        f"{first},": "'' names no config",
        "": "'' names no config",
        first[:3]: "4 characters",
        f"{first} {second}": "names no config",
        f"{first}-0": "names no config",
    }.items():
        refuses(["run", "rates.py", "--configs", names], message)
    refuses(["run", "search.py", "--configs", first], "a search proposes its configs itself")


def test_data_replace_those_of_every_trial(folder: Path, run: Run) -> None:
    np.savez(folder / "a.npz", x=np.arange(3200).reshape(50, 8, 8) % 256, y=np.arange(50) % 2)
    (folder / "good.py").write_text(HEAD + "SWEEP = Sweep(name='good', trials=grid(BASE, {'batch_size': [5, 10]}))\n")
    assert run("run", "good.py", "--runner", "in-process", "--data", "a.npz", "--quiet") == (0, "", "")
    assert set(read_trials(folder / "results" / "good")["data.path"]) == {"a.npz"}
    (folder / "search.py").write_text(SEARCH)
    changed = load_sweep(folder / "search.py", NONE | {"data": "a.npz"})
    assert changed.search is not None
    assert changed.search.base.data == Arrays("a.npz")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1e-3", 0.001), (".5", 0.5), ("inf", math.inf), ("90min", 5400), ("1.5 h", 5400)]
)
def test_a_time_is_a_number_of_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    assert options.time(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "0h", "2x", "h"])
def test_no_other_text_is_a_time(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is not a time above 0: write 90 for seconds, 90min or")):
        options.time(text)
