"""Laws of the processes of a local Ray: none outlives this one, and one that cannot start is not waited for."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray._private import node, ray_constants, services

from mnist_sweep.runners.ray import local_processes, private, retries
from tests.system.test_child_main import wait_for_end

NAMES = private.POPEN, private.GCS_PORT, private.GET_NODE, private.CORE_WORKER, *private.GCS_CLIENTS
ORIGINAL = {name: private.found(name) for name in NAMES}  # at import


@pytest.fixture(autouse=True)
def ray_of_its_own() -> Iterator[None]:
    """Keep the processes of these tests from the session of Ray that other tests share, which would watch them, too."""
    with private.replaced(ORIGINAL):
        yield


def test_a_ray_that_was_imported_before_is_kept_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", True)
    with local_processes.kept_local():
        assert not ray_constants.ENABLE_RAY_CLUSTER
    assert ray_constants.ENABLE_RAY_CLUSTER


@pytest.fixture
def raylet(tmp_path: Path) -> str:
    """A program of that name, which does nothing."""
    (tmp_path / "raylet").symlink_to("/bin/sleep")
    return str(tmp_path / "raylet")


def busy(folder: Path, name: str) -> list[str]:
    """Return the command of a program of this name that runs all the time."""
    (folder / name).symlink_to("/bin/sh")
    return [str(folder / name), "-c", "while :; do :; done"]


@pytest.mark.parametrize("num_contexts", [1, 2])
def test_processes_of_ray_are_in_groups_of_their_own_and_end_with_the_context(raylet: str, num_contexts: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(num_contexts):
            stack.enter_context(local_processes.kept_local())
        processes = [services.ConsolePopen([name, "300"]) for name in ("/bin/sleep", raylet)]
        groups = {os.getpgid(process.pid) for process in processes}
        assert groups == {process.pid for process in processes}
    assert [process.wait() for process in processes] == [-signal.SIGKILL] * 2


def test_a_raylet_and_its_agents_end_when_this_process_is_killed(raylet: str) -> None:
    body = f"""
import os, signal
from ray._private import services
from mnist_sweep.runners.ray import local_processes
with local_processes.kept_local():
    print(services.ConsolePopen([{raylet!r}, "300"]).pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    wait_for_end(int(ended.stdout))


def test_a_raylet_that_has_ended_is_not_waited_for(raylet: str) -> None:
    with local_processes.kept_local():
        services.ConsolePopen([raylet, "0"]).wait()
        with pytest.raises(TimeoutError, match="its raylet has ended with status 0"):
            services.get_node("127.0.0.1:1", "id")


def test_a_raylet_that_hangs_is_not_connected_to_nor_killed_while_native_code_waits_for_it(
    raylet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_processes, "SECONDS_TO_HANG_LATER", 300.0)
    monkeypatch.setattr(local_processes, "SECONDS_TO_HANG", 0.5)
    with (
        private.replaced({private.CORE_WORKER: object}),
        local_processes.kept_local() as processes,
        processes.starting(),
    ):
        hanging = services.ConsolePopen([raylet, "300"])
        with pytest.raises(TimeoutError, match="its raylet hangs"):
            list(iter(private.found(private.CORE_WORKER), None))  # again and again: it has run while it started
        assert hanging.poll() is None
    assert hanging.wait() == -signal.SIGKILL


def test_a_raylet_that_hung_and_runs_again_is_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_processes, "SECONDS_TO_HANG", 0.5)
    with (
        private.replaced({private.CORE_WORKER: object}),
        local_processes.kept_local() as processes,
        processes.starting(),
    ):
        raylet = services.ConsolePopen(busy(tmp_path, "raylet"))
        raylet.send_signal(signal.SIGSTOP)
        with pytest.raises(TimeoutError, match="its raylet hangs"):
            list(iter(private.found(private.CORE_WORKER), None))
        raylet.send_signal(signal.SIGCONT)
        deadline, connected = time.monotonic() + 60, None
        while connected is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            with contextlib.suppress(TimeoutError):
                connected = private.found(private.CORE_WORKER)()


def test_a_raylet_that_has_ended_is_not_connected_to(raylet: str) -> None:
    with local_processes.kept_local():
        services.ConsolePopen([raylet, "0"]).wait()
        with pytest.raises(TimeoutError, match="its raylet has ended with status 0"):
            private.found(private.CORE_WORKER)()


@pytest.mark.parametrize("name", private.GCS_CLIENTS)
def test_no_gcs_is_asked_after_a_process_has_ended(raylet: str, name: str) -> None:
    with private.replaced({name: lambda _: SimpleNamespace(ask=lambda: 1)}), local_processes.kept_local() as processes:
        client = private.found(name)("address")
        assert client.ask() == 1
        services.ConsolePopen([raylet, "0"]).wait()
        with pytest.raises(retries.BrokenRay, match="raylet"):
            client.ask()
        with processes.starting(), pytest.raises(TimeoutError, match="its raylet has ended with status 0"):
            client.ask()


@pytest.mark.parametrize(
    ("seconds", "end", "was_killed"), [("0", 0, True), ("300", 15, True), ("300", 6, False), ("x", 0, False)]
)
def test_a_process_was_killed_if_it_was_told_to_end_not_if_it_failed(
    raylet: str, seconds: str, end: int, was_killed: bool
) -> None:
    with local_processes.kept_local() as processes:
        started = services.ConsolePopen([raylet, seconds], stderr=subprocess.DEVNULL)
        assert not (seconds == "300" and processes.was_killed())
        started.send_signal(end)
        started.wait()
        assert processes.was_killed() == was_killed


def test_a_process_that_runs_and_does_not_start_is_waited_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_processes, "SECONDS_TO_HANG", 0.5)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(local_processes, "SECONDS_TO_START", 3.0)
    with local_processes.kept_local():
        gcs = services.ConsolePopen(busy(tmp_path, "gcs_server"))
        with pytest.raises(TimeoutError, match=r"its gcs_server did not start within 3 s"):
            node.wait_for_persisted_port(str(tmp_path), "a" * 56, "gcs_server_port", timeout_ms=30_000)
        assert gcs.poll() is None


def test_a_raylet_that_runs_is_connected_to(tmp_path: Path) -> None:
    def core_worker(*arguments: object, **options: object) -> object:
        return arguments, options

    with private.replaced({private.CORE_WORKER: core_worker}), local_processes.kept_local():
        services.ConsolePopen(busy(tmp_path, "raylet"))
        assert private.found(private.CORE_WORKER)(1, mode=2) == ((1,), {"mode": 2})


@pytest.mark.parametrize(("program", "cause"), [("300", "hangs"), ("0", "has ended with status 0")])
def test_a_start_that_hangs_without_a_process_ends_in_one_line(raylet: str, program: str, cause: str) -> None:
    body = f"""
import time
from ray._private import services
from mnist_sweep.runners.ray import local_processes
local_processes.SECONDS_TO_HANG = local_processes.SECONDS_TO_RAISE = 0.5
with local_processes.kept_local() as processes, processes.starting():
    services.ConsolePopen([{raylet!r}, {program!r}])
    time.sleep(600)  # as Ray's native code does
"""
    ended = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, timeout=300, check=False)
    message = f"error: Ray could not be started on this machine (its raylet {cause}): use --runner local, which needs"
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith(message)


def test_a_process_that_hangs_in_a_run_is_killed_later(raylet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_processes, "SECONDS_TO_HANG", 300.0)
    monkeypatch.setattr(local_processes, "SECONDS_TO_HANG_LATER", 0.5)
    with local_processes.kept_local():
        assert services.ConsolePopen([raylet, "300"]).wait() == -signal.SIGKILL


def test_a_gcs_that_listens_no_more_is_killed_as_it_runs_on_once_terminated(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with private.replaced({private.GCS_PORT: lambda *_, **__: port}), local_processes.kept_local() as processes:
            gcs = services.ConsolePopen(busy(tmp_path, "gcs_server"))
            assert private.found(private.GCS_PORT)(timeout_ms=1) == port
            with pytest.raises(subprocess.TimeoutExpired):
                gcs.wait(1)
            assert not processes.was_killed()
            server.close()
            assert gcs.wait() == -signal.SIGKILL
            assert processes.was_killed()
