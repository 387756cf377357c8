from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import GradientDescent, Local, Softmax, TrialConfig, trial_id
from mnist_sweep.data import sources
from mnist_sweep.results import run_marker
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners.catalog import RUNNERS
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.system.storage import Folder
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)


class Notes:
    """An observer that writes down what it hears."""

    def __init__(self, ends_after: int = 1000, proposed: Sequence[TrialConfig] = ()) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.proposed = list(proposed)
        self.ends_after = ends_after

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        self.heard.append(("ready", num_workers))

    def started(self, trial_id: str) -> None:
        self.heard.append(("started", trial_id))

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        self.heard.append(("evaluated", trial_id, evaluation.step))

    def noted(self, trial_id: str | None, note: str) -> None:
        self.heard.append(("noted", trial_id, note))

    def propose(self) -> TrialConfig | None:
        return self.proposed.pop() if self.proposed else None

    def is_ending(self) -> bool:
        return len(self.heard) >= self.ends_after

    def rows(self) -> Sequence[TrialRow]:
        return ()

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        self.heard.append(("saved", trial_id, type(item)))

    def finished(self, row: TrialRow) -> None:
        self.heard.append(("finished", row.trial_id, row.status))


def trials() -> Mapping[str, TrialConfig]:
    return {trial_id(trial): trial for trial in (BASE, replace(BASE, seed=1))}


def test_the_local_runner_tells_everything_in_order() -> None:
    notes = Notes()
    Local().run(trials(), {BASE.data: sources.load(BASE.data)}, notes)
    first, second = trials()
    told = [
        [("started", name), ("evaluated", name, 2), ("evaluated", name, 4), ("finished", name, Status.OK)]
        for name in (first, second)
    ]
    assert notes.heard == [("ready", 1), *told[0], *told[1]]


def test_a_model_that_is_to_be_kept_is_told_before_its_row() -> None:
    notes, artifacts = Notes(), Artifacts(storage="told", models="all")
    Local().run(trials(), {BASE.data: sources.load(BASE.data)}, notes, artifacts=artifacts)
    first, _ = trials()
    heard = [note for note in notes.heard if note[1] == first]
    assert heard[-3:] == [
        ("saved", first, Predictions),
        ("saved", first, SavedModel),
        ("finished", first, Status.OK),
    ]


def test_the_local_runner_pauses_its_trial_when_the_run_is_to_end(tmp_path: Path) -> None:
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)
    artifacts = Artifacts(storage=str(tmp_path), run_marker=name)
    datasets = {BASE.data: sources.load(BASE.data)}
    first, _ = trials()
    ending = Notes(ends_after=3)
    Local().run(trials(), datasets, ending, artifacts=artifacts)
    assert ending.heard == [("ready", 1), ("started", first), ("evaluated", first, 2)]
    notes = Notes(ends_after=6)
    Local().run(trials(), datasets, notes, artifacts=artifacts)
    assert notes.heard[2:] == [
        ("noted", first, "resumes at step 2"),
        ("evaluated", first, 2),
        ("evaluated", first, 4),
        ("saved", first, Predictions),
        ("finished", first, Status.OK),
    ]


@pytest.mark.parametrize("runner", RUNNERS.values())
def test_every_runner_is_a_frozen_value_with_resources(runner: type[Runner]) -> None:
    made: Any = runner()
    assert (made.cpus_per_trial, made.gpus_per_trial) == (1, 0.0)
    assert hash(made) == hash(runner())
