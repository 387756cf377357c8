from pathlib import Path

import pytest

from mnist_sweep import mark
from mnist_sweep.mark import Watch
from mnist_sweep.storage import Folder


def test_a_worker_sees_the_mark_and_that_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folder, "SECONDS_BETWEEN_LOOKS", 0.0)
    storage, name = Folder(tmp_path), mark.new()
    mark.place(storage, name)
    watch = Watch(storage, name)
    assert (watch.is_shared, watch.is_gone()) == (True, False)
    storage.delete(name)
    assert watch.is_gone()


def test_a_worker_that_never_saw_the_mark_does_not_take_it_for_gone(tmp_path: Path) -> None:
    watch = Watch(Folder(tmp_path), mark.new())
    assert (watch.is_shared, watch.is_gone()) == (False, False)


def test_marks_of_two_runs_differ_and_are_told_from_checkpoints() -> None:
    assert mark.new() != mark.new()
    assert mark.is_mark(mark.new())
    assert not mark.is_mark("checkpoints/abc-0.ckpt")
