"""What the driver makes of what Tune reports."""

import json
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune

from mnist_sweep import Status, TrialConfig, TrialRow
from mnist_sweep.errors import ConfigError, LedgerError, ResourceError
from mnist_sweep.results.row_json import to_json
from mnist_sweep.runners.ray import callback as module
from mnist_sweep.runners.ray import private, retries
from mnist_sweep.runners.ray.callback import Readiness, TuneCallback
from mnist_sweep.runners.ray.cluster import Messages
from mnist_sweep.runners.ray.evaluation_messages import EvaluationSender
from mnist_sweep.runners.ray.worker import Payload
from mnist_sweep.training.row_builder import failed
from mnist_sweep.training.trial_progress import Heartbeat
from mnist_sweep.trials.artifacts import SavedModel
from mnist_sweep.trials.config import trial_id
from mnist_sweep.trials.row import Evaluation
from tests.conftest import MakeRow
from tests.runners.test_protocol import Notes

TRIAL = TrialConfig()
NAME = trial_id(TRIAL)
POINT = Evaluation(20, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
OUT_OF_MEMORY = failed(TRIAL, error="ResourceExhaustedError: OOM when allocating")
MISSING_PACKAGE = """Failure # 1 (occurred at 2026-01-01_00-00-00)
The actor died because of an error raised in its creation task, ray::Trainable.__init__() (pid=7, ip=10.0.0.3, repr=…)
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
ModuleNotFoundError: No module named 'mnist_sweep'
"""
KILLED = "Failure # 1\nThe actor died unexpectedly before finishing this task.\n"


def callback(observer: Notes | None = None, *, gpus: float = 0.0) -> TuneCallback:
    return made({NAME: TRIAL}, observer or Notes(), gpus=gpus)


def made(trials: dict[str, TrialConfig], observer: Notes, messages: Any = None, *, gpus: float = 0.0) -> TuneCallback:
    readiness = Readiness(observer, 1, None)
    readiness.reach()
    observer.heard.clear()
    return TuneCallback(trials, observer, readiness, messages or SimpleQueue(), gpus_per_trial=gpus)


def tune_trial(error_file: Path | None = None, error: str = "", *, is_starting: bool = False) -> Any:
    """Return one of Tune's trials, which lost its worker if there is an error file."""
    if error_file:
        error_file.write_text(error)
    named, path = {"trial": json.dumps({"id": NAME})}, error_file and str(error_file)
    return SimpleNamespace(config=named, error_file=path, max_failures=1, should_recover=lambda: is_starting)


def started(observer: Notes | None = None, *, gpus: float = 0.0) -> TuneCallback:
    """Return a callback whose trial runs."""
    made = callback(observer, gpus=gpus)
    made.on_trial_start(1, [], tune_trial())
    return made


def evaluated(observer: Notes) -> TuneCallback:
    """Return a callback whose trial was evaluated under a scheduler."""
    made, sender = started(observer), EvaluationSender(has_scheduler=True, min_interval=0.0)
    sender.message(Heartbeat(20, 650))
    made.on_trial_result(1, [], tune_trial(), sender.message(POINT))
    return made


@pytest.mark.parametrize("event", ["on_trial_recover", "on_trial_error"])
def test_a_node_that_lacks_a_package_ends_the_run(tmp_path: Path, event: str) -> None:
    made = callback()
    with pytest.raises(ResourceError, match=r"the node 10\.0\.0\.3 .*named 'mnist_sweep'") as raised:
        getattr(made, event)(1, [], tune_trial(tmp_path / "error", MISSING_PACKAGE))
    assert made.error is raised.value


def test_a_run_without_a_worker_says_once_what_it_waits_for_and_again_after_a_trial_ran(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observer = Notes()
    waiting = callback(observer)
    waiting.on_step_end(1, [])
    monkeypatch.setattr(module, "SECONDS_WITHOUT_TRIALS", -1.0)
    waiting.on_step_end(1, [])
    assert observer.heard == []
    waiting.is_on_cluster = True
    for _ in range(2):
        waiting.on_step_end(1, [])
        assert observer.heard == [("noted", None, module.WAITING)]
    waiting.on_trial_start(1, [], tune_trial())
    waiting.on_step_end(1, [])
    waiting.on_trial_save(1, [], tune_trial())
    observer.heard.clear()
    waiting.on_step_end(1, [])
    assert observer.heard == [("noted", None, module.WAITING)]


def test_a_worker_that_finds_its_node_unfit_ends_the_run_with_its_address() -> None:
    message = {"missing_package": "ModuleNotFoundError: No module named 'tensorflow'", "node": "10.0.0.3"}
    with pytest.raises(ResourceError, match=r"the node 10\.0\.0\.3 .*'tensorflow'"):
        callback().on_trial_result(1, [], tune_trial(), message)


def test_a_model_that_a_worker_refuses_ends_the_run_and_notes_on_models_come_once() -> None:
    observer = Notes()
    receiving = callback(observer)
    for _ in range(2):
        receiving.on_trial_result(1, [], tune_trial(), {"notes": ["one", "two"]})
    observer.is_ending = lambda: True  # type: ignore[method-assign]
    receiving.on_trial_result(1, [], tune_trial(), {"notes": ["no marker is there any more"]})
    assert observer.heard == [("noted", None, "one"), ("noted", None, "two")]
    with pytest.raises(ConfigError, match="softmax"):
        receiving.on_trial_result(1, [], tune_trial(), {"refused": "remove the softmax"})


@pytest.mark.parametrize("is_on_cluster", [False, True])
def test_only_machines_of_a_cluster_may_not_see_the_storage(*, is_on_cluster: bool) -> None:
    observer = Notes()
    receiving = callback(observer)
    receiving.is_on_cluster = is_on_cluster
    for _ in range(2):
        receiving.on_trial_result(1, [], tune_trial(), {"unshared": "it is not seen"})
    assert observer.heard == [("noted", None, "it is not seen")][:is_on_cluster]


def test_a_run_is_ready_once_a_worker_has_refused_no_model_or_a_trial_has_its_row(tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [{"notes": []}, {"row": to_json(failed(TRIAL, error="no"))}]
    for message in messages:
        observer = Notes()
        receiving = TuneCallback({NAME: TRIAL}, observer, Readiness(observer, 3, None), SimpleQueue(), gpus_per_trial=0)
        receiving.on_trial_start(1, [], tune_trial())
        assert observer.heard == []
        receiving.on_trial_result(1, [], tune_trial(), message)
        assert observer.heard[:2] == [("ready", 3), ("started", NAME)]
    observer = Notes()
    receiving = TuneCallback({NAME: TRIAL}, observer, Readiness(observer, 3, None), SimpleQueue(), gpus_per_trial=0)
    receiving.on_trial_recover(1, [], tune_trial(tmp_path / "error", KILLED))
    assert [kind for kind, *_ in observer.heard] == ["ready", "retried"]


def test_a_worker_that_was_killed_is_retried(tmp_path: Path) -> None:
    observer = Notes()
    started(observer).on_trial_recover(1, [], tune_trial(tmp_path / "error", KILLED))
    kind, _, cause = observer.heard[-1]
    assert (kind, cause.partition(":")[0]) == ("retried", "the worker was lost")


def test_a_trial_that_lost_its_last_worker_is_a_failed_row_of_no_worker(tmp_path: Path) -> None:
    observer = Notes()
    started(observer).on_trial_error(1, [], tune_trial(tmp_path / "error", KILLED))
    assert [(row.status, row.worker) for row in observer.finished_rows] == [(Status.FAILED, None)]


def test_a_trial_that_lost_its_worker_while_it_started_runs_again_as_often_as_tune_would_retry_it(
    tmp_path: Path,
) -> None:
    observer = Notes()
    receiving = started(observer)
    for _ in range(2):
        receiving.on_trial_error(1, [], tune_trial(tmp_path / "error", KILLED, is_starting=True))
    assert receiving.paused == [NAME]
    assert [kind for kind, *_ in observer.heard].count("retried") == 1
    assert [row.status for row in observer.finished_rows] == [Status.FAILED]


def test_rays_messages_on_its_nodes_are_reported_between_two_events() -> None:
    node_messages: Messages = SimpleQueue()
    observer = Notes()
    receiving = made({}, observer, node_messages)
    node_messages.put("the node 10.0.0.3 was lost")
    receiving.on_step_end(1, [])
    assert observer.heard == [("noted", None, "the node 10.0.0.3 was lost")]
    node_messages.put(lost := retries.lost_cluster("10.0.0.1:6379"))
    with pytest.raises(retries.BrokenRay):
        receiving.on_step_end(2, [])
    assert receiving.error is lost


def test_what_a_worker_sends_is_reported_in_order_and_large_values_are_taken_out(
    make_row: MakeRow,
) -> None:
    observer, row = Notes(), make_row(TRIAL)
    made = started(observer)
    made.on_trial_result(1, [], tune_trial(), {"points": [list(POINT)], "worker": "host:1"})
    assert observer.workers == {NAME: "host:1"}
    message = {"SavedModel": Payload(SavedModel(b"model", b"")), "note": None, "row": to_json(row), "done": True}
    made.on_trial_result(1, [], tune_trial(), message)
    made.on_trial_complete(1, [], tune_trial())
    assert observer.heard[1:] == [
        ("evaluated", NAME, 20),
        ("saved", NAME, SavedModel),
        ("finished", NAME, Status.OK),
    ]
    assert observer.finished_rows == [row]
    assert message.keys() == {"note", "done"}


def test_a_trial_that_a_scheduler_stops_has_a_row_and_one_that_ended_has_no_other(
    make_row: MakeRow,
) -> None:
    observer = Notes()
    evaluated(observer).on_trial_complete(1, [], tune_trial())
    (row,) = observer.finished_rows
    assert (row.trial_id, row.status, row.steps, row.parameters) == (NAME, Status.STOPPED, 20, 650)
    assert row.history == (POINT,)
    observer = Notes()
    ended = evaluated(observer)
    ended.on_trial_result(1, [], tune_trial(), {"row": to_json(make_row(TRIAL)), "done": True})
    ended.on_trial_complete(1, [], tune_trial())
    assert [row.status for row in observer.finished_rows] == [Status.OK]
    assert not ended._curves


def test_a_trial_out_of_memory_on_a_shared_gpu_is_kept_for_a_retry_and_has_no_row_yet() -> None:
    message = {"row": to_json(failed(TRIAL, error="ResourceExhaustedError: OOM")), "done": True}
    for gpus, retried in ((0.25, [NAME]), (1.0, [])):
        observer = Notes()
        made = started(observer, gpus=gpus)
        made.on_trial_result(1, [], tune_trial(), dict(message))
        assert made.out_of_memory == retried
        assert len(observer.finished_rows) == 1 - len(retried)


def test_a_trial_that_is_paused_while_the_run_goes_on_is_kept_for_later() -> None:
    observer = Notes()
    made = started(observer)
    made.on_trial_result(1, [], tune_trial(), {"paused": True, "note": None, "done": True})
    assert made.paused == [NAME]
    assert observer.heard[-1][2].endswith("the storage has lost the marker of this run")


@pytest.mark.parametrize(("note", "heard"), [(None, "starts over: it has no checkpoint"), ("resumes at step 50", None)])
def test_a_trial_that_a_scheduler_paused_runs_no_more_and_its_next_start_is_noted_if_it_starts_over(
    note: str | None, heard: str | None
) -> None:
    observer = Notes()
    made = evaluated(observer)
    made.on_trial_save(1, [], tune_trial())
    assert observer.heard[-1] == ("paused", NAME)
    assert made._running == set()
    made.on_trial_start(2, [], tune_trial())
    messages: list[dict[str, Any]] = [{"note": note}] if note else []
    for message in (*messages, {"points": [list(POINT)]}):
        made.on_trial_result(3, [], tune_trial(), message)
    assert [event[2] for event in observer.heard if event[0] == "noted"] == ([heard] if heard else [])


def test_a_trial_that_is_stopped_while_it_is_paused_has_a_row() -> None:
    observer = Notes()
    made = evaluated(observer)
    made.on_trial_save(1, [], tune_trial())
    made.on_trial_complete(2, [], tune_trial())
    assert [(row.status, row.steps) for row in observer.finished_rows] == [(Status.STOPPED, POINT.step)]


def test_a_ray_that_has_broken_down_ends_the_experiment_and_keeps_what_is_unfinished(
    make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TrialConfig(seed=1)
    receiving = made({NAME: TRIAL, trial_id(other): other}, Notes())
    receiving.on_trial_start(1, [], tune_trial())
    receiving.on_trial_result(1, [], tune_trial(), {"row": to_json(make_row(TRIAL)), "done": True})
    monkeypatch.setattr(private, "dead_process", lambda: "raylet")
    with pytest.raises(retries.BrokenRay):
        receiving.on_step_end(1, [])
    assert (receiving.dead_process, receiving.unfinished()) == ("raylet", [trial_id(other)])


def test_a_run_that_is_to_end_ends_when_its_trials_are_paused() -> None:
    made = started(Notes(ends_after=1))
    made.on_step_end(1, [])
    assert not made.has_ended
    made.on_trial_result(1, [], tune_trial(), {"paused": True, "note": None, "done": True})
    with pytest.raises(tune.TuneError):
        made.on_step_end(2, [])
    assert made.has_ended
    assert made.error is None
    assert made.paused == []


def test_a_run_that_is_to_end_does_not_wait_long_for_its_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_TO_PAUSE", -1.0)
    made = started(Notes(ends_after=1))
    with pytest.raises(tune.TuneError):
        made.on_step_end(1, [])


def test_an_error_of_the_observer_is_kept() -> None:
    def full(row: TrialRow) -> None:
        raise LedgerError("the disk is full")

    observer = Notes()
    observer.finished = full  # type: ignore[method-assign]  # on purpose
    made = started(observer)
    with pytest.raises(LedgerError) as raised:
        made.on_trial_result(1, [], tune_trial(), {"row": to_json(failed(TRIAL, error="x")), "done": True})
    assert made.error is raised.value
