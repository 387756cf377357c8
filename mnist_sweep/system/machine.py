"""What this machine has for trials: CPUs, memory, space on a disk, GPUs; and how many trials fit on it at a time."""

import contextlib
import os
import resource
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from mnist_sweep.errors import LedgerError, ResourceError
from mnist_sweep.system import commands

MEMINFO = Path("/proc/meminfo")
STATUS = Path("/proc/self/status")
CGROUP = Path("/sys/fs/cgroup")


def num_cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int | None:
    """Return the memory of the machine, in bytes; None if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no such figure on this system
        return None


def free_memory() -> int | None:
    """Return what new processes can take without swapping, in bytes; None if the system does not say.

    On Linux what the kernel calls available, or what the control group of a container has left if that is less.
    """
    try:
        free = _kib(MEMINFO, "MemAvailable") << 10
    except (KeyError, OSError, ValueError):
        return None
    try:
        limit, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # no control group of its own, or one without a limit
        return free
    return min(free, max(0, limit - used))


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes.

    Where the system says it of this program alone; `ru_maxrss` counts what the process that started it held, too.
    """
    with contextlib.suppress(KeyError, OSError, ValueError):
        return _kib(STATUS, "VmHWM") << 10
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held << 10


def shared_memory() -> int:
    """Return how much of this process's memory is pages of files, which others can share, in bytes; 0 if not known."""
    try:
        return _kib(STATUS, "RssFile") << 10
    except (KeyError, OSError, ValueError):
        return 0


def free_disk(folder: Path) -> int:
    """Return the free space where a folder is, or would be made, in bytes.

    Raises:
        LedgerError: It could not be made there.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise LedgerError(f"the results folder {folder} cannot be made: choose another with --results.")
    return shutil.disk_usage(there).free


def num_gpus() -> int:
    """Return how many GPUs NVIDIA's driver shows; 0 without it."""
    printed = commands.output("nvidia-smi", "-L") or ""
    return sum(line.startswith("GPU ") for line in printed.splitlines())


def capacity(cpus: float, gpus: float, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on a machine at a time; fractions of a GPU lie on one card each."""
    by_cpu = int(cpus // cpus_per_trial)
    if not gpus_per_trial:
        return by_cpu
    by_gpu = int(gpus) * int(1 / gpus_per_trial) if gpus_per_trial < 1 else int(gpus // gpus_per_trial)
    return min(by_cpu, by_gpu)


def total_capacity(machines: Sequence[tuple[float, float]], *, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on machines at a time, each on one machine.

    Args:
        machines: CPUs and GPUs of each.
        cpus_per_trial: CPUs of a trial.
        gpus_per_trial: GPUs of a trial.

    Raises:
        ResourceError: Not even one fits.
    """
    fits = sum(capacity(*size, cpus_per_trial, gpus_per_trial) for size in machines)
    if not fits:
        cpus, gpus = max(machines, default=(0.0, 0.0))
        raise ResourceError(
            f"`cpus_per_trial` and `gpus_per_trial` must fit one machine, but got {cpus_per_trial=}, "
            f"{gpus_per_trial=:g}, and the largest has {cpus:g} CPUs and {gpus:g} GPUs."
        )
    return fits


def _kib(file: Path, name: str) -> int:
    fields = dict(line.split(":", 1) for line in file.read_text(encoding="utf-8").splitlines())
    return int(fields[name].split()[0])
