from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import GradientDescent, Local, Softmax, TrialConfig, trial_id
from mnist_sweep.data import loading
from mnist_sweep.errors import ConfigError, ProcessLostError
from mnist_sweep.results import run_marker
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners import local
from mnist_sweep.runners.local import MAX_RETRIES
from mnist_sweep.system import machine
from mnist_sweep.system.storage import Folder
from mnist_sweep.training.model_candidates import Candidate
from mnist_sweep.training.row_builder import failed
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.row import Status, TrialRow
from tests.runners.test_protocol import Notes
from tests.training.test_model_candidates import Own
from tests.training.test_refused_losses import mean

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)


def trials() -> Mapping[str, TrialConfig]:
    return {trial_id(trial): trial for trial in (BASE, replace(BASE, seed=1))}


def test_everything_is_reported_in_order() -> None:
    notes = Notes()
    Local(in_process=True).run(trials(), {BASE.data: loading.load(BASE.data)}, notes)
    first, second = trials()
    each = [
        [("started", name), ("evaluated", name, 2), ("evaluated", name, 4), ("finished", name, Status.OK)]
        for name in (first, second)
    ]
    assert notes.heard == [("ready", 1), *each[0], *each[1]]


def test_what_a_trial_leaves_is_reported_before_its_row() -> None:
    notes, artifacts = Notes(), Artifacts(storage="unused", models="all")
    Local(in_process=True).run(trials(), {BASE.data: loading.load(BASE.data)}, notes, artifacts=artifacts)
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
    datasets = {BASE.data: loading.load(BASE.data)}
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


class Losing:
    """A process whose first runs of a trial the system ends."""

    def __init__(self, num_lost: int) -> None:
        self.num_left = num_lost

    def __call__(self, *_: object) -> "Losing":
        return self

    def start(self) -> None: ...

    def check_models(self, models: Sequence[Candidate]) -> list[str]:
        return []

    def __enter__(self) -> "Losing":
        return self

    def __exit__(self, *_: object) -> None: ...

    def steps(self, config: TrialConfig, *_: object, **__: object) -> Generator[None, None, TrialRow]:
        yield
        self.num_left -= 1
        if self.num_left >= 0:
            raise ProcessLostError("its process was killed by SIGKILL")
        return failed(config, error="at last")


@pytest.mark.parametrize("num_lost", [1, MAX_RETRIES + 1])
def test_a_trial_whose_process_the_system_ends_is_retried(monkeypatch: pytest.MonkeyPatch, num_lost: int) -> None:
    monkeypatch.setattr(local, "TrialProcess", Losing(num_lost))
    notes = Rows()
    Local().run({trial_id(BASE): BASE}, {BASE.data: loading.load(BASE.data)}, notes)
    retried = ("retried", trial_id(BASE), "its process was killed by SIGKILL")
    expected = [retried] * min(num_lost, MAX_RETRIES)
    assert notes.heard[2:] == [*expected, ("finished", trial_id(BASE), Status.FAILED)]
    (row,) = notes.rows_heard
    assert row.error == ("at last" if num_lost == 1 else "its process was killed by SIGKILL")


class Rows(Notes):
    """An observer that keeps the rows, too."""

    def __init__(self) -> None:
        super().__init__()
        self.rows_heard: list[TrialRow] = []

    def finished(self, row: TrialRow) -> None:
        super().finished(row)
        self.rows_heard.append(row)


@pytest.mark.parametrize(
    ("num_gpus", "visible", "note"),
    [(1, None, None), (2, "0", None), (2, None, "trials run one by one on 1 of 2 GPUs: on Ray they use all of them")],
)
def test_a_card_that_idles_is_told(
    monkeypatch: pytest.MonkeyPatch, num_gpus: int, visible: str | None, note: str | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(machine, "num_gpus", lambda: num_gpus)
    assert local._idle_cards() == note


@pytest.mark.parametrize(
    "options", [{"cpus_per_trial": 0}, {"gpus_per_trial": -1}, {"gpus_per_trial": 2}, {"cpus_per_trial": 1.5}]
)
def test_resources_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must hold"):
        Local(**options)  # type: ignore[arg-type]  # on purpose


def test_a_model_that_is_refused_ends_the_run_before_it_is_ready_and_one_that_is_proposed_fails() -> None:
    wrong = replace(BASE, model=Own("softmax"))
    datasets, notes = {BASE.data: loading.load(BASE.data)}, Notes(proposed=[wrong])
    with pytest.raises(ConfigError, match="its outputs are probabilities"):
        Local(in_process=True).run({**trials(), trial_id(wrong): wrong}, datasets, notes)
    assert notes.heard == []
    Local(in_process=True).run({}, datasets, notes, num_proposals=1)
    assert notes.heard == [("ready", 1), ("started", trial_id(wrong)), ("finished", trial_id(wrong), Status.FAILED)]


def test_a_loss_that_is_refused_ends_the_run_before_it_is_ready() -> None:
    wrong, notes = replace(BASE, model=Softmax(), loss=mean), Notes()
    with pytest.raises(ConfigError, match="the loss mean must return"):
        Local(in_process=True).run({trial_id(wrong): wrong}, {BASE.data: loading.load(BASE.data)}, notes)
    assert notes.heard == []


def test_what_may_be_meant_in_a_model_is_noted_before_the_first_trial() -> None:
    meant = replace(BASE, model=Own("tanh"))
    datasets, notes = {BASE.data: loading.load(BASE.data)}, Notes()
    Local(in_process=True).run({trial_id(meant): meant}, datasets, notes)
    (kind, about, note), *_ = notes.heard[1:]
    assert (kind, about) == ("noted", None)
    assert note.startswith("Own(activation='tanh', rate=0.1): its outputs stay in [-1, 1]")
