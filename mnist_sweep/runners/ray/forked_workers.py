"""Workers of a Ray that is started here: forks of one process, which imports TensorFlow once, while Ray starts.

Ray runs this file in place of its own worker script. It asks the process for a fork that becomes the worker, and where
it gets none, it becomes the worker itself. These forks are safe because nothing has been computed before: TensorFlow
starts its threads with its first operation. A worker ends with its parent even where it waits in native code, for a
minute, for a GCS that has ended.
"""

import contextlib
import gc
import importlib
import itertools
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SOCKET, WORKER = "MNIST_SWEEP_WORKER_SOCKET", "MNIST_SWEEP_WORKER_MODULE"
RAYLET, JOB = "RAY_RAYLET_PID", "RAY_JOB_ID"  # read by Ray's native code only once
FIRST_JOB = "01000000"
PACKAGES = ("ray.tune", "mnist_sweep.runners.ray.worker", "mnist_sweep.runners.trial_process")
CODE = """\
import sys
sys.path[:] = {path!r}
from mnist_sweep.runners.ray import forked_workers
forked_workers.serve({server}, {parent})
"""
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
SECONDS_TO_FORK = 90.0  # of which nearly all is TensorFlow's import; half of what the raylet waits for a worker
DRAWS = 1000  # of ids of one fork, more than a worker draws
OOM_SCORE = Path("/proc/self/oom_score_adj")  # by which the raylet lets the system end a worker before itself


@contextlib.contextmanager
def prepared(worker_module: str, threads: int) -> Iterator[dict[str, str] | None]:
    """Run the process while the body does; give the environment variables by which workers find it.

    They are None where there can be no socket, as in a temporary folder with a long name.

    Args:
        worker_module: Ray's own worker script.
        threads: Threads of a trial, which numerical libraries read when they are imported.
    """
    temporary = tempfile.TemporaryDirectory(
        prefix="mnist-sweep-", dir=os.environ.get("RAY_TMPDIR"), ignore_cleanup_errors=True
    )
    with temporary as folder, socket.socket(socket.AF_UNIX) as server:
        path = str(Path(folder) / "socket")
        try:
            server.bind(path)
        except OSError:
            yield None
            return
        server.listen(socket.SOMAXCONN)
        folders = [folder for folder in sys.path if isinstance(folder, str)]
        code = CODE.format(path=folders, server=server.fileno(), parent=os.getpid())
        process = subprocess.Popen(  # noqa: S603 # no shell
            [sys.executable, "-P", "-c", code],
            env={"OMP_NUM_THREADS": str(threads), **os.environ},  # as Ray sets it for a worker
            pass_fds=[server.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        server.close()  # so that no worker waits for a process that has ended
        with process:
            try:
                yield {SOCKET: path, WORKER: worker_module}
            finally:
                process.kill()


def announce(variables: Mapping[str, str], raylet: int) -> None:
    """Let the process with these variables import Ray for workers of the raylet with this process id."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    environment |= {RAYLET: str(raylet), JOB: FIRST_JOB}
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        _send(connection, variables[SOCKET], {"environment": environment}, [])


def _send(connection: socket.socket, path: str, request: Mapping[str, Any], streams: Sequence[int]) -> None:
    connection.connect(path)
    socket.send_fds(connection, [b"."], streams)
    connection.sendall(json.dumps(request).encode() + b"\n")


def serve(descriptor: int, parent: int) -> None:
    """Import what workers need, and become a worker in each fork that is asked for, until the parent ends."""
    _end_with(parent)
    from mnist_sweep.training import tensorflow_runtime

    tensorflow_runtime.load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no fork that has ended is waited for
    known: Mapping[str, str] = {}
    with socket.socket(fileno=descriptor) as server:
        for number in itertools.count():
            connection, _ = server.accept()
            with connection:
                _, streams, *_ = socket.recv_fds(connection, 1, 3)
                request = json.loads(connection.makefile().readline() or "{}")  # of one that has ended since it asked
                environment = request.get("environment", {})
                if request and not known:
                    _import_ray(known := environment)
                own = os.getpid()
                is_alike = all(known.get(name) == environment.get(name) for name in (RAYLET, JOB))
                if "arguments" in request and is_alike and os.fork() == 0:
                    _end_with(own)
                    _become(streams, **request)
                    _draw(number * DRAWS)
                    connection.sendall(b".")
                    break
            for one in streams:
                os.close(one)
    runpy.run_module(os.environ[WORKER], run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    """End this process with its parent, however that ends."""
    import ctypes

    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _import_ray(environment: Mapping[str, str]) -> None:
    """Import Ray as in this environment of a worker."""
    os.environ.update(environment)
    gc.disable()
    for name in PACKAGES:
        importlib.import_module(name)
    gc.freeze()  # no collection in a worker has to look at them, and so copy their pages
    gc.enable()


def _become(
    streams: Sequence[int],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    group: int,
    niceness: int,
    oom_score: str,
) -> None:
    """Take over what the process has that Ray started, in whose place this fork works."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, group)
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    os.environ.update(environment)  # which has all that the run's has; TensorFlow's import has set others
    os.chdir(folder)
    os.nice(niceness - os.nice(0))
    OOM_SCORE.write_text(oom_score)
    sys.argv[1:] = arguments
    importlib.import_module("numpy").random.seed()  # Python's own generator is seeded by a fork


def _draw(num: int) -> None:
    """Draw ids by the generator of Ray's native code, whose state is that of its other forks otherwise.

    Two workers that start at once would give one id to an object each, on which Ray ends one of them.
    """
    draw = importlib.import_module("ray").NodeID.from_random
    for _ in range(num):
        draw()


def ask() -> bool:
    """Return whether a fork has become the worker that Ray started this process to be."""
    _end_with(int(os.environ[RAYLET]))
    with contextlib.suppress(KeyError, OSError), socket.socket(socket.AF_UNIX) as connection:
        request = {
            "arguments": sys.argv[1:],
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "group": os.getpgrp(),
            "niceness": os.nice(0),
            "oom_score": OOM_SCORE.read_text(),
        }
        connection.settimeout(SECONDS_TO_FORK)
        _send(connection, os.environ[SOCKET], request, [0, 1, 2])
        return connection.recv(1) == b"."
    return False


if __name__ == "__main__" and not ask():
    os.execv(sys.executable, [sys.executable, "-P", "-m", os.environ[WORKER], *sys.argv[1:]])  # noqa: S606 # no shell
