"""The resources of this machine: CPUs, GPUs, memory and disk space; and how many trials fit on machines at a time."""

import contextlib
import itertools
import os
import re
import resource
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from mnist_sweep.errors import LedgerError, ResourceError
from mnist_sweep.system import commands

MEMINFO = Path("/proc/meminfo")
STATUS = Path("/proc/self/status")
MEMBERSHIP = Path("/proc/self/cgroup")
CGROUP = Path("/sys/fs/cgroup")
# Files that were read once, which a container's use includes and which give way; in version 1, the last is the sum.
INACTIVE = re.compile(r"inactive_file (\d+)")


def num_cpus() -> int:
    """Return the number of CPUs that this process is bound to, or of whole ones in its quota if fewer; at least 1."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [int(text.split()[0]) / int(text.split()[1]) for (text,) in _limits("cpu", "cpu.max")]
    quotas += [int(quota) / int(period) for quota, period in _limits("cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us")]
    return max(1, min([bound, *map(int, quotas)]))


def total_memory() -> int | None:
    """Return the memory of the machine in bytes; None if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not reported by this system
        return None


def free_memory() -> int | None:
    """Return the memory available to new processes, in bytes, also in a container; None if it is not reported."""
    free = _reported(MEMINFO, "MemAvailable")
    limits = [*_limits("memory", "memory.max", "memory.current", "memory.stat")]
    limits += _limits("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
    left = (int(limit) - int(used) + int(INACTIVE.findall(stat)[-1]) for limit, used, stat in limits)
    return None if free is None else max(0, min([free, *left]))


def peak_memory() -> int:
    """Return the peak memory of this process so far, in bytes.

    From VmHWM where the system has it: `ru_maxrss` also counts the process that started this one.
    """
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _reported(STATUS, "VmHWM") or (held if sys.platform == "darwin" else held << 10)


def shared_memory() -> int:
    """Return this process's memory that is mapped from files, which processes share, in bytes; 0 if not known."""
    return _reported(STATUS, "RssFile") or 0


def active_nanoseconds(pid: int) -> int | None:
    """Return for how long a process's main thread has run or waited for a CPU; None if the system does not say."""
    try:
        ran, waited, _ = map(int, Path(f"/proc/{pid}/schedstat").read_bytes().split())
    except (OSError, ValueError):
        return None
    return (ran + waited) or None


def descendants(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started, and of theirs, as far as the system tells them."""
    try:
        started = [one for file in Path(f"/proc/{pid}/task").glob("*/children") for one in file.read_text().split()]
    except OSError:  # it has ended
        return []
    return [one for child in map(int, started) for one in (child, *descendants(child))]


def kill(pids: Sequence[int]) -> None:
    """Kill processes, of which some may have ended."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def free_disk(folder: Path) -> int:
    """Return the free space on the disk of a folder that exists or can be made, in bytes."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.access(path, os.F_OK))
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise LedgerError(f"the results folder {folder} cannot be made: choose another with --results.")
    return shutil.disk_usage(there).free


def gpus() -> list[str]:
    """Return the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them: those in it, or all.

    They end, as for CUDA, at the first name that is no GPU's, such as -1 or Slurm's NoDevFiles.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = map(str.strip, chosen.split(","))
        return [*itertools.takewhile(lambda name: name.isdecimal() or name.startswith(("GPU-", "MIG-")), names)]
    printed = commands.output("nvidia-smi", "-L") or ""
    return [*map(str, range(sum(line.startswith("GPU ") for line in printed.splitlines())))]


def gpu_of(worker: int, cards: Sequence[str], gpus_per_trial: float) -> str | None:
    """Return which of the GPUs a worker gets by its number, 0 for the first; None if there is none for it."""
    number = worker // int(1 / gpus_per_trial)
    return cards[number] if number < len(cards) else None


def capacity(cpus: float, gpus: float, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on a machine at a time; a fraction of a GPU never spans two cards."""
    by_cpu = int(cpus // cpus_per_trial)
    if not gpus_per_trial:
        return by_cpu
    by_gpu = int(gpus) * int(1 / gpus_per_trial) if gpus_per_trial < 1 else int(gpus // gpus_per_trial)
    return min(by_cpu, by_gpu)


def total_capacity(machines: Sequence[tuple[float, float]], *, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on machines with these CPUs and GPUs at a time, each on one machine: one at least."""
    fits = sum(capacity(*size, cpus_per_trial, gpus_per_trial) for size in machines)
    if not fits:
        cpus, gpus = max(machines, default=(0.0, 0.0))
        got = f"{cpus_per_trial=}, {gpus_per_trial=:g}, and the largest has {cpus:g} CPUs and {gpus:g} GPUs"
        raise ResourceError(f"`cpus_per_trial` and `gpus_per_trial` must fit one machine, but got {got}.")
    return fits


def _limits(controller: str, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield what these files say in the control groups of this process, its own and those around it, if they limit it.

    Version 2 has one tree of groups, version 1 one for each controller; both may be mounted.
    """
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in dict.fromkeys([*lines, "0::/"]):  # a container may see its own group as the root
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for part in (PurePosixPath(group), *PurePosixPath(group).parents):
            folder = (CGROUP / controller if controllers else CGROUP) / part.relative_to("/")
            try:
                texts = tuple((folder / name).read_text(encoding="utf-8").strip() for name in names)
            except (OSError, UnicodeDecodeError):
                continue
            if not texts[0].startswith(("max", "-1")):
                yield texts


def _reported(file: Path, name: str) -> int | None:
    """Return a field of a file under /proc in bytes; None if the system does not report it."""
    try:
        fields = dict(line.split(":", 1) for line in file.read_text(encoding="utf-8").splitlines())
        return int(fields[name].split()[0]) << 10
    except (KeyError, OSError, ValueError):
        return None
