"""What Ray runs in a worker: one trial after the other, reported to the driver in small dictionaries.

A message holds `points` (of the learning curve, with what `evaluation_messages` adds), `note`, `worker` (that runs the
trial), `paused`, `missing_package` (and the `node` that lacks it), `notes` (which every worker may send), `unshared`
(that it does not see the storage), `refused` (why no trial may train), or `row` with the trained model and the
predictions.
"""

import collections
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import DataError, ProcessLostError, SweepError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.row_json import to_json
from mnist_sweep.results.run_marker import RunMonitor
from mnist_sweep.runners.ray import sent_data
from mnist_sweep.runners.ray.evaluation_messages import EvaluationSender
from mnist_sweep.runners.trial import Item, pausable, steps, storage_of
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.names import Flat
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks.models_to_check import Candidate
from mnist_sweep.training.checks.sample import Sample
from mnist_sweep.training.row_builder import failed
from mnist_sweep.training.trial_progress import Paused
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig, from_flat, has_custom_training, to_flat, trial_id
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.value_format import ACCURACY

if TYPE_CHECKING:
    from mnist_sweep.runners.trial_process import TrialProcess

UNSHARED = (
    "some machines do not see the storage {}: their trials write no checkpoints, and logs of theirs stay there; "
    "name a folder or bucket that all machines see (--storage)"
)
Messages = Generator[dict[str, Any], None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What all trials of a worker have in common.

    Attributes:
        datasets: The data sets, or Ray's references to what `sent_data` makes of them.
        runtime: Arguments of `tensorflow_runtime.configure`.
        code: Folders to import the user's code from.
        definitions: What `shipping.pack` returned.
        has_scheduler: Whether a scheduler may stop trials, so that no validation is left out.
        min_interval: Seconds between two messages on a learning curve that no scheduler needs.
        new_process: Returns a process for trials of the user's own code, from `runtime` and `definitions`.
        models: The models to check before any trial trains: a trial that has it, and a sample of its data.
    """

    datasets: Sequence[Any]
    runtime: Mapping[str, Any]
    code: Sequence[str]
    definitions: bytes
    artifacts: Artifacts | None
    has_scheduler: bool
    min_interval: float
    new_process: "Callable[[Mapping[str, Any], bytes], TrialProcess]"
    models: Sequence[tuple[Flat, Sample]] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Payload:
    """A value that is too large to be formatted for Tune's log, as each message is, whether there is a log or not."""

    content: SavedModel | Predictions


def trainable(settings: WorkerSettings) -> Any:
    """Return the class that Tune runs in a worker; made here, so that it is sent by value and the rest by name."""
    from ray import tune

    class Trainable(tune.Trainable):
        def setup(self, config: dict[str, Any]) -> None:
            # With Ray's handler, which raises SystemExit, the trial would fail instead of losing its worker.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.process = settings.new_process(settings.runtime, settings.definitions)
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            from mnist_sweep.runners.ray import worker

            self.messages = worker.messages(new_config["trial"], settings, self.process)
            return True

        def step(self) -> dict[str, Any]:
            return next(self.messages)

        def save(self, checkpoint_dir: str | None = None) -> Any:
            from mnist_sweep.runners.ray import worker

            worker.pause(self.messages)
            return SimpleNamespace(checkpoint=None)  # of Tune's: the trial starts anew, and finds its own

        def cleanup(self) -> None:
            self.process.end()

    return Trainable


def trial_text(trial: TrialConfig, dataset: int) -> str:
    """Return the JSON text by which a worker gets a trial and the number of its data set."""
    return json.dumps({"id": trial_id(trial), "flat": to_flat(trial), "dataset": dataset})


def pause(messages: Messages) -> None:
    """Let a trial write its checkpoint and end, as Tune asks for where a scheduler pauses it."""
    with contextlib.suppress(Paused, StopIteration):
        messages.throw(Paused())
        collections.deque(messages, maxlen=0)


def messages(text: str, settings: WorkerSettings, process: "TrialProcess") -> Messages:
    """Run the trial of a JSON text: yield messages to the driver; the last one is `done`.

    A trial of the user's own code runs in a child process, so that Ray does not take its end for that of the worker.
    """
    import ray

    sys.path += [folder for folder in settings.code if folder not in sys.path]
    try:
        shipping.unpack(settings.definitions)
        yield from _messages(json.loads(text), settings, process)
    except ImportError as error:  # one of a model that is built becomes a row
        yield {"missing_package": first_cause(error), "node": ray.util.get_node_ip_address(), "done": True}


def _messages(spec: Mapping[str, Any], settings: WorkerSettings, process: "TrialProcess") -> Messages:
    import ray

    trial, given = from_flat(spec["flat"]), settings.datasets[spec["dataset"]]
    is_own = has_custom_training(trial)
    try:
        if is_own:
            process.start()
        else:
            tensorflow_runtime.configure(**settings.runtime)
        if isinstance(dataset := given, ray.ObjectRef):
            node, most = ray.util.get_node_ip_address(), tensorflow_runtime.MAX_DATASETS
            dataset = tensorflow_runtime.cached(
                "datasets", given, lambda: sent_data.received(ray.get(given), node), limit=most
            )
    except ProcessLostError:
        raise  # which Tune retries
    except DataError as error:
        yield {"refused": str(error), "done": True}
        return
    except SweepError as error:
        yield {"row": to_json(failed(trial, error=first_cause(error))), "done": True}
        return
    try:
        yield from _model_notes(settings.models, process)
    except ProcessLostError:
        raise
    except SweepError as error:  # of whatever kind, it ends the run, as on `Local`
        yield {"refused": str(error), "done": True}
        return
    running = (process.steps if is_own else steps)(trial, dataset, artifacts=settings.artifacts)
    yield from relay(running, settings, trial.measure.val, process.worker if is_own else None)


def _model_notes(models: Sequence[tuple[Flat, Sample]], process: "TrialProcess") -> Messages:
    """Check the models of the run, unless this worker has; yield notes on them, if only to say that none is refused.

    Every worker checks all of them, so that none trains anything if one is refused.
    """
    candidates = [Candidate(from_flat(flat), sample) for flat, sample in models]
    key = tuple(trial_id(candidate.config) for candidate in candidates)
    notes = tensorflow_runtime.cached("models of the run", key, lambda: process.check_models(candidates), limit=1)
    if models:
        yield {"notes": notes}


def relay(
    running: Generator[Item | None, None, TrialRow],
    settings: WorkerSettings,
    metric: str = ACCURACY.val,
    worker: str | None = None,
) -> Messages:
    """Turn what a running trial yields and returns into messages; pause it when its run has ended, or by `pause`.

    `worker` names the process that trains; None is this one.
    """
    artifacts = settings.artifacts
    monitor = RunMonitor(storage_of(artifacts), artifacts.run_marker) if artifacts and artifacts.run_marker else None
    if artifacts and monitor and not monitor.is_shared:
        yield {"unshared": UNSHARED.format(artifacts.storage)}
    sender = EvaluationSender(
        has_scheduler=settings.has_scheduler,
        min_interval=settings.min_interval,
        metric=metric,
        configured=settings.runtime,
        worker=worker,
    )
    saved: dict[str, Payload] = {}
    asked: list[Paused] = []
    items = pausable(running, lambda: bool(asked or (monitor and monitor.has_ended())))
    while True:
        try:
            item = next(items)
        except StopIteration as end:
            result = end.value
            break
        if isinstance(item, SavedModel | Predictions):
            saved[type(item).__name__] = Payload(item)
        elif item and (message := sender.message(item)):
            try:
                yield message
            except Paused as paused:
                asked.append(paused)
    if isinstance(result, TrialRow):
        yield {**saved, "row": to_json(result), "done": True}
    else:
        yield {"paused": True, "note": "; ".join(getattr(result, "__notes__", [])) or None, "done": True}
