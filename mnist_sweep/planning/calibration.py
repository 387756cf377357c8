"""What the trials of a sweep cost on this machine: the stopwatch in as many processes as trials will run at a time.

A trial alone on one of two cores is faster than one of two side by side, so every process measures its share of the
kinds while the others measure theirs, and goes on after its last until it is ended. They are as nice to other processes
as Ray's workers are, so that a busy machine slows both alike. TensorFlow is loaded in these processes only. They tell
what they find in lines of JSON; nothing is pickled.
"""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from mnist_sweep.data import sources
from mnist_sweep.errors import ResourceError, SweepError
from mnist_sweep.planning import stopwatch
from mnist_sweep.planning.stopwatch import Cost, Unmeasurable
from mnist_sweep.system import machine
from mnist_sweep.training import runtime
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat
from mnist_sweep.trials.signature import graph_signature

PROGRAM = """
import os, sys
os.nice(int(sys.argv[2]))
sys.path.insert(0, sys.argv[1])
from mnist_sweep.planning.calibration import main
main()
"""
# What Ray adds to the niceness of its workers, unless the variable says otherwise.
NICENESS, RAY_NICENESS = "RAY_worker_niceness", "15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the trials of a sweep run on this machine.

    Attributes:
        runner: Name of the runner's class.
        num_workers: Trials at a time.
        threads: CPUs and threads of a trial.
        gpus: GPUs of a trial.
        xla: Whether gradients are compiled with XLA.
    """

    runner: str = "RayTune"
    num_workers: int = 1
    threads: int = 1
    gpus: float = 0.0
    xla: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was measured.

    Attributes:
        start: Seconds from the start of a process until it is ready for its first trial, on average.
        costs: What a trial costs, by its kind.
        failures: Why trials of a kind bring no result, in one line, by their kind.
    """

    start: float
    costs: Mapping[Hashable, Cost]
    failures: Mapping[Hashable, str]

    @property
    def memory(self) -> int:
        """The most that one process held for itself, in bytes."""
        return max((cost.memory for cost in self.costs.values()), default=0)

    @property
    def shared_memory(self) -> int:
        """What all processes share, in bytes."""
        return max((cost.shared_memory for cost in self.costs.values()), default=0)

    @property
    def gpu_memory(self) -> int:
        """The most that one process held on its GPU, in bytes; 0 without one."""
        return max((cost.gpu_memory for cost in self.costs.values()), default=0)


def way_here(runner: str, *, threads: int, gpus: float, xla: bool, max_concurrent: int | None, num_trials: int) -> Way:
    """Return how trials run on this machine.

    Args:
        runner: Name of the runner's class.
        threads: CPUs and threads of a trial.
        gpus: GPUs of a trial.
        xla: Whether gradients are compiled with XLA.
        max_concurrent: Trials at a time at the most; None means as many as there is room for.
        num_trials: How many can run at a time at the most.

    Raises:
        ResourceError: Not even one fits this machine.
    """
    size = (float(machine.num_cpus()), float(machine.num_gpus() if gpus else 0))
    room = machine.total_capacity([size], cpus_per_trial=threads, gpus_per_trial=gpus) if runner == "RayTune" else 1
    num_workers = min(room, max_concurrent or room, num_trials)
    return Way(runner=runner, num_workers=num_workers, threads=threads, gpus=gpus, xla=xla)


def kind(config: TrialConfig) -> Hashable:
    """Return what the time of a step depends on: trials of a kind differ in numbers and in their schedule alone."""
    return graph_signature(config)


def calibrate(trials: Iterable[TrialConfig], way: Way, *, code: Sequence[Path] = ()) -> Calibration:
    """Measure one trial of each kind, in processes of their own.

    Args:
        trials: What is to run.
        way: How it is to run.
        code: Folders that the trials' own models and data sets are imported from.

    Raises:
        SweepError: TensorFlow cannot be set up as asked, or a data set cannot be loaded.
    """
    kinds: dict[Hashable, TrialConfig] = {}
    for trial in trials:
        kinds.setdefault(kind(trial), trial)
    names = list(kinds)
    shares = [names[worker :: way.num_workers] or [names[worker % len(names)]] for worker in range(way.num_workers)]
    starts: list[float] = []
    costs: dict[Hashable, list[Cost]] = defaultdict(list)
    failures: dict[Hashable, str] = {}
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(_process(worker, [kinds[name] for name in share], way, code))
            for worker, share in enumerate(shares)
        ]
        for share, messages in zip(shares, running, strict=True):
            starts += [begun["start"] for begun in [next(messages)] if "start" in begun]
            for name, message in zip(share, messages, strict=False):
                if "cost" in message:
                    costs[name].append(Cost(**message["cost"]))
                else:
                    failures[name] = message["failure"]
    return Calibration(
        start=statistics.fmean(starts or [0.0]),
        costs={name: _mean(costs[name]) for name in names if name in costs and name not in failures},
        failures=failures,
    )


def _mean(costs: Sequence[Cost]) -> Cost:
    """Return the mean of what several processes measured, and the most memory that one of them held."""
    fields = {
        field.name: statistics.fmean(getattr(cost, field.name) for cost in costs) for field in dataclasses.fields(Cost)
    }
    most = {
        name: max(getattr(cost, name) for cost in costs) for name in ("images", "memory", "shared_memory", "gpu_memory")
    }
    return Cost(**{**fields, **most})


@contextlib.contextmanager
def _process(
    worker: int, trials: Sequence[TrialConfig], way: Way, code: Sequence[Path]
) -> Iterator[Iterator[dict[str, Any]]]:
    """Start a process that measures trials one after the other; give its messages; end it with the body."""
    task = {
        "started": time.time(),
        "code": [str(folder) for folder in code],
        "options": {"threads": way.threads, "gpus": way.gpus, "xla": way.xla},
        "trials": [to_flat(trial) for trial in trials],
    }
    niceness = os.environ.get(NICENESS, RAY_NICENESS) if way.runner == "RayTune" else "0"
    command = [sys.executable, "-P", "-c", PROGRAM, str(Path(__file__).parents[2]), niceness]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as told,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
    ):
        json.dump(task, told)
        told.seek(0)
        process = subprocess.Popen(  # noqa: S603 (no shell, our own words)
            command,
            stdin=told,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **_cards(worker, way.gpus)},
        )
        with process:
            try:
                yield _messages(process, errors)
            finally:
                process.kill()


def _cards(worker: int, gpus: float) -> dict[str, str]:
    """Return the environment that shows a process the GPUs that Ray would give it."""
    if not gpus:
        return {}
    first = worker // int(1 / gpus) if gpus < 1 else worker * int(gpus)
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(first, first + max(1, int(gpus)))))}


def _messages(process: "subprocess.Popen[str]", errors: TextIO) -> Iterator[dict[str, Any]]:
    for line in cast(TextIO, process.stdout):
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            raise ResourceError(message["error"])
        yield message
    status = process.wait()
    errors.seek(0)
    last = (errors.read().strip().splitlines() or ["it left no message"])[-1]
    killed = f"its process was ended by signal {-status}, as it is when memory runs out"
    while True:
        yield {"failure": killed if status < 0 else last}


def main() -> None:
    """Be one of the processes: read a task from standard input, and tell each measurement in a line."""
    parent = os.getppid()
    task = json.load(sys.stdin)
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a model of the user's prints

    def tell(**message: Any) -> None:
        print(json.dumps(message), file=told, flush=True)

    sys.path += [folder for folder in task["code"] if folder not in sys.path]
    try:
        runtime.configure(**task["options"])
        trials = [from_flat(flat) for flat in task["trials"]]
        datasets = {trial.data: stopwatch.part(sources.load(trial.data)) for trial in trials}
    except SweepError as error:
        tell(error=str(error))
        return
    tell(start=time.time() - task["started"])
    for trial in trials:
        try:
            tell(cost=dataclasses.asdict(stopwatch.cost(trial, datasets[trial.data])))
        except (SweepError, Unmeasurable) as error:
            tell(failure=str(error))
    with contextlib.suppress(SweepError, Unmeasurable):
        while os.getppid() == parent:
            stopwatch.cost(trials[-1], datasets[trials[-1].data])
