"""Checkpoints of trials in training: one for each, from which a trial goes on to the same bits.

A checkpoint is an `.npz` archive behind a digest of itself, written whole, so that a crash in the middle leaves the one
before. It holds arrays and JSON only, and nothing of it is ever unpickled. One of another version, processor or
configuration of TensorFlow is not gone on from, since the row would be of neither.
"""

import hashlib
import io
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import CheckpointError, DataError
from mnist_sweep.system import npz
from mnist_sweep.system.storage import Storage
from mnist_sweep.text.lines import one_line
from mnist_sweep.training import state as courses
from mnist_sweep.training.state import TrainingState

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

FOLDER = "checkpoints"
STATE = "state"
DIGEST_BYTES = hashlib.sha256().digest_size


class Checkpoints:
    """The checkpoint of one trial, written anew every so many seconds.

    Args:
        storage: Where it lies.
        trial_id: Whose it is.
        seconds: Seconds between two of them, in the worker's own time.
        identity: What a trial must share with its checkpoint in order to go on from it.
        start: Name of the end of a shorter trial that this one begins as, or None.
        end: Name for its own end, where longer trials go on, or None.
    """

    def __init__(
        self,
        storage: Storage,
        trial_id: str,
        *,
        seconds: float,
        identity: Mapping[str, Any],
        start: str | None = None,
        end: str | None = None,
    ) -> None:
        self._storage, self._name = storage, name(trial_id)
        self._seconds, self._identity = seconds, {"trial_id": trial_id, **identity}
        self._start, self._end, self._shared = start, end, identity
        self._next = time.monotonic() + seconds

    def exist(self) -> bool:
        """Return whether there is one."""
        return self._storage.exists(self._name)

    def is_due(self) -> bool:
        """Return whether it is time to write one."""
        return time.monotonic() >= self._next

    def save(self, course: TrainingState, arrays: "Arrays") -> None:
        """Write the checkpoint; the one before stays until it is whole.

        Raises:
            LedgerError: The storage is full or cannot be reached; the trial may go on without.
        """
        self._next = time.monotonic() + self._seconds
        self._storage.write(self._name, to_bytes(course, arrays, self._identity), "checkpoint")

    def load(self) -> "tuple[TrainingState, dict[str, np.ndarray[Any, Any]]] | None":
        """Return where the trial was, or begins, and its arrays by name; None if it has no checkpoint.

        Raises:
            CheckpointError: It is damaged, or made elsewise.
            LedgerError: The storage cannot be reached.
        """
        content = self._storage.read(self._name)
        if content is not None:
            return from_bytes(content, self._identity)
        content = self._storage.read(self._start) if self._start else None
        if content is None:
            return None
        course, arrays = from_bytes(content, {"end": self._start, **self._shared})
        course.inherit()
        return course, arrays

    def save_end(self, course: TrainingState, arrays: "Arrays") -> None:
        """Write where longer trials go on, if that is asked for.

        Raises:
            LedgerError: The storage is full or cannot be reached; longer trials start over then.
        """
        if self._end:
            self._storage.write(self._end, to_bytes(course, arrays, {"end": self._end, **self._shared}), "checkpoint")


def name(trial_id: str) -> str:
    """Return the name of a trial's checkpoint in its storage."""
    return f"{FOLDER}/{trial_id}.ckpt"


def to_bytes(course: TrainingState, arrays: "Arrays", identity: Mapping[str, Any]) -> bytes:
    """Return a checkpoint as a file's content."""
    import numpy as np

    state = json.dumps({"identity": identity, "course": courses.to_json_value(course)})
    content = npz.to_bytes({STATE: np.frombuffer(state.encode(), np.uint8), **arrays}, compressed=False)
    return hashlib.sha256(content).digest() + content


def from_bytes(content: bytes, identity: Mapping[str, Any]) -> "tuple[TrainingState, dict[str, np.ndarray[Any, Any]]]":
    """Return the course and the arrays of a file's content.

    Raises:
        CheckpointError: It is damaged, or of another identity.
    """
    digest, archive = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(archive).digest() != digest:
        raise CheckpointError("its checkpoint is damaged")
    try:
        arrays = npz.read(io.BytesIO(archive))
        state = json.loads(arrays.pop(STATE).tobytes())
        made, course = dict(state["identity"]), courses.from_json_value(state["course"])
    except (DataError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"its checkpoint is not one of this version ({one_line(error)})") from error
    names = sorted(key for key in made.keys() | identity.keys() if made.get(key, ...) != identity.get(key, ...))
    if names:
        raise CheckpointError(f"its checkpoint was made with another {', '.join(names)}")
    return course, arrays
