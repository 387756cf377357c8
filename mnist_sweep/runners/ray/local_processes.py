"""The processes of a Ray that is started here: they end with this one, and a start that cannot succeed ends soon.

A busy machine starts slowly, so a process that still runs is waited for longer than one that hangs.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mnist_sweep.runners.ray import private, retries
from mnist_sweep.runners.ray.raylet_guard import RayletGuard
from mnist_sweep.system import machine, refused_exits

SECONDS_TO_START = 14.0  # of the GCS, then of the raylet; longer on a busy machine, as Ray itself waits 30 s for each
MAX_SECONDS_TO_START = 30.0
SECONDS_TO_HANG = 7.0  # without running at all, while Ray starts; even an idle GCS or raylet runs many times a second
SECONDS_TO_HANG_LATER = 30.0  # where a disk that stalls may hold one up, and its end costs more
SECONDS_TO_RAISE = 5.0  # after a process has ended while Ray starts; Ray's native code may wait for it for 60 s
SECONDS_TO_LEAVE = 10.0  # after a process has ended later: native code in which the driver is may wait for it, too
SECONDS_BETWEEN_LOOKS = 0.5
KILLS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
SECONDS_BETWEEN_SIGNS = 0.01  # of a raylet, before Ray connects to it


@contextlib.contextmanager
def kept_local() -> Iterator["LocalProcesses"]:
    """Keep a Ray that is started in the body on loopback, and let it end with this process, however that ends.

    Its processes are in groups of their own: a signal to the group of the run, as a terminal sends it, pauses trials.
    Unless it is leaving, this process ends if it hangs since one of Ray's has ended.
    """
    processes = LocalProcesses()
    replacements = {
        private.HAS_READ_LOOPBACK: False,
        private.POPEN: processes.start,
        private.GCS_PORT: processes.gcs_port,
        private.GET_NODE: processes.node,
        private.CORE_WORKER: processes.core_worker,
        **{name: processes.client_of(name) for name in private.GCS_CLIENTS},
    }
    with private.replaced(replacements), processes.ending, processes.watched():
        yield processes


class LocalProcesses:
    """The processes of a local Ray; `ending` is a context at whose end all have ended.

    While Ray is ended (`is_leaving`), this process stays even if it hangs.
    """

    def __init__(self) -> None:
        self.ending, self.is_leaving = contextlib.ExitStack(), False
        names = private.POPEN, private.GCS_PORT, private.GET_NODE, private.CORE_WORKER
        self._popen, self._gcs_port, self._get_node, self._core_worker = map(private.found, names)
        self._started: dict[str, Any] = {}
        self._guard: RayletGuard | None = None
        self._asked_since: dict[str, float] = {}
        self._hung: set[str] = set()
        self._port: Any = None
        self._is_starting = False

    def start(self, command: Sequence[str], **options: Any) -> Any:
        """Start one, in Ray's place."""
        process = self._popen(command, **{**options, "process_group": 0})
        self.ending.callback(_end_group, process)
        name = Path(command[0]).name
        self._started[name] = process
        if name == "raylet":
            self._guard = self.ending.enter_context(RayletGuard(process.pid, self._popen))
        return process

    def gcs_port(self, *arguments: Any, timeout_ms: int) -> Any:
        """Return the port of the GCS, once it has one."""
        while True:
            try:
                limit = min(timeout_ms, int(1000 * SECONDS_BETWEEN_LOOKS))
                self._port = self._gcs_port(*arguments, timeout_ms=limit)
                return self._port
            except RuntimeError:
                self._check("gcs_server")

    def node(self, *arguments: Any) -> Any:
        """Return what Ray knows of the node that has been started; it asks again until it knows something."""
        self._check("raylet")
        return self._get_node(*arguments)

    def core_worker(self, *arguments: Any, **options: Any) -> Any:
        """Connect this process to a raylet that is seen to run.

        Native code does that and holds the GIL, so nothing here could end a wait of 30 s for one that hangs.
        """
        self._check("raylet")
        raylet = self._started.get("raylet")
        ran = machine.active_nanoseconds(raylet.pid) if raylet else None
        while raylet and ran is not None and machine.active_nanoseconds(raylet.pid) == ran:
            time.sleep(SECONDS_BETWEEN_SIGNS)
            self._check("raylet")
        line = f"error: {retries.broken_ray('raylet')}"
        with self._guard.printing(line) if self._guard else contextlib.nullcontext():
            return self._core_worker(*arguments, **options)

    def client_of(self, name: str) -> Callable[..., Any]:
        """Return what creates a client of the GCS in place of Ray's class with this name."""
        create = private.found(name)
        return lambda *arguments, **options: _Client(create(*arguments, **options), self._require_running)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Start Ray in the body."""
        self._is_starting = True
        try:
            yield
        finally:
            self._is_starting = False

    def cause_of_end(self) -> str | None:
        """Return how a vital process has ended, or None."""
        return next(filter(None, map(self._end_of, private.VITAL_PROCESSES)), None)

    def was_killed(self) -> bool:
        """Return whether a vital process has been ended by a signal; told to end, the GCS exits with status 0."""
        ended = (self._started[name].poll() for name in private.VITAL_PROCESSES if name in self._started)
        return any(status is not None and -status in (0, *KILLS) for status in ended)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Kill a vital process that hangs in a run, so that Ray breaks down as it does without one.

        One that hangs while Ray starts is left alone, since native code that waits for it says nothing until it ends.
        """
        end = threading.Event()
        watching = threading.Thread(target=self._watch, args=[end], daemon=True)
        watching.start()
        try:
            yield
        finally:
            end.set()
            watching.join()

    def _watch(self, end: threading.Event) -> None:
        looks = {name: _Looks() for name in private.VITAL_PROCESSES}
        seconds_ended = 0.0
        while not end.wait(SECONDS_BETWEEN_LOOKS):
            limit = SECONDS_TO_HANG if self._is_starting else SECONDS_TO_HANG_LATER
            for name, process in [*self._started.items()]:
                if name not in looks or process.poll() is not None:
                    continue
                is_closed = name == "gcs_server" and self._port and not self._is_starting and self._is_closed()
                if not is_closed and looks[name].seconds_idle(process.pid) <= limit:
                    self._hung.discard(name)  # it may have gone on
                    continue
                self._hung.add(name)
                if not self._is_starting:
                    process.kill()
            ended = self._first_ended()
            seconds_ended += SECONDS_BETWEEN_LOOKS if ended and not self.is_leaving else -seconds_ended
            if ended and seconds_ended > (SECONDS_TO_RAISE if self._is_starting else SECONDS_TO_LEAVE):
                cause = self._end_of(ended) or ""
                error = retries.NotStartedError(cause) if self._is_starting else retries.broken_ray(ended)
                if self._guard:
                    self._guard.print_nothing()
                refused_exits.end_process(str(error))

    def _is_closed(self) -> bool:
        """Return whether the GCS accepts no connection any more, as when it was terminated: it runs on for 30 s."""
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=SECONDS_BETWEEN_LOOKS).close()
        except OSError as error:
            return isinstance(error, ConnectionRefusedError)
        return False

    def _require_running(self) -> None:
        if ended := self._first_ended():
            raise TimeoutError(self._end_of(ended)) if self._is_starting else retries.BrokenRay(ended)

    def _check(self, name: str) -> None:
        if ended := self._first_ended():
            raise TimeoutError(self._end_of(ended))
        now, busy = time.monotonic(), os.getloadavg()[0] / (os.cpu_count() or 1)
        limit = min(SECONDS_TO_START * max(1.0, busy), MAX_SECONDS_TO_START)
        if now > self._asked_since.setdefault(name, now) + limit:
            raise TimeoutError(f"its {name} did not start within {limit:.0f} s")

    def _first_ended(self) -> str | None:
        return next(filter(self._end_of, private.VITAL_PROCESSES), None)

    def _end_of(self, name: str) -> str | None:
        """Return how a process has ended, or None."""
        process = self._started.get(name)
        if name in self._hung:
            return f"its {name} hangs"
        if process is None or process.poll() is None:
            return None
        return f"its {name} has ended with status {process.returncode}"


class _Client:
    """A client of the GCS, with no call to one that has ended: native code would wait for it and end this process."""

    def __init__(self, client: Any, require_running: Callable[[], None]) -> None:
        self._client, self._require_running = client, require_running

    def __getattr__(self, name: str) -> Any:
        self._require_running()
        return getattr(self._client, name)


class _Looks:
    """Looks at a process, one every `SECONDS_BETWEEN_LOOKS`; a time in which this process was suspended has none."""

    def __init__(self) -> None:
        self._num_idle, self._last = 0, -1

    def seconds_idle(self, pid: int) -> float:
        """Return for how long the process has neither run nor waited for a CPU; 0 if that is unknown."""
        found = machine.active_nanoseconds(pid)
        self._num_idle = self._num_idle + 1 if found == self._last else 0
        self._last = -1 if found is None else found
        return self._num_idle * SECONDS_BETWEEN_LOOKS


def _end_group(leader: Any) -> None:
    with contextlib.suppress(ProcessLookupError):  # Ray has ended it
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()
