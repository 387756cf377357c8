"""What a worker sends; what the driver makes of it is in test_callback."""

import pickle
import signal
import sys
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import ray

from mnist_sweep import Softmax, Status, TrialConfig, TrialRow, trial_id
from mnist_sweep.errors import ConfigError, ProcessLostError, SweepError
from mnist_sweep.results import run_marker
from mnist_sweep.results.predictions import Predictions, equal
from mnist_sweep.results.row_json import from_json
from mnist_sweep.runners.ray import worker
from mnist_sweep.runners.ray.worker import Payload, WorkerSettings
from mnist_sweep.runners.trial import Item
from mnist_sweep.runners.trial_process import TrialProcess
from mnist_sweep.system.storage import Folder
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks.models_to_check import Candidate
from mnist_sweep.training.checks.sample import Sample
from mnist_sweep.training.row_builder import failed
from mnist_sweep.training.row_builder import worker as name_of_worker
from mnist_sweep.training.trial_progress import Heartbeat, Paused
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.row import Evaluation

TRIAL = TrialConfig(model=Softmax())
SETTINGS = WorkerSettings(
    datasets=[None],
    runtime={"threads": 1, "gpus": 0.0, "xla": False},
    code=[],
    definitions=b"",
    artifacts=None,
    has_scheduler=False,
    min_interval=0.0,
    new_process=TrialProcess,
)
PROCESS = TrialProcess(SETTINGS.runtime, b"")
ROW = failed(TRIAL, error="x")
POINT = Evaluation(1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
SAMPLE = Sample(np.zeros((1, 2, 2, 1), np.float32), np.zeros(1, np.int32), 2)
REFUSED = SAMPLE._replace(num_classes=3)
MODEL, PREDICTIONS = SavedModel(b"model", b""), Predictions(np.arange(3), np.arange(4))


def running(*items: Item) -> Generator[Item, None, TrialRow]:
    yield from items
    return ROW


def test_what_is_large_is_a_short_text_and_arrives_whole() -> None:
    model = Payload(SavedModel(bytes(10**7), b""))
    predictions = Predictions(np.arange(300) % 10, np.arange(300) % 7)
    classes = Payload(predictions)
    assert all(len(f"{[{'model': payload}]}") < 200 for payload in (model, classes))
    assert pickle.loads(pickle.dumps(model)).content == model.content
    assert equal(pickle.loads(pickle.dumps(classes)).content, predictions)


def test_points_and_notes_are_sent_at_once_and_what_is_kept_goes_with_the_row() -> None:
    note = Heartbeat(0, 650, "resumes")
    first, second, last = worker.relay(running(note, POINT, PREDICTIONS, MODEL), SETTINGS)
    assert (first, second) == ({"note": "resumes", "worker": name_of_worker()}, {"points": [list(POINT)]})
    assert from_json(last["row"]) == ROW
    assert last["done"]
    assert (last["SavedModel"].content, last["Predictions"].content) == (MODEL, PREDICTIONS)


def test_a_trial_whose_run_has_ended_is_paused_and_sends_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "SECONDS_BETWEEN_LOOKS", 0.0)
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)

    def endless() -> Generator[Item, None, TrialRow]:
        try:
            while True:
                yield POINT
        except Paused as paused:
            paused.add_note("no checkpoint")
            raise

    settings = replace(SETTINGS, artifacts=Artifacts(storage=str(tmp_path), run_marker=name))
    messages = worker.relay(endless(), settings)
    assert "points" in next(messages)
    Folder(tmp_path).delete(name)
    assert list(messages) == [{"paused": True, "note": "no checkpoint", "done": True}]


def test_a_worker_that_does_not_see_the_storage_says_so_first(tmp_path: Path) -> None:
    artifacts = Artifacts(storage=str(tmp_path), run_marker=run_marker.new_name(tmp_path))
    note, row = worker.relay(running(), replace(SETTINGS, artifacts=artifacts))
    assert note["unshared"].startswith(f"some machines do not see the storage {tmp_path}: their trials write no ch")
    assert "row" in row


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_trial_that_a_scheduler_pauses_ends_where_it_is_and_sends_nothing(has_ended: bool) -> None:
    heard = []

    def endless() -> Generator[Item, None, TrialRow]:
        try:
            yield POINT
            yield POINT
        except Paused:
            heard.append("paused")
            if not has_ended:
                raise
        return ROW

    messages = worker.relay(endless(), SETTINGS)
    next(messages)
    worker.pause(messages)
    worker.pause(messages)
    assert heard == ["paused"]
    assert list(messages) == []


def test_a_package_that_the_node_lacks_is_named_with_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(flat: Any) -> Any:
        raise ModuleNotFoundError("No module named 'own'")

    monkeypatch.setattr(worker, "from_flat", lacking)
    (message,) = worker.messages(worker.trial_text(TRIAL, 0), SETTINGS, PROCESS)
    assert message["missing_package"].startswith("ModuleNotFoundError: No module named 'own'")
    assert message["node"]
    assert message["done"]


def test_a_worker_that_is_terminated_ends_instead_of_its_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "messages", lambda *_: iter(()))
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ray does
    try:
        worker.trainable(SETTINGS)({"trial": ""})
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_worker_checks_all_models_of_the_run_before_its_first_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        checked: ClassVar[list[TrialConfig]] = []
        error: SweepError = ConfigError("remove the softmax")

        def check_models(self, models: Sequence[Candidate]) -> list[str]:
            self.checked.extend(config for config, _ in models)
            if models[0].sample is REFUSED:
                raise self.error
            return ["a note"]

    process: Any = Process()
    monkeypatch.setattr(ray, "get", lambda reference: None)
    monkeypatch.setattr(worker, "steps", lambda *_, **__: running())
    monkeypatch.setattr(tensorflow_runtime, "configure", lambda **_: None)
    tensorflow_runtime._CACHE.clear()
    settings = replace(SETTINGS, models=[(to_flat(TRIAL), SAMPLE)])
    for notes in ([{"notes": ["a note"]}], [{"notes": ["a note"]}]):
        *before, last = worker.messages(worker.trial_text(TRIAL, 0), settings, process)
        assert (before, "row" in last) == (notes, True)
    assert process.checked == [TRIAL]
    tensorflow_runtime._CACHE.clear()
    settings = replace(settings, models=[(to_flat(TRIAL), REFUSED)])
    for error in (process.error, SweepError("whatever a child process raises")):
        process.error = error
        (message,) = worker.messages(worker.trial_text(TRIAL, 0), settings, process)
        assert message == {"refused": str(error), "done": True}
    process.error = ProcessLostError("its process was killed")  # which Tune retries
    with pytest.raises(ProcessLostError):
        next(worker.messages(worker.trial_text(TRIAL, 0), settings, process))


def test_a_worker_that_cannot_be_configured_sends_a_failed_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ConfigError("refused")

    monkeypatch.setattr(tensorflow_runtime, "configure", refuse)
    (message,) = worker.messages(worker.trial_text(TRIAL, 0), SETTINGS, PROCESS)
    row = from_json(message["row"])
    assert (row.trial_id, row.status) == (trial_id(TRIAL), Status.FAILED)
    assert (row.error or "").startswith("ConfigError: refused")
    assert message["done"]


def test_a_model_of_the_users_own_is_imported_from_the_shipped_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", ["before"])
    monkeypatch.setattr(worker, "_messages", lambda *_: iter(()))
    settings = replace(SETTINGS, code=[str(tmp_path), "before"])
    assert list(worker.messages(worker.trial_text(TRIAL, 0), settings, PROCESS)) == []
    assert sys.path == ["before", str(tmp_path)]
