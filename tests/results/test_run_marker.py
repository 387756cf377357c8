from pathlib import Path

import pytest

from mnist_sweep.results import run_marker
from mnist_sweep.results.run_marker import RunMonitor
from mnist_sweep.system.storage import Folder


def test_a_worker_sees_the_marker_and_that_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folder, "SECONDS_BETWEEN_LOOKS", 0.0)
    storage, name = Folder(tmp_path), run_marker.new_name(tmp_path)
    run_marker.write(storage, name)
    monitor = RunMonitor(storage, name)
    assert (monitor.is_shared, monitor.has_ended()) == (True, False)
    storage.delete(name)
    assert monitor.has_ended()


def test_a_worker_that_never_saw_the_marker_does_not_take_the_run_for_ended(tmp_path: Path) -> None:
    monitor = RunMonitor(Folder(tmp_path), run_marker.new_name(tmp_path))
    assert (monitor.is_shared, monitor.has_ended()) == (False, False)


def test_a_worker_that_cannot_reach_the_storage_does_without_it(tmp_path: Path) -> None:
    (tmp_path / "long").symlink_to("long")
    monitor = RunMonitor(Folder(tmp_path / "long"), run_marker.new_name(tmp_path))
    assert (monitor.is_shared, monitor.has_ended()) == (False, False)


def test_markers_of_two_runs_differ_and_are_told_from_checkpoints(tmp_path: Path) -> None:
    assert run_marker.new_name(tmp_path) != run_marker.new_name(tmp_path)
    assert run_marker.is_marker(run_marker.new_name(tmp_path))
    assert not run_marker.is_marker("checkpoints/abc-0.ckpt")


def test_a_marker_names_the_results_folder_of_its_run(tmp_path: Path) -> None:
    name = run_marker.new_name(tmp_path / "a")
    assert run_marker.belongs_to(name, tmp_path / "b" / ".." / "a")
    assert not run_marker.belongs_to(name, tmp_path / "b")
