"""Measures each kind of trial on this machine, in as many processes as trials will run at a time.

A trial that has two cores for itself runs faster than one of two side by side. So every process measures its share of
the kinds while the others measure theirs, and repeats its last one until all are done. The processes are as nice as
Ray's workers, so that a busy machine slows both alike. They alone load TensorFlow.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mnist_sweep.data import loading
from mnist_sweep.errors import ResourceError, SweepError
from mnist_sweep.planning import trial_measurement
from mnist_sweep.planning.trial_measurement import Calibration, TrialCost
from mnist_sweep.system import child_main, machine
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat
from mnist_sweep.trials.graph_sharing import graph_signature
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.user_code.definitions import own_definitions

if TYPE_CHECKING:
    from mnist_sweep.runners.local import Local
    from mnist_sweep.runners.ray.tune import RayTune

Flat = Mapping[str, Any]
SPAWN = multiprocessing.get_context("spawn")
# What Ray adds to the niceness of its workers, unless the variable says otherwise.
NICENESS, RAY_NICENESS = "RAY_worker_niceness", "15"
SAFE_PATH, HERE_ONLY = "PYTHONSAFEPATH", "of a measuring process, not of those that it starts"


def calibrate(trials: Iterable[TrialConfig], runner: "Local | RayTune", num_workers: int) -> Calibration:
    """Measure one trial of each kind: of all that share a graph, and so the time of a step.

    There must be at least one trial and one worker.

    Raises:
        ResourceError: A process cannot configure TensorFlow, load a data set or import a model.
    """
    kinds: dict[Hashable, TrialConfig] = {}
    for trial in trials:
        kinds.setdefault(graph_signature(trial), trial)
    keys = list(kinds)
    shares = [keys[worker::num_workers] or [keys[worker % len(keys)]] for worker in range(num_workers)]
    starts: list[float] = []
    costs: dict[Hashable, list[TrialCost]] = {key: [] for key in keys}
    failures: dict[Hashable, str] = {}
    with contextlib.ExitStack() as stack:
        definitions = shipping.pack(own_definitions(kinds.values()))
        tasks = [[to_flat(kinds[key]) for key in share] for share in shares]
        processes = [_process(runner, number, task, definitions) for number, task in enumerate(tasks)]
        workers = [stack.enter_context(process) for process in processes]
        for share, messages in zip(shares, workers, strict=True):
            starts += [start for start in [next(messages)] if isinstance(start, float)]
            for key, message in zip(share, messages, strict=False):
                if isinstance(message, TrialCost):
                    costs[key].append(message)
                else:
                    failures[key] = message
    means = {key: _mean(measured) for key, measured in costs.items() if key not in failures}
    return Calibration(start=statistics.fmean(starts or [0.0]), costs=means, failures=failures)


def _mean(costs: Sequence[TrialCost]) -> TrialCost:
    """Return the mean of the times that several processes measured, and the maximum of the rest."""
    combined: dict[str, Any] = {}
    for field in dataclasses.fields(TrialCost):
        values = [getattr(cost, field.name) for cost in costs]
        combined[field.name] = statistics.fmean(values) if field.type is float else max(values)
    return TrialCost(**combined)


@contextlib.contextmanager
def _process(
    runner: "Local | RayTune", number: int, flats: Sequence[Flat], definitions: bytes
) -> Iterator[Iterator[Any]]:
    """Start a process; yield an iterator over its messages; kill it at the end of the body."""
    receiver, sender = SPAWN.Pipe(duplex=False)
    with receiver, tempfile.NamedTemporaryFile() as log:
        arguments = (sender, log.name, runner, number, flats, definitions, time.monotonic())
        process = SPAWN.Process(target=_measure_all, args=arguments)  # a daemon could have no processes of its own
        try:
            with _isolated():
                process.start()
            sender.close()
            yield _messages(receiver, process, Path(log.name))
        finally:
            if process.pid is not None:
                process.kill()
                process.join()


@contextlib.contextmanager
def _isolated() -> Iterator[None]:
    """Start processes that import neither the main script nor from the working folder, and leave Ctrl-C to this one."""
    main, safe_path = sys.modules["__main__"], os.environ.get(SAFE_PATH)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    sys.modules["__main__"] = ModuleType("__main__")
    os.environ[SAFE_PATH] = safe_path or HERE_ONLY
    try:
        resource_tracker.ensure_running()  # before the signal is blocked, which it would undo
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        yield
    finally:
        sys.modules["__main__"] = main
        del os.environ[SAFE_PATH]
        os.environ |= {} if safe_path is None else {SAFE_PATH: safe_path}
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _messages(receiver: "Connection[None, Any]", process: BaseProcess, log: Path) -> Iterator[Any]:
    """Yield what a process sends; once it has died, yield the cause for each further trial."""
    with contextlib.suppress(EOFError, OSError):  # it died between two messages, or within one
        while True:
            message = receiver.recv()
            if isinstance(message, ResourceError):
                raise message
            yield message
    process.join()
    code = process.exitcode or 0
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    cause = lines[-1] if lines else f"its process ended with exit status {code}"
    while True:
        yield f"its process was killed by signal {-code}, as happens when memory runs out" if code < 0 else cause


def _measure_all(
    pipe: "Connection[Any, None]",
    log: str,
    runner: "Local | RayTune",
    number: int,
    flats: Sequence[Flat],
    definitions: bytes,
    start: float,
) -> None:
    """Send the seconds that the start of this process took, then a cost or the cause of a failure for each trial."""
    if parent := multiprocessing.parent_process():
        child_main.end_with_parent(pipe.fileno(), parent.pid or 0)
    with Path(log).open("w") as file:  # libraries and the user's code may print
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if os.environ.get(SAFE_PATH) == HERE_ONLY:
        del os.environ[SAFE_PATH]
    if runner.on_ray:
        os.nice(int(os.environ.get(NICENESS, RAY_NICENESS)))
    if runner.gpus_per_trial and (card := machine.gpu_of(number, machine.gpus(), runner.gpus_per_trial)):
        os.environ["CUDA_VISIBLE_DEVICES"] = card
    try:
        tensorflow_runtime.configure(
            threads=runner.cpus_per_trial,
            gpus=runner.gpus_per_trial,
            xla=runner.xla,
            backend=tensorflow_runtime.keras_backend(),
        )
        shipping.unpack(definitions)
        trials = [from_flat(flat) for flat in flats]
        datasets = {trial.data: trial_measurement.subset(loading.load(trial.data)) for trial in trials}
    except SweepError as error:
        pipe.send(ResourceError(str(error)))
        return
    pipe.send(time.monotonic() - start)
    for trial in trials:
        try:
            pipe.send(trial_measurement.measure(trial, datasets[trial.data]))
        except SweepError as error:
            pipe.send(str(error))
    with contextlib.suppress(SweepError):
        while parent:  # beside the others that still measure; the process ends with its parent
            trial_measurement.measure(trials[-1], datasets[trials[-1].data])
