from pathlib import Path

import pytest

from mnist_sweep.results import run_marker
from mnist_sweep.results.run_marker import MarkerWatch
from mnist_sweep.system.storage import Folder


def test_a_worker_sees_the_mark_and_that_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folder, "SECONDS_BETWEEN_LOOKS", 0.0)
    storage, name = Folder(tmp_path), run_marker.new(tmp_path)
    run_marker.place(storage, name)
    watch = MarkerWatch(storage, name)
    assert (watch.is_shared, watch.is_gone()) == (True, False)
    storage.delete(name)
    assert watch.is_gone()


def test_a_worker_that_never_saw_the_mark_does_not_take_it_for_gone(tmp_path: Path) -> None:
    watch = MarkerWatch(Folder(tmp_path), run_marker.new(tmp_path))
    assert (watch.is_shared, watch.is_gone()) == (False, False)


def test_a_worker_that_cannot_reach_the_storage_does_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "long").symlink_to("long")
    watch = MarkerWatch(Folder(tmp_path / "long"), run_marker.new(tmp_path))
    assert (watch.is_shared, watch.is_gone()) == (False, False)


def test_marks_of_two_runs_differ_and_are_told_from_checkpoints(tmp_path: Path) -> None:
    assert run_marker.new(tmp_path) != run_marker.new(tmp_path)
    assert run_marker.is_mark(run_marker.new(tmp_path))
    assert not run_marker.is_mark("checkpoints/abc-0.ckpt")


def test_marks_tell_the_results_folder_of_their_run(tmp_path: Path) -> None:
    name = run_marker.new(tmp_path / "a")
    assert run_marker.is_of(name, tmp_path / "b" / ".." / "a")
    assert not run_marker.is_of(name, tmp_path / "b")
