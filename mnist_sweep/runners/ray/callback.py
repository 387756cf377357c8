"""What the driver hears from Tune, told to the observer of the run; and the end of a run that is asked to end."""

import dataclasses
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ray import tune

from mnist_sweep.errors import ResourceError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.row_json import from_json
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.training.row_builder import failed
from mnist_sweep.trials.artifacts import SavedModel
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation

SECONDS_TO_PAUSE = 10.0
OUT_OF_MEMORY = "ResourceExhaustedError"


class RunEnded(Exception):  # noqa: N818 (it is no error)
    """Takes the driver out of Tune: every trial that ran when the run was asked to end is paused, or had its time."""


class TuneCallback(tune.Callback):  # type: ignore[misc]  # Ray brings no types
    """Tells an observer what Tune hears.

    Args:
        trials: The trials by id.
        observer: Whom to tell.
        said: Lines in which Ray says what becomes of its nodes.
        shares_gpus: Whether trials share a card.

    Attributes:
        error: What ended the run before its last trial, or None.
        crowded: Trials that ran out of memory on a card that they share; their rows are not told.
        paused: Trials whose workers took the run for ended, though it goes on.
    """

    def __init__(
        self, trials: Mapping[str, TrialConfig], observer: Observer, said: SimpleQueue[str], *, shares_gpus: bool
    ) -> None:
        self.error: BaseException | None = None
        self.crowded: list[str] = []
        self.paused: list[str] = []
        self._shares_gpus = shares_gpus
        self._trials, self._observer, self._said = trials, observer, said
        self._running: set[str] = set()
        self._pausing: set[str] | None = None
        self._deadline = 0.0
        self._stopped: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that is never asked for

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Tell that a trial starts."""
        self._running.add(name(trial))
        self._tell(self._observer.started, name(trial))

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
        """Tell what a worker's message holds; large things are taken out of it, lest Tune keeps them."""
        self._tell(self._pass_on, name(trial), result)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Tell the row of a trial that a scheduler stopped."""
        row = self._stopped.pop(name(trial), None)
        if row and name(trial) in self._running:
            self._tell(self._finish, name(trial), row)

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Tell that a trial lost its worker and is tried again."""
        self._tell(self._check_node, trial)
        self._tell(self._observer.noted, name(trial), f"is tried again, for {_lost(trial)}")

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Tell that a trial lost its worker once too often."""
        self._tell(self._check_node, trial)
        self._running.discard(name(trial))
        row = failed(self._trials[name(trial)], error=_lost(trial))
        self._tell(self._observer.finished, dataclasses.replace(row, worker=None))  # `failed` names this process

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        """Tell what Ray has said; end the run if it is asked to end and its trials are paused."""
        while not self._said.empty():
            self._tell(self._observer.noted, None, self._said.get())
        if not self._observer.is_ending():
            return
        if self._pausing is None:
            self._pausing, self._deadline = set(self._running), time.monotonic() + SECONDS_TO_PAUSE
        if not self._pausing & self._running or time.monotonic() > self._deadline:
            self.error = RunEnded()
            raise self.error

    def _check_node(self, trial: Any) -> None:
        """Do nothing if a lost trial's node has what workers import.

        Raises:
            ResourceError: It has not: it would take trial after trial, and lose them all.
        """
        told = _told(trial)
        node, missing = re.search(r"\bip=([^\s,)]+)", told), re.search(r"^ModuleNotFoundError: .+", told, re.MULTILINE)
        if missing:
            raise _lacks(node[1] if node else "of a worker", missing[0])

    def _pass_on(self, trial_id: str, result: dict[str, Any]) -> None:
        if "lacks" in result:
            raise _lacks(result["node"], result["lacks"])
        for kind in (SavedModel, Predictions):
            if kind.__name__ in result:
                self._observer.saved(trial_id, result.pop(kind.__name__).content)
        if result.get("note"):
            self._observer.noted(trial_id, result["note"])
        if "stopped" in result:
            self._stopped[trial_id] = result.pop("stopped")
        if "evaluation" in result:
            self._observer.evaluated(trial_id, Evaluation(*result["evaluation"]))
        if "paused" in result:
            self._running.discard(trial_id)
            if not self._observer.is_ending():
                self.paused.append(trial_id)
                self._observer.noted(trial_id, "goes on later, for the storage has lost the mark of this run")
        if "row" in result:
            self._finish(trial_id, result["row"])

    def _finish(self, trial_id: str, row: str) -> None:
        self._running.discard(trial_id)
        self._stopped.pop(trial_id, None)
        result = from_json(row)
        if self._shares_gpus and (result.error or "").startswith(OUT_OF_MEMORY):
            self.crowded.append(trial_id)
            self._observer.noted(trial_id, "ran out of its share of a card's memory; it is tried again alone on a card")
        else:
            self._observer.finished(result)

    def _tell(self, told: Callable[..., None], *what: Any) -> None:
        try:
            told(*what)
        except BaseException as error:  # Tune would wrap it in text; the run ends with the error itself
            self.error = error
            raise


def name(trial: Any) -> str:
    """Return the id of one of Tune's trials."""
    return str(json.loads(trial.config["trial"])["id"])


def _lost(trial: Any) -> str:
    """Return one line on why a trial brought no row: its worker died, or could not even read the trial."""
    lines = [line.strip() for line in _told(trial).splitlines()[1:] if line.strip()]
    if not lines:
        return "the worker was lost, and Ray says nothing about it"
    return lines[-1] if any(line.startswith("File ") for line in lines) else f"the worker was lost: {lines[0]}"


def _told(trial: Any) -> str:
    """Return what Ray says of the end of a trial that brought no row; nothing if it says nothing."""
    return Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""


def _lacks(node: str, error: str) -> ResourceError:
    return ResourceError(
        f"every node must have the packages that trials import, but the node {node} has not ({error}): install there "
        "what this machine has, or take the node out of the cluster, and run the same command again."
    )
