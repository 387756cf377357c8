"""Evaluations on their way from a worker to the driver, which makes the row of a trial that a scheduler stops.

A worker cannot make that row, since it is ended when its trial is stopped. So that messages stay short, each holds only
the points since the one before and what no other process knows; the driver keeps the curve of each running trial.
"""

import math
import time
from collections.abc import Mapping
from typing import Any

from mnist_sweep.training import row_builder
from mnist_sweep.training.trial_progress import Heartbeat
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import TIME, Evaluation, TrialRow
from mnist_sweep.trials.value_format import ACCURACY

SECONDS_UNTIL_NAMED = 1.0  # since a message costs a few milliseconds of the driver's time


class EvaluationSender:
    """Makes, in a worker, the messages of one trial while it trains; no point is left out if there is a scheduler.

    `metric` names the value that the trial is judged by; `configured` are the arguments of
    `tensorflow_runtime.configure` in the process that trains, which may be a child; `worker` is that process, None this
    one. The first message names it.
    """

    def __init__(
        self,
        *,
        has_scheduler: bool,
        min_interval: float,
        metric: str = ACCURACY.val,
        configured: Mapping[str, Any] | None = None,
        worker: str | None = None,
    ) -> None:
        self._has_scheduler, self._min_interval, self._metric = has_scheduler, min_interval, metric
        self._start, self._last_message = time.monotonic(), -math.inf
        self._heartbeat = Heartbeat(0, 0)
        self._unsent: list[Evaluation] = []
        self._origin = {"origin": row_builder.origin(configured)} if has_scheduler else {}
        self._name = {"worker": worker or row_builder.worker()}

    def message(self, item: Evaluation | Heartbeat) -> dict[str, Any] | None:
        """Return the message on what a trial has yielded, or None if there is nothing to send now."""
        message = self._message(item)
        if message is None and time.monotonic() - self._start < SECONDS_UNTIL_NAMED:
            return None
        name, self._name = self._name, {}
        return {**(message or {}), **name} or None

    def _message(self, item: Evaluation | Heartbeat) -> dict[str, Any] | None:
        if isinstance(item, Heartbeat):
            self._heartbeat = item
            return {"note": item.note} if item.note else None
        if not self._has_scheduler:
            self._unsent.clear()
        self._unsent.append(item)
        if self._has_scheduler and item.val is not None:
            return self._points() | self._progress(item)
        now = time.monotonic()
        if now - self._last_message < self._min_interval:
            return None
        self._last_message = now
        return self._points()

    def _points(self) -> dict[str, Any]:
        message = {"points": [list(point) for point in self._unsent], **self._origin}
        self._unsent, self._origin = [], {}
        return message

    def _progress(self, point: Evaluation) -> dict[str, Any]:
        """Return what a scheduler decides by, and what a row needs if it stops the trial now."""
        parameters, own_seconds = self._heartbeat.parameters, point.seconds - self._heartbeat.inherited
        timing = row_builder.timing(time.monotonic() - self._start, own_seconds)
        return {self._metric: point.val, TIME: point.step, "parameters": parameters, "timing": timing}


class EvaluationReceiver:
    """Keeps, in the driver, the learning curve of one trial, and all that its row needs if a scheduler stops it."""

    def __init__(self) -> None:
        self._points: list[Evaluation] = []
        self._origin: Mapping[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._end = 0

    def receive(self, message: dict[str, Any]) -> Evaluation:
        """Take the points and what goes with them out of a message; return the last point."""
        points = [Evaluation(*point) for point in message.pop("points")]
        if "origin" in message:  # the first message since the trial started, or since it was retried
            self._points, self._origin = [], message.pop("origin")
        if self._origin:
            self._points += points
        if "timing" in message:
            self._facts, self._end = {name: message.pop(name) for name in ("parameters", "timing")}, len(self._points)
        return points[-1]

    def stopped_row(self, trial: TrialConfig) -> TrialRow | None:
        """Return the row of the trial as of its last validation; None if no scheduler can have stopped it."""
        if not self._facts:
            return None
        return row_builder.stopped(trial, self._points[: self._end], origin=self._origin, **self._facts)
