import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig, read_trials
from mnist_sweep.cli import app
from mnist_sweep.planning import calibration
from mnist_sweep.planning.calibration import Calibration
from mnist_sweep.planning.stopwatch import Cost
from mnist_sweep.system import machine

HEAD = """\
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
"""
GOOD = HEAD + "SWEEP = Sweep(name='good', trials=grid(BASE, {'seed': [0, 1]}))\n"
LONG = """\
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=16), num_steps=2000, evaluate_every=200)
SWEEP = Sweep(name="long", trials=grid(BASE, {"model.dropout": [number / 20 for number in range(12)]}))
if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""
Figures = Callable[[Path], tuple[str, str]]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a good script in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text(GOOD)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command line in this process: its exit status, standard output and standard error."""
    on_terminate, before = signal.getsignal(signal.SIGTERM), set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def main(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mnist-sweep", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield main
    signal.signal(signal.SIGTERM, on_terminate)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "SWEEP", None) or name.endswith("_bad"):
            del sys.modules[name]


def content(folder: Path) -> dict[str, bytes | None]:
    paths = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


SCRIPTS = {
    "unknown data set": ("TrialConfig(data='letters')", "unknown data 'letters': known are cifar10, digits, mnist"),
    "unknown model": ("TrialConfig(model='vgg')", "unknown model 'vgg': known are cnn, resnet, softmax"),
    "unknown optimizer": ("TrialConfig(optimizer='sgd')", "unknown optimizer 'sgd': known are adagrad, adam"),
    "unknown field": ("grid(BASE, {'model.depth': [1]})", "the axis 'model.depth' names no field of Softmax"),
    "dropout 1": ("CNN(dropout=1.0)", "`0 <= dropout < 1` must hold, but got dropout=1.0"),
    "dropout -0.1": ("CNN(dropout=-0.1)", "`0 <= dropout < 1` must hold, but got dropout=-0.1"),
    "filters 0": ("CNN(filters=(0,))", "`filters >= 1 in every block` must hold, but got filters=(0,)"),
    "learning rate 0": ("Adam(learning_rate=0)", "`0 < learning_rate < infinity` must hold, but got learning_rate=0.0"),
    "learning rate NaN": ("Adam(learning_rate=float('nan'))", "but got learning_rate=nan"),
    "batch too large": (
        "SWEEP = Sweep(name='a', trials=[TrialConfig(batch_size=1198)])",
        "`batch_size <= 1197 (the training split)` must hold, but got batch_size=1198",
    ),
    "blocks do not fit": (
        "SWEEP = Sweep(name='a', trials=[TrialConfig(model=CNN(filters=(8,) * 6))])",
        "got pool_size=2 and height=1, width=1 in block 4",
    ),
    "steps 0": ("TrialConfig(num_steps=0)", "`num_steps >= 1` must hold, but got num_steps=0"),
    "empty axis": ("grid(BASE, {'seed': []})", "`the axis 'seed' has at least one value` must hold"),
    "two alike": ("SWEEP = Sweep(name='a', trials=[BASE, BASE])", "no two trials may be alike, but trials 1 and 2"),
    "no SWEEP": ("", "must define SWEEP"),
    "slash in name": ("SWEEP = Sweep(name='a/b', trials=[BASE])", "a sweep's name must be"),
    "dots as name": ("SWEEP = Sweep(name='..', trials=[BASE])", "a sweep's name must be"),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_a_bad_script_is_one_line_status_2_and_changes_nothing(folder: Path, run: Run, case: str) -> None:
    text, message = SCRIPTS[case]
    (folder / "is_bad.py").write_text(HEAD + text)
    before = content(folder)
    status, out, err = run("run", "is_bad.py")
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert content(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "missing.py"], "there is no sweep script missing.py"),
        (["run"], "Missing argument 'SCRIPT'"),
        (["run", "good.py", "--step", "3"], "No such option"),
        (["run", "good.py", "--steps", "0"], "0 is not in the range x>=1"),
        (["run", "good.py", "--runner", "dask"], "'dask' is not one of 'local', 'ray'"),
        (["run", "good.py", "--runner", "local", "--address", "auto"], "--address goes with --runner ray only"),
        (["run", "good.py", "--gpus-per-trial", "1.5"], "gpus_per_trial is whole or in [0, 1)"),
        (["run", "good.py", "--cpus-per-trial", "0"], "0 is not in the range x>=1"),
        (["run", "good.py", "--results", "good.py"], "results folder good.py/good cannot be"),
        (["run", "good.py", "--runner", "local", "--results", "/proc/none"], "cannot be written"),
        (["runn"], "No such command 'runn'"),
        (["status", "nowhere"], "nowhere holds no rows"),
        (["table", "nowhere"], "nowhere holds no rows"),
        (["data", "letters"], "unknown data 'letters': known are cifar10, digits, mnist"),
        (["data"], "Missing argument 'NAME'"),
        (["plan", "missing.py"], "there is no sweep script missing.py"),
        (["plan"], "Missing argument 'SCRIPT'"),
        (["plan", "good.py", "--results", "good.py"], "results folder good.py/good cannot be"),
        (["plan", "good.py", "--cpus-per-trial", "9999"], "must fit one machine"),
        (["plan", "good.py", "--gpus-per-trial", "64"], "must fit one machine"),
        (["run", "good.py", "--keep-models", "some"], "'some' is not one of 'best', 'all', 'none'"),
        (["run", "good.py", "--summaries", "much"], "'much' is not one of 'off', 'scalars', 'full'"),
        (["run", "good.py", "--num-trials", "0"], "0 is not in the range x>=1"),
        (["predict", "nowhere", "x.png"], "nowhere is not a folder"),
        (["predict", "nowhere"], "Missing argument 'IMAGE…'"),
    ],
)
def test_bad_usage_is_one_line_status_2_and_changes_nothing(
    folder: Path, run: Run, arguments: list[str], message: str
) -> None:
    before = content(folder)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert content(folder) == before


def test_what_runs_gives_0_and_says_what_came_and_where(folder: Path, run: Run) -> None:
    status, out, err = run("run", "good.py", "--runner", "local")
    assert (status, err) == (0, "")
    assert "2 trials: 2 ok" in out
    assert "results/good/: history.csv, summary.csv, trials.csv, rows/, models/" in out
    assert run("run", "good.py")[1].endswith("ran 0 of 2 trials in 0:00\n")


def test_options_change_every_trial(folder: Path, run: Run) -> None:
    options = ["--steps", "3", "--seeds", "3", "--precision", "mixed_bfloat16", "--quiet"]
    assert run("run", "good.py", "--runner", "local", *options) == (0, "", "")
    table = read_trials(folder / "results" / "good")
    assert (list(table["seed"]), set(table["num_steps"]), set(table["precision"])) == (
        [0, 1, 2],
        {3},
        {"mixed_bfloat16"},
    )


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
    status, out, _ = run("run", "mine_bad.py", "--runner", "local")
    assert status == 1
    assert "failed: OSError: out of cheese (mine_bad.py:9): " in out
    assert "and 1 more" in out
    status, out, _ = run("run", "mine_bad.py", "--runner", "local")
    assert (status, "ran 0 of 2" in out) == (1, True)
    status, out, _ = run("run", "mine_bad.py", "--runner", "local", "--retry", "failed")
    assert (status, "ran 2 of 2" in out) == (1, True)


def test_what_stands_in_a_tampered_table_does_not_reach_the_terminal_as_it_is(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "local", "--quiet")
    table = folder / "results" / "good" / "trials.csv"
    table.write_text(table.read_text().replace(",ok,", ",\x1b[2Jfine,", 1))
    status, _, err = run("report", "results/good")
    assert (status, "\x1b" in err, "says status \\x1b[2Jfine of trial" in err) == (2, False, True)


def test_a_row_that_is_none_is_named_with_the_way_out(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "local", "--quiet")
    row = next((folder / "results" / "good" / "rows").glob("*.json"))
    row.write_text(row.read_text()[:100])
    before = content(folder)
    for arguments in (["run", "good.py"], ["status", "results/good"], ["table", "results/good"]):
        status, _, err = run(*arguments)
        assert status == 2
        assert err.startswith(
            f"error: 1 of 2 files in results/good/rows is not a row: {row.name} (its content does not match its own"
        )
        assert "mnist-sweep mend results/good" in err
        assert content(folder) == before


def test_status_and_table_need_no_script(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "local", "--quiet")
    (folder / "good.py").unlink()
    tables = {path.name: path.read_bytes() for path in (folder / "results" / "good").glob("*.csv")}
    for path in (folder / "results" / "good").glob("*.csv"):
        path.unlink()
    status, out, _ = run("status", "results/good")
    assert (status, "2 trials: 2 ok" in out) == (0, True)
    assert run("table", "results/good")[0] == 0
    assert {path.name: path.read_bytes() for path in (folder / "results" / "good").glob("*.csv")} == tables


def test_data_says_where_a_data_set_lies(run: Run) -> None:
    status, out, _ = run("data", "digits")
    assert status == 0
    assert out.splitlines()[-1] == "digits: 1,197 train, 300 val, 300 test images of 8x8x1, verified"


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


def test_predict_asks_the_kept_model_and_refuses_what_is_no_image(folder: Path, run: Run) -> None:
    from PIL import Image

    run("run", "good.py", "--runner", "local", "--quiet")
    Image.new("L", (8, 8)).save(folder / "black.png")
    status, out, err = run("predict", "results/good", "black.png", "--top", "2")
    assert (status, err) == (0, "")
    assert out.startswith("by the model of trial ")
    assert re.search(r"^black\.png: \d \d+\.\d%, \d \d+\.\d%$", out, re.MULTILINE)
    (folder / "empty.png").touch()
    before = content(folder)
    status, out, err = run("predict", "results/good", "black.png", "empty.png")
    assert (status, out) == (2, "")
    assert err == "error: empty.png is empty, expected an image in PNG, JPEG or IDX format.\n"
    status, out, err = run("predict", "results/good", "black.png", "--trial", "nobody")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert content(folder) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ResNet(depth=21)", "depth == 6n+2, from 8 to 110` must hold, but got depth=21"),
        ("ResNet(depth=2)", "got depth=2"),
    ],
)
def test_a_depth_that_no_residual_network_has_is_one_line(folder: Path, run: Run, text: str, message: str) -> None:
    (folder / "is_bad.py").write_text(HEAD + f"SWEEP = Sweep(name='a', trials=[TrialConfig(model={text})])")
    status, out, err = run("run", "is_bad.py")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def cifar10_archive(path: Path) -> None:
    (path.parent / "test_batch.bin").unlink()
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../data_batch_1.bin"))


CIFAR10_DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a cut file": (lambda folder: (folder / "data_batch_1.bin").write_bytes(bytes(3000)), "is cut off"),
    "a label of 200": (
        lambda folder: (folder / "data_batch_1.bin").write_bytes(bytes([200]) + bytes(3072)),
        "has label 200 in record 0",
    ),
    "a path out of the folder": (
        lambda folder: cifar10_archive(folder / "cifar-10-binary.tar.gz"),
        "'../data_batch_1.bin', a path that leaves its folder",
    ),
}


@pytest.mark.parametrize("damage", CIFAR10_DAMAGES)
def test_damaged_records_and_archives_of_cifar10_are_named(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    change, message = CIFAR10_DAMAGES[damage]
    (folder / "damaged" / "cifar10").mkdir(parents=True)
    (folder / "damaged" / "cifar10" / "test_batch.bin").write_bytes(bytes(3073))
    change(folder / "damaged" / "cifar10")
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder / "damaged"))
    sweep = "SWEEP = Sweep(name='a', trials=[TrialConfig(data=CIFAR10(train_size=9_000, val_size=1_000))])"
    (folder / "is_bad.py").write_text(HEAD + sweep)
    status, out, err = run("run", "is_bad.py")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (folder / "results").exists()


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "truncated": ("t10k-images-idx3-ubyte", lambda raw: raw[:-1], "t10k-images-idx3-ubyte"),
    "too long": ("t10k-images-idx3-ubyte", lambda raw: raw + b"\0", "t10k-images-idx3-ubyte"),
    "wrong size": ("t10k-images-idx3-ubyte", lambda raw: raw[:4] + struct.pack(">I", 9999) + raw[8:], "for 9999 x 28"),
    "wrong magic": ("t10k-images-idx3-ubyte", lambda raw: b"\0\0\0\0" + raw[4:], "magic"),
    "label 10": ("t10k-labels-idx1-ubyte", lambda raw: raw[:-1] + b"\x0a", "label"),
    "checksum": ("t10k-labels-idx1-ubyte", lambda raw: raw[:-1] + bytes([(raw[-1] + 1) % 10]), "SHA-256"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_data_file_is_named(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, real_mnist: Path, damage: str
) -> None:
    import gzip

    name, change, message = DAMAGES[damage]
    shutil.copytree(real_mnist, folder / "damaged" / "mnist")
    packed = folder / "damaged" / "mnist" / f"{name}.gz"
    (folder / "damaged" / "mnist" / name).write_bytes(change(gzip.decompress(packed.read_bytes())))
    packed.unlink()
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder / "damaged"))
    (folder / "is_bad.py").write_text(HEAD + "SWEEP = Sweep(name='a', trials=[TrialConfig(data=MNIST())])")
    for arguments in (["run", "is_bad.py"], ["data", "mnist"]):
        status, out, err = run(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"damaged/mnist/{name}" in err
        assert message in err
    assert not (folder / "results").exists()


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = "import sys; from mnist_sweep.cli.app import cli; cli.main(['--help'], standalone_mode=False); "
    code += "sys.exit(bool({'tensorflow', 'keras', 'ray', 'pandas', 'numpy', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def start(folder: Path) -> "subprocess.Popen[str]":
    (folder / "long.py").write_text(LONG)
    command = [sys.executable, "long.py", "--max-concurrent", "2"]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # heard, wherever the tests run
    )


def wait_for_rows(process: "subprocess.Popen[str]", rows: Path, number: int) -> None:
    deadline = time.monotonic() + 90
    while len(list(rows.glob("*.json"))) < number:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_sweep_killed_or_interrupted_goes_on_where_it_was(folder: Path, figures: Figures) -> None:
    rows = folder / "results" / "long" / "rows"
    for how, status in [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)]:
        process = start(folder)
        wait_for_rows(process, rows, len(list(rows.glob("*.json"))) + 1)
        process.send_signal(how)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == status, out
        assert "Traceback" not in out
    before = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in rows.glob("*.json")}
    assert 3 <= len(before) < 12
    process = start(folder)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert f"12 trials, {len(before)} done before" in out
    after = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in rows.glob("*.json")}
    assert before.items() <= after.items()
    whole = [sys.executable, "long.py", "--runner", "local", "--results", "whole", "--quiet"]
    subprocess.run(whole, cwd=folder, check=True)
    assert figures(folder / "results" / "long") == figures(folder / "whole" / "long")
