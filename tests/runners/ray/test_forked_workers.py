"""Laws of forked workers: each is what Ray started, with TensorFlow imported, and none is waited for in vain."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.runners.ray import forked_workers, private
from tests.system.test_child_main import wait_for_end

WORKER = """
import json, os, sys
import numpy
said = {
    "tensorflow": "tensorflow" in sys.modules, "arguments": sys.argv[1:], "folder": os.getcwd(),
    "own": os.environ["OWN"], "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"), "group": os.getpgrp() != os.getpid(),
    "draw": numpy.random.random(), "id": "ray" in sys.modules and sys.modules["ray"].NodeID.from_random().hex(),
    "num_threads": len([
        one for one in os.listdir("/proc/self/task") if "jemalloc" not in open(f"/proc/self/task/{one}/comm").read()
    ]),
}
print(json.dumps(said), flush=True)
"""

STARTING = """
import os, time
print(os.getpid(), flush=True)
time.sleep(600)  # as Ray's native code waits for a GCS that has ended
"""
RAYLET = """
import os, subprocess, sys
os.environ["RAY_RAYLET_PID"] = str(os.getpid())
subprocess.run([sys.executable, sys.argv[1]])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the script of a worker, as a module."""
    (tmp_path / "worker_of_a_test.py").write_text(WORKER)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def worker(folder: Path, variables: dict[str, str], *arguments: str, job: str = "01000000") -> dict[str, Any]:
    """Start a worker as a raylet does, and return what it prints."""
    own = {
        "OWN": str(arguments),
        "PYTHONPATH": str(folder),
        forked_workers.RAYLET: str(os.getpid()),
        forked_workers.JOB: job,
    }
    command = [sys.executable, forked_workers.__file__, *arguments]
    done = subprocess.run(
        command, env=os.environ | variables | own, cwd=folder, capture_output=True, text=True, check=False
    )
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["arguments"] == [*arguments]
    assert said["folder"] == str(folder)
    assert said["own"] == str(arguments)
    return said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux only")
def test_a_worker_is_a_fork_with_tensorflow_and_without_threads_unless_it_is_of_another_job(folder: Path) -> None:
    with forked_workers.prepared("worker_of_a_test", 1) as variables:
        assert variables is not None
        with socket.socket(socket.AF_UNIX) as killed:
            killed.connect(variables[forked_workers.SOCKET])  # by a worker that asks for nothing any more
        first, second = worker(folder, variables, "first"), worker(folder, variables, "--second=2", "x y")
        other = worker(folder, variables, job="02000000")
    assert [one["tensorflow"] for one in (first, second, other)] == [True, True, False]
    assert first["num_threads"] == second["num_threads"] == 1
    assert first["onednn"] == "1"
    assert first["group"]  # of what the raylet has started, which it kills
    assert first["draw"] != second["draw"]
    assert first["id"] != second["id"]  # by which Ray takes two objects for one, and ends a worker


def test_a_worker_starts_as_ray_starts_it_where_no_process_answers(folder: Path) -> None:
    said = worker(folder, {forked_workers.SOCKET: str(folder / "none"), forked_workers.WORKER: "worker_of_a_test"})
    assert not said["tensorflow"]


def test_a_worker_does_not_wait_for_a_process_that_has_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_workers, "CODE", "raise SystemExit  # {path} {server} {parent}")
    with forked_workers.prepared("worker_of_a_test", 1) as variables:
        assert variables is not None
        assert not worker(folder, variables)["tensorflow"]


def test_a_worker_does_not_wait_for_a_process_that_hangs(tmp_path: Path) -> None:
    variables = {forked_workers.SOCKET: str(tmp_path / "socket"), forked_workers.RAYLET: str(os.getpid())}
    ask = "from mnist_sweep.runners.ray import forked_workers as f; f.SECONDS_TO_FORK = 0.1; assert not f.ask()"
    with socket.create_server(variables[forked_workers.SOCKET], family=socket.AF_UNIX):
        subprocess.run([sys.executable, "-c", ask], env=os.environ | variables, check=True)


def test_there_are_no_forks_where_the_temporary_folder_has_a_long_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("a" * 100)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    with forked_workers.prepared(private.WORKER_MODULE, 1) as variables:
        assert variables is None


@pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux only")
@pytest.mark.parametrize("forks", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_worker_that_starts_ends_with_the_run(folder: Path, forks: bool) -> None:
    (folder / "worker_of_a_test.py").write_text(STARTING)
    variables = {forked_workers.WORKER: "worker_of_a_test", "PYTHONPATH": str(folder)}
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(forked_workers.prepared("worker_of_a_test", 1)) if forks else None
        command, environment = [sys.executable, "-c", RAYLET, forked_workers.__file__], os.environ | variables
        environment |= (found or {}) | {forked_workers.JOB: forked_workers.FIRST_JOB}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as raylet:
            assert raylet.stdout
            worker = int(raylet.stdout.readline())
            raylet.kill()
    wait_for_end(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux only")
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "ended"])
def test_the_process_ends_with_the_run(kill: bool) -> None:
    body = f"""
import os, signal, subprocess
from mnist_sweep.runners.ray import forked_workers
start = subprocess.Popen
def started(*arguments, **options):
    process = start(*arguments, **options)
    print(process.pid, flush=True)
    return process
subprocess.Popen = started
with forked_workers.prepared("this", 1):
    if {kill}:
        import time
        time.sleep(1)  # it imports TensorFlow meanwhile
        os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False)
    assert run.returncode == (-signal.SIGKILL if kill else 0)
    wait_for_end(int(run.stdout))
