"""When a trial is retried, and when its failure is final. Decisions only; no Ray is needed to test them.

Where a model, data set or optimizer raises, the row is `failed`. A trial is retried up to `max_retries` times (Tune
counts) if its worker or node is lost, once alone on a GPU if it ran out of memory on a shared one, and resumes from its
checkpoint if its worker took the run for ended. A node that lacks a package would lose trial after trial: the run ends.
"""

import re

from mnist_sweep.errors import ResourceError
from mnist_sweep.trials.row import TrialRow

WITHOUT_RAY = "--runner local, which needs no Ray."
UNFIT = r"^(?:ModuleNotFoundError: .+|ImportError: .+|AttributeError: Can't get attribute .+)"
OUT_OF_MEMORY = "ResourceExhaustedError"  # TensorFlow's


def needs_whole_gpu(row: TrialRow, *, gpus_per_trial: float) -> bool:
    """Return whether a trial is to be retried alone on a GPU, as it ran out of memory on one that it shared."""
    return 0 < gpus_per_trial < 1 and (row.error or "").startswith(OUT_OF_MEMORY)


def lost_worker_cause(error: str) -> str:
    """Return one line on why a trial has no row, from Ray's error file: its worker died, or could not even read it.

    Raises:
        ResourceError: The node lacks a package that workers import, or has another version of this one.
    """
    if missing := re.search(UNFIT, error, re.MULTILINE):
        node = re.search(r"\bip=([^\s,)]+)", error)
        raise unfit_node(node[1] if node else "of a worker", missing[0])
    lines = [line.strip() for line in error.splitlines()[1:] if line.strip()]
    if not lines:
        return "the worker was lost, and Ray gives no reason"
    return lines[-1] if any(line.startswith("File ") for line in lines) else f"the worker was lost: {lines[0]}"


def unfit_node(node: str, cause: str) -> ResourceError:
    """Return the error that ends a run on a node that lacks a package."""
    return ResourceError(
        f"every node must have the packages that trials import, but the node {node} does not ({cause}): install "
        "there what this machine has, or remove the node from the cluster, and run the same command again."
    )


class BrokenRay(BaseException):
    """Raised with the name of a process of Ray that has ended; no Exception, upon which Tune would wait for workers."""


class NotStartedError(ResourceError):
    """Ray does not start on this machine; if a process of it `was_killed`, another start may succeed."""

    def __init__(self, cause: str, *, was_killed: bool = False) -> None:
        super().__init__(f"Ray could not be started on this machine ({cause}): use {WITHOUT_RAY}")
        self.was_killed = was_killed


def broken_ray(process: str) -> ResourceError:
    """Return the error that ends a run whose Ray cannot be started again, or has broken down too often."""
    return ResourceError(
        f"Ray's {process} ended unexpectedly, as when memory runs out: finished trials and checkpoints are kept; run "
        "the same command again, or with --runner local."
    )


def lost_cluster(address: str) -> ResourceError:
    """Return the error that ends a run whose running cluster does not answer any more."""
    return ResourceError(
        f"the cluster at {address} no longer answers: finished trials and checkpoints are kept; run the same command "
        "again once it does, or with --runner local."
    )
