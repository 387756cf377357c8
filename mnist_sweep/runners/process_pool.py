"""Processes that work side by side, each on one task at a time, all followed by the thread that called the runner.

A task is a generator that yields None whenever it waits for its process, so that no other one is kept waiting. The
pools of the standard library have threads of their own, lose all processes with one, and cannot pause what they run.
"""

import time
from collections.abc import Generator
from multiprocessing import connection
from typing import Any, Self

from mnist_sweep.runners.trial_process import ThisProcess, TrialProcess
from mnist_sweep.system.child_process import SECONDS_BETWEEN_SIGNS

Task = Generator[None, None, Any]
Process = TrialProcess | ThisProcess


class Pool:
    """Processes, and the tasks of those that are busy; a context, at whose end all of them have ended.

    Attributes:
        idle: The processes without a task.
    """

    def __init__(self) -> None:
        self.idle: list[Process] = []
        self._tasks: dict[Process, Task] = {}
        self._next_sign = 0.0

    def __len__(self) -> int:
        return len(self.idle) + len(self._tasks)

    def start(self, process: Process, task: Task) -> None:
        """Start a task of a process, which was idle or is new."""
        self.idle = [one for one in self.idle if one is not process]
        self._tasks[process] = task
        self._advance(process)

    def wait(self) -> None:
        """Advance the tasks whose processes have sent something, and all tasks once a second."""
        seconds = self._next_sign - time.monotonic()
        connections: dict[Any, Process] = {process.connection: process for process in self._tasks}
        if seconds > 0 and None not in connections:
            ready = [connections[one] for one in connection.wait(connections, seconds)]
        else:
            ready, self._next_sign = [*self._tasks], time.monotonic() + SECONDS_BETWEEN_SIGNS
        for process in ready:
            self._advance(process)

    def result(self, process: Process, task: Task) -> Any:
        """Run a task to its end, while the others continue, and return what it returns."""
        results = []

        def kept() -> Task:
            results.append((yield from task))

        self.start(process, kept())
        while process in self._tasks:
            self.wait()
        return results[0]

    def _advance(self, process: Process) -> None:
        try:
            next(self._tasks[process])
        except StopIteration:
            del self._tasks[process]
            self.idle.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._tasks:  # what they do is not needed any more
            process.kill()
        for process in (*self._tasks, *self.idle):
            process.end()
