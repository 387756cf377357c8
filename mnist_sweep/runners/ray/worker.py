"""What Ray runs in a worker: one trial after the other, told to the driver in small dictionaries.

A message holds `evaluation` (a point of the learning curve), `note`, `paused`, `lacks` (what cannot be imported on the
worker's `node`), or `row` and what goes with it. Tune writes each into a text for its log, whether it keeps one or not,
so what is large comes in a parcel.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_sweep.errors import SweepError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.row_json import to_json
from mnist_sweep.results.run_marker import RunMonitor
from mnist_sweep.runners.trial import pause, steps, storage_of
from mnist_sweep.training import runtime
from mnist_sweep.training.row_builder import failed, first_cause, stopped
from mnist_sweep.training.state import Heartbeat
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import from_flat
from mnist_sweep.trials.row import METRIC, TIME

KEPT_DATASETS = 2


@dataclass(frozen=True, slots=True, repr=False)
class Payload:
    """What is too large to be written into a text.

    Attributes:
        content: A trained model, or predictions.
    """

    content: SavedModel | Predictions


def trainable() -> Any:
    """Return the class that Tune runs in a worker; made here, so that it is sent by value and the rest by name."""
    from ray import tune

    class Trainable(tune.Trainable):  # type: ignore[misc]  # Ray brings no types
        def setup(self, config: dict[str, Any], shared: dict[str, Any]) -> None:
            self.shared = shared
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            from mnist_sweep.runners.ray import worker

            self.messages = worker.messages(new_config["trial"], **self.shared)
            return True

        def step(self) -> dict[str, Any]:
            return next(self.messages)

    return Trainable


def messages(text: str, **shared: Any) -> Iterator[dict[str, Any]]:
    """Run the trial of a JSON text as `_messages` does; say so if the worker's node lacks a package."""
    import ray

    try:
        yield from _messages(text, **shared)
    except ImportError as error:  # one of a model that is built becomes a row
        yield {"lacks": first_cause(error), "node": ray.util.get_node_ip_address(), "done": True}


def _messages(
    text: str,
    *,
    references: Sequence[Any],
    options: Mapping[str, Any],
    code: Sequence[str],
    artifacts: Artifacts | None,
    report_every: float,
    stoppable: bool,
) -> Iterator[dict[str, Any]]:
    """Run the trial of a JSON text: yield what the driver is to know, at last its row, or that it is paused.

    Args:
        text: The trial, its id, and the number of its data set.
        references: Ray's references to the data sets.
        options: Arguments of `runtime.configure`.
        code: Folders to import the user's code from.
        artifacts: What to leave behind.
        report_every: Seconds that must lie between two points.
        stoppable: Whether a scheduler may stop the trial: no evaluation is left out then, and with each comes the row
            that it would end with.
    """
    import ray

    sys.path += [folder for folder in code if folder not in sys.path]
    spec = json.loads(text)
    trial = from_flat(spec["flat"])
    reference = references[spec["dataset"]]
    try:
        runtime.configure(**options)
        dataset = runtime.cached("datasets", reference, lambda: ray.get(reference), limit=KEPT_DATASETS)
    except SweepError as error:
        yield {"row": to_json(failed(trial, error=first_cause(error))), "done": True}
        return
    running = steps(trial, dataset, artifacts=artifacts)
    watch = RunMonitor(storage_of(artifacts), artifacts.run_marker) if artifacts and artifacts.run_marker else None
    start, last_report = time.monotonic(), 0.0
    tick, points = Heartbeat(0, 0), []
    saved: dict[str, Payload] = {}
    while True:
        try:
            item = next(running)
        except StopIteration as end:
            yield {**saved, "row": to_json(end.value), "done": True}
            return
        if isinstance(item, SavedModel | Predictions):
            saved[type(item).__name__] = Payload(item)
        elif watch and watch.has_ended():
            yield {"paused": True, "note": pause(running), "done": True}
            return
        elif isinstance(item, Heartbeat):
            tick = item
            if item.note:
                yield {"note": item.note}
        else:
            points.append(item)
            if stoppable and item.val_accuracy is not None:
                seconds = time.monotonic() - start
                row = stopped(trial, points, parameters=tick.parameters, seconds=seconds, inherited=tick.inherited)
                told = {METRIC: item.val_accuracy, TIME: item.step}
                yield {"evaluation": list(item), "stopped": to_json(row), **told}
            elif time.monotonic() - last_report >= report_every:
                last_report = time.monotonic()
                yield {"evaluation": list(item)}
