"""What a trial's numbers depend on besides its config: versions, processor, kernels, threads and device."""

import functools
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from mnist_sweep.text.lines import listed
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials.row import TrialRow

# Variables by which the same trial computes other last digits, and their usual values.
OPTIONAL = {"TF_XLA_FLAGS": "", "ONEDNN_MAX_CPU_ISA": "", "DNNL_MAX_CPU_ISA": ""}  # which rows record only if set
KERNELS = {"TF_ENABLE_ONEDNN_OPTS": "1", **OPTIONAL}
ALIKE = ("python",)  # whose versions 3.11 to 3.13 give the same rows
VECTOR_INSTRUCTIONS = ("amx_tile", "avx512_bf16", "avx512_vnni", "avx512f", "avx2")  # the widest first


def kernel_note() -> str | None:
    """Return one line on variables of the environment that choose other kernels than a trial's usual ones, or None."""
    chosen = [f"{name}={os.environ[name]}" for name, usual in KERNELS.items() if os.environ.get(name, usual) != usual]
    if not chosen:
        return None
    return f"{listed(chosen)} in the environment: results may differ in the last digits from runs without it"


def unlike_note(first: TrialRow, row: TrialRow) -> str | None:
    """Return one line on what the results of two trained rows depend on and is not the same in both, or None."""
    before, after = ({"mnist_sweep": one.version, **one.environment} for one in (first, row))
    names = [name for name in {**before, **after} if name in OPTIONAL or (name in before and name in after)]
    unlike = [
        f"{name} {before.get(name, 'unset')} and {after.get(name, 'unset')}"
        for name in names
        if name not in ALIKE and before.get(name) != after.get(name)
    ]
    if not unlike:
        return None
    machine = (row.worker or "").rpartition(":")[0]
    return (
        f"rows of this sweep come from unlike machines or settings ({listed(unlike)} on {machine}): the same trial may "
        "give other results there, by last digits at first, which training can amplify"
    )


def environment(configured: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a trial's results may depend on besides its config: versions, processor, threads and device.

    `configured` are the arguments of `tensorflow_runtime.configure` in the process that trains; None means this one.
    """
    settings = tensorflow_runtime.configured() if configured is None else configured
    backend = settings.get("backend", tensorflow_runtime.TENSORFLOW)
    return {
        **{name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "threads": int(settings.get("threads", 0)),
        "onednn": os.environ.get(
            "TF_ENABLE_ONEDNN_OPTS", "default" if configured is None else "1"
        ),  # as `load` sets it
        "xla": bool(settings.get("xla")),
        "device": "GPU" if settings.get("gpus") else "CPU",
        **{name: text for name in OPTIONAL if (text := os.environ.get(name, ""))},
        **({} if backend == tensorflow_runtime.TENSORFLOW else {"backend": backend}),
    }


@functools.cache
def _processor() -> str:
    """Return the processor's name and the widest vector instructions, since kernels are chosen by these."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    name, flags = (
        next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
        for key in ("model name", "flags")
    )
    widest = next((f" ({one})" for one in VECTOR_INSTRUCTIONS if one in flags.split()), "")
    return f"{name}{widest}"
