import multiprocessing
import time
from typing import Any

from mnist_sweep.runners.process_pool import Pool, Task


class Process:
    """A process that sends what a test sends for it, and keeps how it was ended."""

    def __init__(self) -> None:
        self.connection, self.sender = multiprocessing.Pipe(duplex=False)
        self.ended: list[str] = []

    def end(self) -> None:
        self.ended.append("end")

    def kill(self) -> None:
        self.ended.append("kill")

    def receiving(self, number: int) -> Task:
        received: list[Any] = []
        while len(received) < number:
            if self.connection.poll():
                received.append(self.connection.recv())
            yield
        return received


def test_a_process_that_sends_something_is_followed_at_once_and_a_silent_one_once_a_second() -> None:
    looks: list[float] = []
    chatty, silent = Process(), Process()

    def looking() -> Task:
        while True:
            looks.append(time.monotonic())
            yield

    with Pool() as pool:
        pool.start(silent, looking())  # type: ignore[arg-type]  # it stands for one
        for number in range(100):
            chatty.sender.send(number)
        assert pool.result(chatty, chatty.receiving(100)) == [*range(100)]  # type: ignore[arg-type]  # as above
        assert len(looks) < 10
        assert (len(pool), len(pool.idle)) == (2, 1)
        num_looks = len(looks)
        while len(looks) == num_looks:
            pool.wait()
        assert looks[-1] - looks[-2] > 0.5
    assert (chatty.ended, silent.ended) == (["end"], ["kill", "end"])


def test_a_task_without_a_process_is_never_waited_for() -> None:
    class Here(Process):
        connection: Any = None

        def __init__(self) -> None:
            self.ended = []

    with Pool() as pool:
        start = time.monotonic()
        assert pool.result(Here(), (None for _ in range(1000))) is None  # type: ignore[arg-type]  # it stands for one
        assert time.monotonic() - start < 60
