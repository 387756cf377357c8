from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import GradientDescent, Local, Softmax, TrialConfig, trial_id
from mnist_sweep.data import sources
from mnist_sweep.errors import ConfigError
from mnist_sweep.results import run_marker
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.system.storage import Folder
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.row import Status
from tests.runners.test_protocol import Notes

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)


def trials() -> Mapping[str, TrialConfig]:
    return {trial_id(trial): trial for trial in (BASE, replace(BASE, seed=1))}


def test_everything_is_reported_in_order() -> None:
    notes = Notes()
    Local(in_process=True).run(trials(), {BASE.data: sources.load(BASE.data)}, notes)
    first, second = trials()
    each = [
        [("started", name), ("evaluated", name, 2), ("evaluated", name, 4), ("finished", name, Status.OK)]
        for name in (first, second)
    ]
    assert notes.heard == [("ready", 1), *each[0], *each[1]]


def test_what_a_trial_leaves_is_reported_before_its_row() -> None:
    notes, artifacts = Notes(), Artifacts(storage="unused", models="all")
    Local(in_process=True).run(trials(), {BASE.data: sources.load(BASE.data)}, notes, artifacts=artifacts)
    first, _ = trials()
    of_first = [note for note in notes.heard if note[1] == first]
    assert of_first[-3:] == [
        ("saved", first, Predictions),
        ("saved", first, SavedModel),
        ("finished", first, Status.OK),
    ]


def test_a_trial_is_paused_when_the_run_is_to_end(tmp_path: Path) -> None:
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)
    artifacts = Artifacts(storage=str(tmp_path), run_marker=name)
    datasets = {BASE.data: sources.load(BASE.data)}
    first, _ = trials()
    ending = Notes(ends_after=3)
    Local(in_process=True).run(trials(), datasets, ending, artifacts=artifacts)
    assert ending.heard == [("ready", 1), ("started", first), ("evaluated", first, 2)]
    notes = Notes(ends_after=6)
    Local(in_process=True).run(trials(), datasets, notes, artifacts=artifacts)
    assert notes.heard[2:] == [
        ("noted", first, "resumes at step 2"),
        ("evaluated", first, 2),
        ("evaluated", first, 4),
        ("saved", first, Predictions),
        ("finished", first, Status.OK),
    ]


@pytest.mark.parametrize(
    "options", [{"cpus_per_trial": 0}, {"gpus_per_trial": -1}, {"gpus_per_trial": 2}, {"cpus_per_trial": 1.5}]
)
def test_resources_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must hold"):
        Local(**options)  # type: ignore[arg-type]  # on purpose
