"""What does a run cost more if its live page is watched, by one viewer or by 20?

Viewers receive the events and draw nothing, as browsers elsewhere cost the run's machine nothing. Server and viewers
start before the run's clock does; the server's processor time is that while the run lasts.
"""

import functools
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from mnist_sweep import Local, Sweep, run
from tests.benchmarks.contest import OURS, Contest, Figures, Goal, Round
from tests.benchmarks.memory import memory
from tests.benchmarks.networks import SMALL
from tests.benchmarks.watch import served

ONE, MANY = "watched by 1", "watched by 20"
VIEWERS = """
import selectors, socket, sys
host, port, path, number = sys.argv[1:]
ready = selectors.DefaultSelector()
for _ in range(int(number)):
    viewer = socket.create_connection((host, int(port)))
    viewer.sendall(f"GET {path}events/new HTTP/1.1\\r\\nHost: {host}:{port}\\r\\n\\r\\n".encode())
    assert viewer.recv(4096)
    ready.register(viewer, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        key.fileobj.recv(1 << 20) or ready.unregister(key.fileobj)
"""


def unwatched(folder: Path, num_trials: int) -> Figures:
    """Run small trials in processes of this machine."""
    start = time.perf_counter()
    outcome = run(Sweep(name="watched", trials=SMALL[:num_trials]), results=folder, runner=Local())
    assert outcome.complete, outcome
    return {"seconds": round(time.perf_counter() - start, 3)}


def watched(number: int, folder: Path, num_trials: int) -> Figures:
    """Run them while so many viewers follow; return also processor seconds and peak memory of the server."""
    (folder / "watched").mkdir()
    with served(folder / "watched") as (server, url):
        place = urlsplit(url)
        command = [sys.executable, "-c", VIEWERS, str(place.hostname), str(place.port), place.path, str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as viewers:
            assert viewers.stdout is not None
            assert viewers.stdout.readline() == b"ready\n"
            time.sleep(3.0)  # until the server has imported all that it needs
            before = _processor(server.pid)
            figures = unwatched(folder, num_trials)
            spent = _processor(server.pid) - before
            peak = memory(str(server.pid)).peak
            assert viewers.poll() is None
            viewers.kill()
    return {**figures, "server_processor": round(spent, 2), "server_memory": round(peak, 1)}


def _processor(process: int) -> float:
    """Return the processor seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _share(contestant: str, figures: Round) -> float:
    one = figures[contestant]
    return one["server_processor"] / one["seconds"] / len(os.sched_getaffinity(0))


CONTEST = Contest(
    name="watched",
    work="the trials of `small_trials` in processes of this machine, watched or not",
    size=len(SMALL),
    contestants={OURS: unwatched, ONE: functools.partial(watched, 1), MANY: functools.partial(watched, 20)},
    goals=(
        Goal(says="watched / unwatched", of=lambda one: one[ONE]["seconds"] / one[OURS]["seconds"], at_most=1.01),
        Goal(says="with 20 viewers", of=lambda one: one[MANY]["seconds"] / one[OURS]["seconds"], at_most=1.01),
        Goal(says="share of the cores that the server takes", of=functools.partial(_share, ONE), at_most=0.01),
        Goal(says="with 20 viewers", of=functools.partial(_share, MANY), at_most=0.01),
    ),
)
