"""Laws of `mnist-sweep plan`: its options reach the plan, the plan is printed, and the run's report shows it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Keep, Local, RayTune, Status, TrialConfig
from mnist_sweep.planning import calibration, estimate
from mnist_sweep.planning.calibration import Calibration
from mnist_sweep.planning.forecast import Plan
from mnist_sweep.planning.measurement import TrialCost
from mnist_sweep.trials.signature import graph_signature
from tests.cli.conftest import Run, content

COST = TrialCost(step=1.0, image=0.0, overhead=2.5, tracing=0.0, saving=0.0, num_images=300, memory=1, shared_memory=1)


def test_the_options_are_those_of_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[dict[str, Any]] = []

    def plan(sweep: Any, **options: Any) -> Plan:
        del options["before_calibration"]
        plans.append(options | {"num_trials": len(sweep.trials), "steps": sweep.trials[0].num_steps})
        return Plan(name=sweep.name, networks=(), num_trials=0, runner="Local", num_workers=0, free_disk=1)

    monkeypatch.setattr(estimate, "plan", plan)
    run("plan", "good.py")
    run(
        *("plan", "good.py", "--cpus-per-trial", "2", "--gpus-per-trial", "0.5", "--xla", "--max-concurrent", "3"),
        *("--results", "other", "--num-trials", "1", "--steps", "7", "--retry", "failed", "--keep-models", "none"),
        *("--no-predictions", "--no-calibration"),
    )
    run("plan", "good.py", "--runner", "local", "--cpus-per-trial", "2")
    defaults = {"results": Path("results"), "retry": [], "keep": Keep()}
    defaults |= {"calibrate": True, "num_trials": 2, "steps": 4}
    assert plans[0] == defaults | {"runner": RayTune()}
    assert plans[1] == {
        "results": Path("other"),
        "runner": RayTune(cpus_per_trial=2, gpus_per_trial=0.5, xla=True, max_concurrent=3),
        "retry": [Status.FAILED],
        "keep": Keep(models="none", predictions=False),
        "calibrate": False,
        "num_trials": 1,
        "steps": 7,
    }
    assert plans[2] == defaults | {"runner": Local(cpus_per_trial=2)}


def test_without_a_calibration_the_networks_and_the_disk_are_shown_and_nothing_changes(folder: Path, run: Run) -> None:
    before = content(folder)
    status, out, err = run("plan", "good.py", "--no-calibration")
    assert (status, err) == (0, "")
    assert out.startswith("good: 2 trials, 1 network\n")
    assert "multiply-adds" in out
    assert "\nto run: 2 trials, " in out
    assert "\ndisk: " in out
    assert content(folder) == before


def test_a_sweep_whose_data_is_not_there_is_planned_unless_it_is_to_be_measured(folder: Path, run: Run) -> None:
    (folder / "far.py").write_text(
        "from mnist_sweep import *\nSWEEP = Sweep(name='far', trials=[TrialConfig(data=CIFAR10())])\n"
    )
    status, out, err = run("plan", "far.py", "--no-calibration")
    assert (status, err) == (0, "")
    assert "32x32x3 images" in out
    assert "\nto run: 1 trial; " in out
    status, out, err = run("plan", "far.py")
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_the_networks_are_shown_before_anything_is_measured(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def calibrate(trials: Sequence[TrialConfig], *_: object) -> Calibration:
        shown.append(capsys.readouterr().out)
        return Calibration(start=3.0, costs={graph_signature(trial): COST for trial in trials}, failures={})

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    status, out, _ = run("plan", "good.py", "--runner", "local")
    [before] = shown
    assert (status, before.startswith("good: 2 trials, 1 network\n"), "multiply-adds" in before) == (0, True, True)
    assert ("to run: " in before, "multiply-adds" in out, "to run: 2 trials" in out) == (False, False, True)


def test_what_was_planned_is_recorded_by_the_run_and_shown_in_its_report(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calibrate(trials: Sequence[TrialConfig], *_: object) -> Calibration:
        return Calibration(start=3.0, costs={graph_signature(trial): COST for trial in trials}, failures={})

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    options = ["good.py", "--runner", "local"]
    status, out, err = run("plan", *options)
    assert (status, err) == (0, "")
    assert "\ntime: 0:16, " in out  # 3 s to start, and two trials of 4 steps
    assert "\nmemory: " in out
    results = folder / "results" / "good"
    assert json.loads((results / "plan.json").read_text())["seconds"] == 16
    assert run("run", *options, "--quiet")[0] == 0
    (line,) = (results / "runs.jsonl").read_text().splitlines()
    assert json.loads(line)["predicted_seconds"] == 16
    assert re.search(r"The last run took [^;]+; the prediction was 16 s\.", (results / "report.html").read_text())
    before = content(folder)
    assert "\nto run: nothing, " in run("plan", *options)[1]
    assert content(folder) == before
