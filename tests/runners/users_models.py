"""Models of a user's own that end the process in which they are built."""

import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep import Softmax


@dataclass(frozen=True)
class Ending:
    """Ends its process, in a way that is named, or not at all; counts its builds in a file."""

    how: str = ""
    file: str = ""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        if self.file:
            with Path(self.file).open("a", encoding="utf-8") as file:
                file.write("1")
        if self.how:
            getattr(self, f"_{self.how}")()
        return Softmax().build(image_shape, num_classes)

    def _leave(self) -> None:
        sys.exit("no GPU")

    def _exit(self) -> None:
        os._exit(0)

    def _interrupt(self) -> None:
        raise KeyboardInterrupt

    def _abort(self) -> None:
        os.abort()

    def _crash(self) -> None:
        ctypes.string_at(0)

    def _kill(self) -> None:
        signal.raise_signal(signal.SIGKILL)

    def _exit_in_a_thread(self) -> None:
        threading.Thread(target=lambda: os._exit(0)).start()
        time.sleep(60)

    def _fork(self) -> None:
        os.fork()


@dataclass(frozen=True)
class Training:
    """Trains itself, and ends its process as an `Ending` does."""

    how: str = ""

    def train(self, context: Any) -> None:
        getattr(Ending(), f"_{self.how}")()
