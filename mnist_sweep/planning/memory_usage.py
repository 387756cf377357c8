"""Memory that a run will take: of its workers, the libraries they share, and the processes beside them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mnist_sweep.planning.trial_measurement import Calibration
from mnist_sweep.system import machine
from mnist_sweep.trials.config import TrialConfig, has_custom_training
from mnist_sweep.trials.graph_sharing import graph_signature

if TYPE_CHECKING:
    from mnist_sweep.runners.local import Local
    from mnist_sweep.runners.ray.tune import RayTune

# What Ray's processes and the driver held besides their libraries, what Ray adds to a worker, and what a worker holds
# whose trials all run in its child process: measured with the quickstart, Ray 2.60. And what a driver alone held.
RAY_MEMORY = 450 << 20
WORKER_MEMORY = 60 << 20
IDLE_MEMORY = 60 << 20
DRIVER_MEMORY = 160 << 20


def estimate(
    runner: "Local | RayTune", num_workers: int, trials: Iterable[TrialConfig], measured: Calibration
) -> dict[str, Any]:
    """Return the fields of a plan on memory: on Ray, trials of the user's own code run in a child of their worker."""
    on_ray, peaks = runner.on_ray, {False: 0, True: 0}
    for trial in trials:
        if cost := measured.costs.get(graph_signature(trial)):
            in_child = on_ray and has_custom_training(trial)
            peaks[in_child] = max(peaks[in_child], cost.memory)
    worker = peaks[True] + (max(peaks[False], IDLE_MEMORY) + WORKER_MEMORY if on_ray else peaks[False])
    others = RAY_MEMORY if on_ray else 0 if getattr(runner, "in_process", False) else DRIVER_MEMORY
    return {
        "memory": num_workers * worker + measured.peak("shared_memory") + others,
        "worker_memory": worker,
        "gpu_memory": measured.peak("gpu_memory"),
        "free_memory": machine.free_memory(),
    }
