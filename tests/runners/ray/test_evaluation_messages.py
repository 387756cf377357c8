"""What a worker sends while a trial trains, and the row that the driver makes of it."""

import pickle
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mnist_sweep import Softmax, TrialConfig, TrialRow
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.runners.ray import evaluation_messages
from mnist_sweep.runners.ray.evaluation_messages import EvaluationReceiver, EvaluationSender
from mnist_sweep.training import row_builder
from mnist_sweep.training.trial_progress import Heartbeat
from mnist_sweep.trials.row import Evaluation

TRIAL = TrialConfig(model=Softmax(), num_steps=1000, evaluate_every=1, log_every=1)


def point(step: int, *, validated: bool = True) -> Evaluation:
    val = 0.25 if validated else None
    return Evaluation(step, 1 / 3, 0.5, val, val, 0.1, seconds=10 + step / 7)


def sent(items: Sequence[Evaluation | Heartbeat], **settings: Any) -> list[dict[str, Any]]:
    """Return the messages on what a trial yields."""
    given: dict[str, Any] = {"has_scheduler": True, "min_interval": 0.0, "worker": "host:1"}
    sender = EvaluationSender(**given | settings)
    return [message for item in items if (message := sender.message(item))]


def row_of(messages: list[dict[str, Any]]) -> TrialRow:
    """Return the row that the driver makes of what a worker has sent."""
    receiver = EvaluationReceiver()
    for message in messages:
        receiver.receive(pickle.loads(pickle.dumps(message)))
    row = receiver.stopped_row(TRIAL)
    assert row is not None
    return row


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker and driver make their rows at the same time."""
    now, start = time.time(), time.monotonic()
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(time, "monotonic", lambda: start)


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("inherited", [0.0, 1.25])
def test_the_row_that_the_driver_makes_is_the_one_that_the_worker_would_make(
    inherited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [point(1, validated=False), point(2), point(3, validated=False), point(4)]
    messages = sent([Heartbeat(0, 650, inherited=inherited), *points], min_interval=60.0)
    timing = row_builder.timing(0.0, points[-1].seconds - inherited)
    origin = row_builder.origin()
    worker_side = row_builder.stopped(TRIAL, points, parameters=650, timing=timing, origin=origin)
    monkeypatch.setattr(row_builder, "origin", lambda: pytest.fail("the driver names itself"))
    row = row_of(messages)
    assert row == worker_side == from_json(to_json(worker_side))
    assert row.seconds_total == points[-1].seconds - inherited
    assert len(row.history) == 4


def test_a_stopped_row_has_the_settings_of_the_process_that_trained_it() -> None:
    row = row_of(sent([Heartbeat(0, 650), point(1)], configured={"threads": 3, "gpus": 0.5, "xla": True}))
    assert [row.environment[name] for name in ("threads", "device", "xla")] == [3, "GPU", True]


def test_messages_do_not_grow_with_the_learning_curve() -> None:
    sizes = [len(pickle.dumps(message)) for message in sent([point(step) for step in range(1000, 2000)])]
    assert max(sizes[1:]) == min(sizes[1:])
    assert sizes[0] < min(sizes[1:]) + 1000  # the first names the process and its environment, too


def test_a_trial_that_is_retried_has_the_points_of_its_last_start_only() -> None:
    row = row_of(sent([point(1), point(2)]) + sent([point(1), point(2), point(3)]))
    assert [each.step for each in row.history] == [1, 2, 3]


def test_a_trial_is_stopped_at_its_last_validation() -> None:
    row = row_of(sent([point(1), point(2, validated=False)]))
    assert (row.steps, len(row.history)) == (1, 1)


def test_a_scheduler_sees_every_validation_and_no_point_is_left_out() -> None:
    messages = sent([point(step, validated=step % 2 == 0) for step in range(1, 9)], min_interval=60.0)
    steps = [each[0] for message in messages for each in message["points"]]
    assert [message["step"] for message in messages if "step" in message] == [2, 4, 6, 8]
    assert steps == list(range(1, 9))


def test_without_a_scheduler_points_may_be_left_out_and_none_is_kept() -> None:
    messages = sent([point(step) for step in range(1, 9)], has_scheduler=False, min_interval=60.0)
    assert [message["points"] for message in messages] == [[list(point(1))]]
    receiver = EvaluationReceiver()
    assert receiver.receive(messages[0]) == point(1)
    assert receiver._points == []
    assert receiver.stopped_row(TRIAL) is None


def test_a_note_is_sent_at_once_and_a_heartbeat_without_one_is_not() -> None:
    assert sent([Heartbeat(0, 650), Heartbeat(0, 650, "resumes")]) == [{"note": "resumes", "worker": "host:1"}]


@pytest.mark.usefixtures("stopped_clock")
def test_the_first_message_names_the_worker_and_a_trial_without_one_does_after_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = [message.get("worker") for message in sent([Heartbeat(0, 650), point(1), point(2)], worker=None)]
    assert named == [row_builder.worker(), None]
    sender, now = EvaluationSender(has_scheduler=False, min_interval=60.0, worker="host:2"), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + evaluation_messages.SECONDS_UNTIL_NAMED)
    assert [sender.message(Heartbeat(step, 650)) for step in range(2)] == [{"worker": "host:2"}, None]
