"""The resources of this machine: CPUs, GPUs, memory and disk space; and how many trials fit on machines at a time."""

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
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int | None:
    """Return the memory of the machine in bytes; None if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not reported by this system
        return None


def free_memory() -> int | None:
    """Return the memory available to new processes without swapping, in bytes; None if the system does not report it.

    On Linux this is the kernel's MemAvailable, or what a container's control group has left if that is less.
    """
    free = _reported(MEMINFO, "MemAvailable")
    try:
        limit, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # no control group of its own, or one without a limit
        return free
    return None if free is None else min(free, max(0, limit - used))


def peak_memory() -> int:
    """Return the peak memory of this process so far, in bytes.

    From VmHWM where the system has it: `ru_maxrss` also counts the process that started this one.
    """
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _reported(STATUS, "VmHWM") or (held if sys.platform == "darwin" else held << 10)


def shared_memory() -> int:
    """Return this process's memory that is mapped from files, which processes share, in bytes; 0 if not known."""
    return _reported(STATUS, "RssFile") or 0


def free_disk(folder: Path) -> int:
    """Return the free space on the disk of a folder, which need not exist yet, in bytes.

    Raises:
        LedgerError: The folder cannot be made.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise LedgerError(f"the results folder {folder} cannot be made: choose another with --results.")
    return shutil.disk_usage(there).free


def num_gpus() -> int:
    """Return the number of GPUs that NVIDIA's driver lists; 0 without it."""
    printed = commands.output("nvidia-smi", "-L") or ""
    return sum(line.startswith("GPU ") for line in printed.splitlines())


def capacity(cpus: float, gpus: float, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on a machine at a time; a fraction of a GPU never spans two cards."""
    by_cpu = int(cpus // cpus_per_trial)
    if not gpus_per_trial:
        return by_cpu
    by_gpu = int(gpus) * int(1 / gpus_per_trial) if gpus_per_trial < 1 else int(gpus // gpus_per_trial)
    return min(by_cpu, by_gpu)


def total_capacity(machines: Sequence[tuple[float, float]], *, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on machines with these CPUs and GPUs at a time, each trial on one machine.

    Raises:
        ResourceError: No trial fits.
    """
    fits = sum(capacity(*size, cpus_per_trial, gpus_per_trial) for size in machines)
    if not fits:
        cpus, gpus = max(machines, default=(0.0, 0.0))
        raise ResourceError(
            f"`cpus_per_trial` and `gpus_per_trial` must fit one machine, but got {cpus_per_trial=}, "
            f"{gpus_per_trial=:g}, and the largest has {cpus:g} CPUs and {gpus:g} GPUs."
        )
    return fits


def _reported(file: Path, name: str) -> int | None:
    """Return a field of a file under /proc in bytes; None if the system does not report it."""
    try:
        fields = dict(line.split(":", 1) for line in file.read_text(encoding="utf-8").splitlines())
        return int(fields[name].split()[0]) << 10
    except (KeyError, OSError, ValueError):
        return None
