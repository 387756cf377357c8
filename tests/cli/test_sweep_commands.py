"""Laws of `run`, `plan` and `quickstart`."""

import json
import re
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import click.testing
import pytest

from mnist_sweep import Keep, Known, Local, LogLoss, MLflow, Outcome, RayTune, Status, Sweep, TrialConfig, WandB
from mnist_sweep.cli import options, sweep_commands
from mnist_sweep.cli.views.progress import Log
from mnist_sweep.planning import calibration_processes, plan_builder
from mnist_sweep.planning.sweep_plan import Plan
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.sweep import execution
from tests.cli.conftest import HEAD, Refuses, Run, content
from tests.cli.test_answer import RACE, has_schema
from tests.cli.test_data_commands import pets

COST = TrialCost(start=3.0, step=1.0, image=0.0, overhead=2.5, tracing=0.0, saving=0.0, memory=1, shared_memory=1)
SCRIPTS = {
    "unknown data set": ("TrialConfig(data='letters')", "unknown data 'letters': known are arrays, cifar10, csv"),
    "unknown model": ("TrialConfig(model='vgg')", "unknown model 'vgg': known are cnn, resnet, softmax"),
    "capital letters": ("TrialConfig(optimizer='Adam')", "(did you mean adam?)"),
    "unknown optimizer": ("TrialConfig(optimizer='sgd')", "unknown optimizer 'sgd': known are adagrad, adam"),
    "unknown field": ("grid(BASE, {'model.depth': [1]})", "the axis 'model.depth' names no field of Softmax"),
    "dropout 1": ("CNN(dropout=1.0)", "`0 <= dropout < 1` must hold, but got dropout=1.0"),
    "dropout -0.1": ("CNN(dropout=-0.1)", "`0 <= dropout < 1` must hold, but got dropout=-0.1"),
    "filters 0": ("CNN(filters=(0,))", "`filters >= 1 in every block` must hold, but got filters=(0,)"),
    "learning rate 0": ("Adam(learning_rate=0)", "`0 < learning_rate < infinity` must hold, but got learning_rate=0.0"),
    "learning rate NaN": ("Adam(learning_rate=float('nan'))", "but got learning_rate=nan"),
    "batch too large": (
        "SWEEP = Sweep(name='a', trials=[TrialConfig(batch_size=1198)])",
        "`batch_size <= 1197 (the training images)` must hold, but got batch_size=1198",
    ),
    "blocks do not fit": (
        "SWEEP = Sweep(name='a', trials=[TrialConfig(model=CNN(filters=(8,) * 6))])",
        "got pool_size=2 and height=1, width=1 in block 4",
    ),
    "depth 21": ("ResNet(depth=21)", "depth == 6n+2, from 8 to 110` must hold, but got depth=21"),
    "depth 2": ("ResNet(depth=2)", "got depth=2"),
    "steps 0": ("TrialConfig(num_steps=0)", "`num_steps >= 1` must hold, but got num_steps=0"),
    "empty axis": ("grid(BASE, {'seed': []})", "`the axis 'seed' has at least one value` must hold"),
    "two alike": ("SWEEP = Sweep(name='a', trials=[BASE, BASE])", "no two trials may be alike, but trials 1 and 2"),
    "no SWEEP": ("", "must define SWEEP"),
    "slash in name": ("SWEEP = Sweep(name='a/b', trials=[BASE])", "a sweep's name must be"),
    "dots as name": ("SWEEP = Sweep(name='..', trials=[BASE])", "a sweep's name must be"),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_a_bad_script_is_one_line_status_2_and_changes_nothing(folder: Path, refuses: Refuses, case: str) -> None:
    text, message = SCRIPTS[case]
    (folder / "is_bad.py").write_text(HEAD + text)
    refuses(["run", "is_bad.py"], message)


def test_what_runs_gives_0_and_says_what_came_and_where(folder: Path, run: Run) -> None:
    status, out, err = run("run", "good.py", "--runner", "in-process")
    assert (status, err) == (0, "")
    assert "2 trials: 2 ok" in out
    assert "results/good/: history.csv, summary.csv, trials.csv, rows/, models/" in out
    again = run("run", "good.py")[1]
    assert re.search(r"trials\.csv, report\.html, rows/, models/\nran 0 of 2 trials in \d+:\d\d\n$", again)


def test_a_failed_trial_gives_1_and_its_cause(folder: Path, run: Run) -> None:
    mine = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Mine:
    def build(self, image_shape, num_classes):
        raise OSError("out of cheese")
SWEEP = Sweep(name="mine", trials=grid(BASE, {"model": [Mine()], "seed": [0, 1]}))
"""
    (folder / "mine_bad.py").write_text(HEAD + mine)
    status, out, _ = run("run", "mine_bad.py", "--runner", "in-process")
    assert status == 1
    assert "failed: OSError: out of cheese (mine_bad.py:9): " in out
    assert "and 1 more" in out
    status, out, _ = run("run", "mine_bad.py", "--runner", "in-process")
    assert (status, "ran 0 of 2" in out) == (1, True)
    status, out, _ = run("run", "mine_bad.py", "--runner", "in-process", "--retry", "failed")
    assert (status, "ran 2 of 2" in out) == (1, True)


def test_images_of_a_folder_are_swept_without_a_script_and_classified(folder: Path, run: Run) -> None:
    pets(folder, sizes=(12, 9))
    status, _, err = run("quickstart", "--data", "pets", "--runner", "in-process")
    assert (status, err.count("\n"), "pets: images differ in size (" in err) == (2, 1, True)
    assert not (folder / "results").exists()
    script = HEAD + "SWEEP = Sweep(name='any', trials=[BASE])\n"
    (folder / "any.py").write_text(script.replace("num_steps=4", "num_steps=4, batch_size=10"))
    command = ("run", "any.py", "--data", "pets", "--image-size", "8", "--runner", "in-process")
    status, out, _ = run(*command)
    assert (status, "report: results/any/report.html" in out) == (0, True)
    assert run(*command)[1].splitlines()[-1].startswith("ran 0 of 1 trial")
    status, out, _ = run("predict", "results/any", "pets/cat/1.png")
    assert (status, "cat " in out, "dog " in out) == (0, True, True)
    (folder / "pets" / "cat" / "1.png").rename(folder / "pets" / "dog" / "1.png")
    status, _, err = run(*command)
    assert (status, "the data of image_folder " in err, " have changed (digest " in err) == (2, True, True)


def cifar10_archive(path: Path) -> None:
    (path.parent / "test_batch.bin").unlink()
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../data_batch_1.bin"))


CIFAR10_DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a cut file": (lambda folder: (folder / "data_batch_1.bin").write_bytes(bytes(3000)), "has content of SHA-256"),
    "another archive": (lambda folder: cifar10_archive(folder / "cifar-10-binary.tar.gz"), "has SHA-256 "),
}


@pytest.mark.parametrize("damage", CIFAR10_DAMAGES)
def test_damaged_records_and_archives_of_cifar10_are_named(
    folder: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    change, message = CIFAR10_DAMAGES[damage]
    (folder / "damaged" / "cifar10").mkdir(parents=True)
    (folder / "damaged" / "cifar10" / "test_batch.bin").write_bytes(bytes(3073))
    change(folder / "damaged" / "cifar10")
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder / "damaged"))
    sweep = "SWEEP = Sweep(name='a', trials=[TrialConfig(data=CIFAR10(train_size=9_000, val_size=1_000))])"
    (folder / "is_bad.py").write_text(HEAD + sweep)
    refuses(["run", "is_bad.py"], message)


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "cut off": ("t10k-images-idx3-ubyte", lambda raw: raw[:-1]),
    "another label": ("t10k-labels-idx1-ubyte", lambda raw: raw[:-1] + bytes([(raw[-1] + 1) % 10])),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_data_file_is_named(
    folder: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch, real_mnist: Path, damage: str
) -> None:
    import gzip

    name, change = DAMAGES[damage]
    shutil.copytree(real_mnist, folder / "damaged" / "mnist")
    packed = folder / "damaged" / "mnist" / f"{name}.gz"
    (folder / "damaged" / "mnist" / name).write_bytes(change(gzip.decompress(packed.read_bytes())))
    packed.unlink()
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder / "damaged"))
    (folder / "is_bad.py").write_text(HEAD + "SWEEP = Sweep(name='a', trials=[TrialConfig(data=MNIST())])")
    for arguments in (["run", "is_bad.py"], ["data", "mnist"]):
        refuses(arguments, f"damaged/mnist/{name} has content of SHA-256")


SWEEP = Sweep(name="one", trials=[TrialConfig()])


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `run` was called with; it runs nothing."""
    asked: dict[str, Any] = {}

    def run(sweep: Any, **given: Any) -> Outcome:
        asked.update(given, sweep=sweep)
        return Outcome(folder=tmp_path / "results" / "one", rows=(), num_trials=1, num_run=0, seconds=0.0)

    monkeypatch.setattr(execution, "run", run)
    monkeypatch.setattr(options, "load_sweep", lambda *_: SWEEP)
    return asked


def invoke(*arguments: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(sweep_commands.run, ["any.py", *arguments], standalone_mode=False)


def test_without_options_a_run_is_as_from_python_and_shows_its_progress(asked: dict[str, Any]) -> None:
    assert invoke().return_value == 1  # nothing was run
    progress, _ = asked["listeners"]
    assert isinstance(progress, Log)
    assert (asked["runner"], asked["keep"], asked["retry"], asked["time_budget"]) == (RayTune(), Keep(), [], None)
    assert (asked["sweep"], asked["results"]) == (SWEEP, Path("results"))


def test_every_option_reaches_the_run(asked: dict[str, Any]) -> None:
    kept = ["--keep-models", "all", "--no-predictions", "--summaries", "full", "--checkpoint-every", "5"]
    shown = ["--quiet", "--mlflow", "http://localhost:1", "--wandb", "digits"]
    how = [
        "--retry",
        "failed",
        "--retry",
        "stopped",
        "--time-budget",
        "0.15 min",
        "--max-retries",
        "4",
        "--storage",
        "there",
    ]
    invoke(*kept, *shown, *how)
    assert asked["keep"] == Keep(
        models="all", predictions=False, summaries="full", checkpoint_seconds=5.0, storage="there"
    )
    assert asked["listeners"][1:] == [MLflow(uri="http://localhost:1"), WandB(project="digits")]
    assert (asked["retry"], asked["time_budget"]) == ([Status.FAILED, Status.STOPPED], 9.0)
    assert asked["runner"] == RayTune(max_retries=4)


def test_a_race_is_asked_for_in_points(asked: dict[str, Any]) -> None:
    assert invoke("--until-known", "--within", "0.5").exception is None
    assert asked["until"] == Known(within=0.005, error=0.05, max_seeds=30)
    invoke("--until-known", "--within", "2", "--error", "0.01", "--max-seeds", "7", "--assume", "any")
    assert asked["until"] == Known(within=0.02, error=0.01, max_seeds=7, assume="any")
    invoke("--until-known", "--within", "2", "--for-new-images")
    assert asked["until"] == Known(within=0.02, images="new")
    invoke()
    assert asked["until"] is None


def test_a_race_of_another_objective_is_asked_for_in_its_unit(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = TrialConfig(objective=LogLoss())
    monkeypatch.setattr(options, "load_sweep", lambda *_: Sweep(name="loss", trials=[trial]))
    assert invoke("--until-known", "--within", "120").exception is None
    assert asked["until"] == Known(within=120.0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--until-known"], "--until-known needs --within POINTS"),
        (["--within", "0.5"], "--within goes with --until-known only"),
        (["--error", "0.05"], "--error goes with --until-known only"),
        (["--max-seeds", "9"], "--max-seeds goes with --until-known only"),
        (["--assume", "any"], "--assume goes with --until-known only"),
        (["--for-new-images"], "--for-new-images goes with --until-known only"),
        (["--until-known", "--within", "0"], "0.0 is not in the range x>0"),
        (["--until-known", "--within", "101"], "--within is in points of accuracy, at most 100."),
        (["--until-known", "--within", "nan"], "`1e-12 <= within` must hold"),
        (["--until-known", "--within", "1e-320"], "`1e-12 <= within` must hold"),
        (["--until-known", "--within", "1", "--error", "1"], "1.0 is not in the range 0<x<1"),
        (["--until-known", "--within", "1", "--max-seeds", "1"], "1 is not in the range x>=2"),
        (["--until-known", "--within", "1", "--seeds", "3"], "--seeds does not go with --until-known"),
        (["--until-known", "--within", "1", "--num-trials", "3"], "--num-trials does not go with --until-known"),
        (["--until-known", "--within", "1"], "a race has at least 2 configs"),
    ],
)
def test_a_race_that_cannot_be_run_is_refused_in_one_line(refuses: Refuses, arguments: list[str], says: str) -> None:
    refuses(["run", "good.py", *arguments], says)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ("a" * 300, "File name too long): choose a shorter path"),
        ("good.py", "Not a directory): move away what is in its place"),
    ],
)
def test_a_results_folder_that_cannot_be_made_is_refused_in_one_line(refuses: Refuses, results: str, says: str) -> None:
    refuses(["run", "good.py", "--runner", "in-process", "--results", results], says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--spreads", "1,2"], "--spreads goes with --until-known only"),
        (["--until-known", "--within", "1", "--spreads", "1"], "'1' is not two numbers: write them as in 0.5,2"),
        (["--until-known", "--within", "1", "--spreads", "0,2"], "the spread over seeds lies in (0, 1]"),
        (["--within", "1"], "--within goes with --until-known only"),
    ],
)
def test_a_plan_of_a_race_that_cannot_be_made_is_refused_in_one_line(
    folder: Path, run: Run, arguments: list[str], says: str
) -> None:
    script = HEAD + "SWEEP = Sweep(name='good', trials=grid(BASE, {'batch_size': [25, 50]}))\n"
    (folder / "two.py").write_text(script)
    status, _, err = run("plan", "two.py", "--no-calibration", *arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert says in err


def test_a_run_that_is_out_of_time_says_so_in_its_last_line(run: Run) -> None:
    status, out, _ = run("run", "good.py", "--runner", "in-process", "--time-budget", "0.001")
    assert status == 0
    assert out.splitlines()[-1].startswith("ran 0 of 2 trials in ")
    assert out.endswith(", until the time budget was used up: the same command runs the rest\n")


def test_a_race_prints_its_answer_and_status_prints_it_again(folder: Path, run: Run) -> None:
    axes = "{'optimizer.learning_rate': [0.0001, 0.5]}"
    (folder / "race_bad.py").write_text(HEAD + f"SWEEP = Sweep(name='race', trials=grid(BASE, {axes}))\n")
    given = ["--until-known", "--within", "1", "--max-seeds", "8", "--runner", "in-process", "--no-predictions"]
    status, out, _ = run("run", "race_bad.py", *given)
    (answer,) = [line for line in out.splitlines() if line.startswith("Of 2 configs, ")]
    assert status == 0
    assert answer.endswith((" instead of 16.", "; 16 trials."))
    status, out, _ = run("status", "results/race")
    assert (status, answer in out.splitlines()) == (0, True)
    status, out, _ = run("status", "results/race", "--json")
    race = json.loads(out)["race"]
    assert has_schema(race, RACE)
    assert race["sentences"][0] == answer
    assert answer.partition("(")[0] in (folder / "results" / "race" / "report.html").read_text()


def test_options_of_ray_do_not_go_with_the_local_runner(asked: dict[str, Any]) -> None:
    for given in (("local", "--address", "auto"), ("in-process", "--max-concurrent", "2")):
        assert isinstance(invoke("--runner", *given).exception, click.UsageError)
    assert invoke("--runner", "local", "--max-concurrent", "2", "--max-retries", "0").exception is None
    assert asked["runner"] == Local(workers=2, max_retries=0)
    assert invoke("--runner", "local", "--scheduler", "asha").exception is None
    assert asked["runner"] == Local(scheduler="asha")
    assert invoke("--runner", "in-process").exception is None
    assert asked["runner"] == Local(in_process=True)


def test_the_options_of_plan_are_those_of_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[dict[str, Any]] = []

    def plan(sweep: Any, **options: Any) -> Plan:
        del options["before_calibration"]
        plans.append(options | {"num_trials": len(sweep.trials), "steps": sweep.trials[0].num_steps})
        return Plan(name=sweep.name, networks=(), num_trials=0, runner="Local", num_workers=0, free_disk=1)

    monkeypatch.setattr(plan_builder, "plan", plan)
    run("plan", "good.py")
    run(
        *("plan", "good.py", "--cpus-per-trial", "2", "--gpus-per-trial", "0.5", "--xla", "--max-concurrent", "3"),
        *("--results", "other", "--num-trials", "1", "--steps", "7", "--retry", "failed", "--keep-models", "none"),
        *("--no-predictions", "--no-calibration"),
    )
    run("plan", "good.py", "--runner", "local", "--cpus-per-trial", "2")
    defaults = {"results": Path("results"), "retry": [], "keep": Keep()}
    defaults |= {"calibrate": True, "num_trials": 2, "steps": 4, "spreads": None}
    assert plans[0] == defaults | {"runner": RayTune()}
    assert plans[1] == {
        "results": Path("other"),
        "spreads": None,
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


def test_a_sweep_whose_data_is_not_there_is_planned_unless_it_is_to_be_measured(
    folder: Path, run: Run, refuses: Refuses
) -> None:
    (folder / "far.py").write_text(
        "from mnist_sweep import *\nSWEEP = Sweep(name='far', trials=[TrialConfig(data=CIFAR10())])\n"
    )
    status, out, err = run("plan", "far.py", "--no-calibration")
    assert (status, err) == (0, "")
    assert "32x32x3 images" in out
    assert "\nto run: 1 trial; " in out
    refuses(["plan", "far.py"])


def test_the_networks_are_shown_before_anything_is_measured(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def calibrate(trials: Sequence[TrialConfig], *_: object) -> list[TrialCost]:
        shown.append(capsys.readouterr().out)
        return [COST for _ in trials]

    monkeypatch.setattr(calibration_processes, "calibrate", calibrate)
    status, out, _ = run("plan", "good.py", "--runner", "local")
    [before] = shown
    assert (status, before.startswith("good: 2 trials, 1 network\n"), "multiply-adds" in before) == (0, True, True)
    assert ("to run: " in before, "multiply-adds" in out, "to run: 2 trials" in out) == (False, False, True)


def test_what_was_planned_is_recorded_by_the_run_and_shown_in_its_report(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calibrate(trials: Sequence[TrialConfig], *_: object) -> list[TrialCost]:
        return [COST for _ in trials]

    monkeypatch.setattr(calibration_processes, "calibrate", calibrate)
    options = ["good.py", "--runner", "in-process"]
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


def test_a_report_that_could_not_be_written_is_written_by_the_same_command(folder: Path, run: Run) -> None:
    report = folder / "results" / "good" / "report.html"
    report.mkdir(parents=True)  # stands for a full disk: the report alone cannot be written
    status, _, err = run("run", "good.py", "--runner", "in-process")
    assert (status, "then run `mnist-sweep report results/good`" in err) == (2, True)
    report.rmdir()
    status, out, _ = run("run", "good.py", "--runner", "in-process")
    assert (status, "report: results/good/report.html" in out, report.is_file()) == (0, True, True)
    status, out, _ = run("run", "good.py", "--runner", "in-process")
    assert (status, "report:" in out) == (0, False)
