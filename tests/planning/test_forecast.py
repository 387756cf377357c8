"""Laws of a forecast: it follows from what was measured, and says what will not fit."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mnist_sweep import Adam, GradientDescent, Softmax, TrialConfig, grid
from mnist_sweep.cli.views import forecast as outlook
from mnist_sweep.data import sources
from mnist_sweep.planning import forecast, networks
from mnist_sweep.planning.calibration import Calibration, Way, kind
from mnist_sweep.planning.forecast import Forecast
from mnist_sweep.planning.makespan import Rounds
from mnist_sweep.planning.stopwatch import Cost
from mnist_sweep.system import machine
from mnist_sweep.trials.artifacts import Artifacts

TRIALS = grid(
    TrialConfig(model=Softmax(), num_steps=10, evaluate_every=5),
    {"optimizer": [GradientDescent(), Adam(), Adam(learning_rate=0.1)]},
)
COST = Cost(step=1.0, image=0.0, trial=2.0, first=0.0, model=0.0, images=300, memory=3 << 30, shared_memory=1 << 30)
MEASURED = Calibration(start=3.0, costs={kind(trial): COST for trial in TRIALS}, failures={})
WAY = Way(runner="Local", num_workers=1)


def of(
    folder: Path, calibration: Calibration | None = MEASURED, way: Way = WAY, rounds: Rounds | None = None
) -> Forecast:
    datasets = {TRIALS[0].data: sources.load(TRIALS[0].data)}
    return forecast.of(
        TRIALS,
        datasets,
        networks.networks(TRIALS),
        way=way,
        artifacts=Artifacts(storage="unused"),
        folder=folder,
        calibration=calibration,
        rounds=rounds,
    )


def shown(found: Forecast) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    outlook.show(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_calibration_there_is_the_disk_alone(tmp_path: Path) -> None:
    found = of(tmp_path, None)
    assert (found.seconds, found.memory, found.times) == (None, None, ())
    text = shown(found)
    assert text.startswith("to run: 3 trials, 1 at a time\ndisk: ")
    assert "time: " not in text


def test_time_and_memory_follow_from_what_was_measured(tmp_path: Path) -> None:
    found = of(tmp_path)
    assert found.seconds == 3 + 3 * 12
    assert found.memory == 4 << 30
    assert [(one.network, one.num_trials, one.step) for one in found.times] == [(1, 1, 1.0), (1, 2, 1.0)]
    lines = [line.split() for line in shown(found).splitlines()]
    assert ["1", "2", "Adam,", "batch", "50", "1e+03", "0", "12"] in lines
    assert ["time:", "0:39,", "measured", "with", "as", "many", "at", "a", "time"] in lines


def test_a_trial_that_begins_where_another_has_ended_takes_the_time_of_its_own_steps(tmp_path: Path) -> None:
    whole, own = of(tmp_path), of(tmp_path, rounds=Rounds(interval=5, size=9))
    assert own.seconds == 3 + 3 * 7
    assert own.disk == whole.disk  # its learning curve begins with that of the other


def test_memory_on_a_gpu_is_shown_if_there_is_one(tmp_path: Path) -> None:
    assert "GPU" not in shown(of(tmp_path))
    on_gpu = replace(COST, gpu_memory=2 * 10**9)
    found = of(tmp_path, replace(MEASURED, costs={kind(trial): on_gpu for trial in TRIALS}))
    assert "\nGPU memory: 2 GB a worker\n" in shown(found)


def test_trials_that_do_not_fit_the_memory_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = replace(WAY, num_workers=3)
    monkeypatch.setattr(machine, "free_memory", lambda: 8 << 30)
    assert of(tmp_path).warnings == ()
    (warning,) = of(tmp_path, way=many).warnings
    assert warning == "3 trials at a time need 11 GB of memory, but 8.6 GB are free: run with --max-concurrent 2."
    monkeypatch.setattr(machine, "free_memory", lambda: 2 << 30)
    assert of(tmp_path, way=many).warnings[0].endswith("2.1 GB are free: not even one fits.")
    monkeypatch.setattr(machine, "free_memory", lambda: None)
    assert of(tmp_path, way=many).warnings == ()


def test_a_disk_that_is_too_small_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_disk", lambda folder: 5000)
    (warning,) = of(tmp_path, None).warnings
    assert "but 5 kB are free on the disk" in warning
    assert f"warning: {warning}\n" in shown(of(tmp_path, None))


def test_trials_that_will_fail_are_warned_of_and_take_no_time(tmp_path: Path) -> None:
    good, bad = kind(TRIALS[0]), kind(TRIALS[1])
    found = of(tmp_path, Calibration(start=3.0, costs={good: COST}, failures={bad: "OSError: out of cheese"}))
    assert found.seconds == 3 + 12
    assert found.warnings == ("2 trials of network 1 with Adam, batch 50 will fail: OSError: out of cheese.",)
    assert "fails" in shown(found)
