"""Laws of `plan`."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.planning import calibration
from mnist_sweep.planning.calibration import Calibration
from mnist_sweep.planning.stopwatch import Cost
from mnist_sweep.system import machine
from tests.cli.conftest import HEAD, Run, content


def test_plan_shows_the_networks_and_the_disk_and_changes_nothing(folder: Path, run: Run) -> None:
    before = content(folder)
    status, out, err = run("plan", "good.py", "--no-calibration")
    assert (status, err) == (0, "")
    assert out.startswith("good: 2 trials, ")
    assert "multiply-adds" in out
    assert "\nto run: 2 trials, " in out
    assert "\ndisk: " in out
    assert content(folder) == before


def test_plan_shows_the_networks_of_a_sweep_whose_data_is_not_there(folder: Path, run: Run) -> None:
    (folder / "far.py").write_text(
        "from mnist_sweep import *\nSWEEP = Sweep(name='far', trials=[TrialConfig(data=CIFAR10())])\n"
    )
    status, out, err = run("plan", "far.py", "--no-calibration")
    assert (status, err) == (0, "")
    assert "on 32x32x3 images" in out
    assert "to run: 1 trial; what they leave on the disk is not known, for cifar-10-binary.tar.gz " in out
    status, out, err = run("plan", "far.py")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_what_was_planned_is_recorded_by_the_run_and_shown_in_its_report(folder: Path, run: Run) -> None:
    options = ["good.py", "--runner", "local"]
    status, out, err = run("plan", *options)
    assert (status, err) == (0, "")
    assert re.search(r"^time: \d+:\d\d, ", out, re.MULTILINE)
    assert re.search(r"^memory: .+ MB a worker, ", out, re.MULTILINE)
    kept = json.loads((folder / "results" / "good" / "plan.json").read_text())
    assert run("run", *options, "--quiet")[0] == 0
    (line,) = (folder / "results" / "good" / "runs.jsonl").read_text().splitlines()
    assert json.loads(line)["predicted_seconds"] == kept["seconds"] > 0
    assert re.search(
        r"The last run took [^;]+; [^;.]+(\.\d+)? (s|min [^;.]+) had been predicted\.",
        (folder / "results" / "good" / "report.html").read_text(),
    )
    before = content(folder)
    assert run("plan", *options)[1].endswith("to run: nothing, every trial has its row\n")
    assert content(folder) == before


def test_plan_takes_each_round_of_a_population_for_as_long_as_it_trains(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(trials: Sequence[TrialConfig], *_: object, **__: object) -> Calibration:
        each = Cost(step=1.0, image=0.0, trial=0.0, first=0.0, model=0.0, images=0, memory=1, shared_memory=1)
        return Calibration(start=0.0, costs={calibration.kind(trial): each for trial in trials}, failures={})

    monkeypatch.setattr(calibration, "calibrate", measured)
    (folder / "rounds.py").write_text(
        HEAD + "AXES = {'optimizer.learning_rate': Uniform(low=0.1, high=1.0)}\n"
        "SEARCH = Search(base=BASE, axes=AXES, num_trials=6, algorithm=PBT(population=3))\n"
        "SWEEP = Sweep(name='rounds', search=SEARCH)\n"
    )
    status, out, err = run("plan", "rounds.py", "--runner", "local")
    assert (status, err) == (0, "")
    assert out.startswith("rounds: 6 trials, 1 network\n")
    assert "\nto run: 6 trials, 1 at a time\ntime: 0:12, " in out  # six times two steps
    assert ", checkpoints 33 kB), " in out  # two blocks of 4 kB for the trial that runs, one for each end
    monkeypatch.setattr(machine, "num_cpus", lambda: 64)
    assert "\nto run: 6 trials, 3 at a time\n" in run("plan", "rounds.py")[1]
