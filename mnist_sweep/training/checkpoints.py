"""Checkpoints of trials in training: one for each, from which a trial resumes to the same bits.

A checkpoint is an `.npz` archive behind a digest of itself, replaced atomically, so that a crash leaves the previous
one. It holds arrays and JSON only; nothing is unpickled. A trial does not resume from a checkpoint of another version,
processor or configuration of TensorFlow, since its row would be of neither: one that is damaged, or was made under
another identity, raises CheckpointError. A storage that is full or cannot be reached raises LedgerError; a trial can do
without a checkpoint.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any

import numpy as np

from mnist_sweep.errors import CheckpointError, DataError, LedgerError
from mnist_sweep.system import npz
from mnist_sweep.system.storage import Storage
from mnist_sweep.text.lines import one_line
from mnist_sweep.training.trial_progress import TrainingState
from mnist_sweep.trials.row import Evaluation

Arrays = Mapping[str, np.ndarray[Any, Any]]

FOLDER = "checkpoints"
STATE = "state"
DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass
class Checkpoints:
    """The checkpoint of one trial, replaced at intervals.

    Attributes:
        seconds: Interval between two checkpoints, in seconds of the worker's clock.
        identity: What a trial must share with a checkpoint in order to resume from it.
        start: Name of the final state of a shorter trial whose steps this one shares, or None.
        end: Name for its own final state, from which longer trials start, or None.
    """

    storage: Storage
    trial_id: str
    _: KW_ONLY
    seconds: float
    identity: Mapping[str, Any]
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        self._next = time.monotonic() + self.seconds

    def exist(self) -> bool:
        """Return whether the trial has a checkpoint."""
        return self.storage.exists(name(self.trial_id))

    def is_due(self) -> bool:
        """Return whether it is time to write a checkpoint."""
        return time.monotonic() >= self._next

    def save(self, state: TrainingState, arrays: Arrays) -> None:
        """Write the checkpoint; the previous one stays until the new one is complete."""
        self._next = time.monotonic() + self.seconds
        content = to_bytes(state, arrays, {"trial_id": self.trial_id, **self.identity})
        self.storage.write(name(self.trial_id), content, "checkpoint")

    def load(self) -> tuple[TrainingState, dict[str, np.ndarray[Any, Any]]] | None:
        """Return the state in which the trial resumes or starts, and its arrays by name; None without a checkpoint."""
        content = self.storage.read(name(self.trial_id))
        if content is not None:
            return from_bytes(content, {"trial_id": self.trial_id, **self.identity})
        content = self.storage.read(self.start) if self.start else None
        if content is None:
            return None
        state, arrays = from_bytes(content, {"end": self.start, **self.identity})
        state.inherit()
        return state, arrays

    def save_end(self, state: TrainingState, arrays: Arrays) -> None:
        """Write the final state for longer trials to start from, if it has a name."""
        if self.end:
            self.storage.write(self.end, to_bytes(state, arrays, {"end": self.end, **self.identity}), "checkpoint")


def resumed(checkpoints: Checkpoints | None, restore: Callable[[Any], object]) -> tuple[TrainingState, str | None]:
    """Return the state in which a trial begins, once its arrays are restored, and a note for the user."""
    try:
        found = checkpoints.load() if checkpoints else None
        if found is None:
            return TrainingState(), None
        state, arrays = found
        restore(arrays)
    except (CheckpointError, LedgerError) as error:
        return TrainingState(), f"starts over: {error}"
    return state, f"resumes at step {state.step}"


def name(trial_id: str) -> str:
    """Return the name of a trial's checkpoint in its storage."""
    return f"{FOLDER}/{trial_id}.ckpt"


def to_bytes(state: TrainingState, arrays: Arrays, identity: Mapping[str, Any]) -> bytes:
    """Return the content of a checkpoint file."""
    return _packed({"identity": identity, "course": asdict(state)}, arrays)


def _packed(value: Mapping[str, Any], arrays: Arrays) -> bytes:
    text = json.dumps(value).encode()
    content = npz.to_bytes({STATE: np.frombuffer(text, np.uint8), **arrays}, compressed=False)
    return hashlib.sha256(content).digest() + content


def _unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    digest, archive = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(archive).digest() != digest:
        raise CheckpointError("its checkpoint is damaged")
    arrays = npz.read(io.BytesIO(archive), max_bytes=len(archive))
    return json.loads(arrays.pop(STATE).tobytes()), arrays


def renamed(content: bytes, trial_id: str) -> tuple[int, bytes]:
    """Return the step of a checkpoint, and its content as that of another trial, which shares the steps up to there."""
    value, arrays = _unpacked(content)
    return value["course"]["step"], _packed(value | {"identity": value["identity"] | {"trial_id": trial_id}}, arrays)


def from_bytes(content: bytes, identity: Mapping[str, Any]) -> tuple[TrainingState, dict[str, np.ndarray[Any, Any]]]:
    """Return the state and the arrays in the content of a checkpoint file."""
    try:
        value, arrays = _unpacked(content)
        found, state = dict(value["identity"]), TrainingState(**value["course"])
        state.history = [Evaluation(*point) for point in state.history]
    except CheckpointError:
        raise
    except (DataError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"this version cannot read its checkpoint ({one_line(error)})") from error
    names = sorted(key for key in found.keys() | identity.keys() if found.get(key, ...) != identity.get(key, ...))
    if names:
        raise CheckpointError(f"its checkpoint was written with a different {', '.join(names)}")
    return state, arrays
