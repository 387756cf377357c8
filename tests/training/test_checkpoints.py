import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep.errors import CheckpointError
from mnist_sweep.system.storage import Folder
from mnist_sweep.training import checkpoints
from mnist_sweep.training.checkpoints import Checkpoints, from_bytes, to_bytes
from mnist_sweep.training.trial_progress import TrainingState
from mnist_sweep.trials.row import Evaluation
from tests.system.test_npz import zipped

POINT = Evaluation(20, 0.1 + 0.2, 1 / 3, None, None, 1e-4, 1.5)
TAKEN = {"setup": 0.1, "train": 0.1 + 0.2, "evaluate": 1 / 3}
COURSE = TrainingState(step=27, first=20, loss_sum=0.1 + 0.7, num_correct=99, history=[POINT])
ARRAYS = {"model/0": np.array([[1.5, -0.0], [np.nan, 1e-45]], np.float32), "good_steps": np.array(3, np.int32)}
IDENTITY = {"trial_id": "a-0", "version": "1"}


def test_a_checkpoint_is_read_back_bit_for_bit() -> None:
    written = replace(COURSE, seconds=TAKEN)
    course, arrays = from_bytes(to_bytes(written, ARRAYS, IDENTITY), IDENTITY)
    assert course == written
    assert {name: (array.dtype, array.tobytes()) for name, array in arrays.items()} == {
        name: (array.dtype, array.tobytes()) for name, array in ARRAYS.items()
    }


def test_every_cut_and_every_flipped_bit_is_noticed() -> None:
    content = to_bytes(COURSE, ARRAYS, IDENTITY)
    for length in range(0, len(content), 7):
        with pytest.raises(CheckpointError, match="damaged"):
            from_bytes(content[:length], IDENTITY)
    for place in range(0, len(content), 5):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(CheckpointError, match="damaged"):
            from_bytes(bytes(flipped), IDENTITY)


def test_a_checkpoint_of_something_else_is_refused_by_what_differs() -> None:
    content = to_bytes(COURSE, ARRAYS, IDENTITY)
    with pytest.raises(CheckpointError, match=r"written with a different version$"):
        from_bytes(content, IDENTITY | {"version": "2"})
    with pytest.raises(CheckpointError, match=r"written with a different trial_id$"):
        from_bytes(content, {"version": "1"})


@pytest.mark.parametrize(
    "state",
    [
        *({}, [], 3, {"identity": None, "course": {}}, {"identity": IDENTITY}, {"identity": IDENTITY, "course": None}),
        {"identity": IDENTITY, "course": {"unheard_of": 1}},
        {"identity": IDENTITY, "course": {"history": [[1, 2]]}},
        {"identity": IDENTITY, "course": {"history": 3}},
    ],
)
def test_a_checkpoint_whose_state_is_another_versions_is_refused(state: Any) -> None:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{checkpoints.STATE: np.frombuffer(json.dumps(state).encode(), np.uint8)})
    with pytest.raises(CheckpointError, match=r"^this version cannot read its checkpoint \(.+\)$"):
        from_bytes(hashlib.sha256(file.getvalue()).digest() + file.getvalue(), IDENTITY)


@pytest.mark.parametrize("archive", [b"", b"text", zipped(b"a note")])
def test_a_checkpoint_that_is_no_archive_of_arrays_is_refused(archive: bytes) -> None:
    with pytest.raises(CheckpointError, match="this version cannot read its checkpoint"):
        from_bytes(hashlib.sha256(archive).digest() + archive, IDENTITY)


def test_a_trial_that_begins_at_the_end_of_another_has_taken_no_time_of_its_own(tmp_path: Path) -> None:
    def trial(name: str, **ends: str) -> Checkpoints:
        return Checkpoints(Folder(tmp_path), name, seconds=1e9, identity={}, **ends)

    taken = {"setup": 1.0, "train": 2.0, "evaluate": 4.0}
    trial("a-0", end="x").save_end(replace(COURSE, seconds=taken), ARRAYS)
    second = trial("b-0", start="x", end="y")
    course, _ = begun(second)
    assert course == replace(COURSE, inherited=7.0)
    second.save(replace(course, seconds=taken), ARRAYS)
    assert begun(second)[0] == replace(course, seconds=taken)  # what is its own stays so when it goes on
    second.save_end(replace(course, seconds=taken), ARRAYS)
    assert begun(trial("c-0", start="y"))[0] == replace(COURSE, inherited=14.0)


def begun(trial: Checkpoints) -> Any:
    found = trial.load()
    assert found is not None
    return found


def test_a_trial_has_one_checkpoint_and_it_is_due_by_the_clock(tmp_path: Path) -> None:
    kept = Checkpoints(Folder(tmp_path), "a-0", seconds=1e9, identity={})
    assert not kept.is_due()
    assert kept.load() is None
    assert not kept.exist()
    for _ in range(2):
        kept.save(COURSE, ARRAYS)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == [checkpoints.name("a-0")]
    assert kept.exist()
    assert Checkpoints(Folder(tmp_path), "a-0", seconds=0, identity={}).is_due()
