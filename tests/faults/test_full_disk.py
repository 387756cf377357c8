"""A disk that fills up ends a run in one line, and the same command goes on after space is made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_sweep.results.ledger import Ledger

SCRIPT = """\
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=20, evaluate_every=2)
SWEEP = Sweep(name="full", trials=repeat(BASE, seeds=20))
if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with room for some rows."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system mounts no tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def run(folder: Path, results: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "full.py", "--runner", "local", "--keep-models", "none", "--results", str(results)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on_after_space_is_made(
    tmp_path: Path, disk: Path, figures: Callable[[Path], tuple[str, str]]
) -> None:
    (tmp_path / "full.py").write_text(SCRIPT)
    ended = run(tmp_path, disk)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert "cannot be written (No space left on device): make space" in ended.stderr
    rows = Ledger(disk / "full").rows()  # whole, every one
    assert 0 < len(rows) < 20
    kept = {path: path.stat().st_mtime_ns for path in (disk / "full" / "rows").glob("*.json")}
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
    assert run(tmp_path, disk).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert run(tmp_path, tmp_path / "whole").returncode == 0
    assert figures(disk / "full") == figures(tmp_path / "whole" / "full")
