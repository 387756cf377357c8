"""When a trial runs again, and when its failure is final. Decisions only; no Ray is needed to test them.

==============================================  ================================================================
A model, data set or optimizer raises           The trial's row is `failed`; it would raise again.
Its worker or node is lost                      It is retried wherever there is room, at most `max_retries` times
                                                (Tune counts); then its row is `failed`.
It runs out of memory on a GPU that it shares   It is retried alone on a GPU; if that fails, its row is `failed`.
Its worker took the run for ended               It resumes later in the same run, from its checkpoint.
Its node lacks a package                        The run ends: the node would take trial after trial and lose them all.
==============================================  ================================================================
"""

import re

from mnist_sweep.errors import ResourceError
from mnist_sweep.trials.row import TrialRow

OUT_OF_MEMORY = "ResourceExhaustedError"  # TensorFlow's
NUM_GPUS_ALONE = 1.0


def shares_gpu(gpus_per_trial: float) -> bool:
    """Return whether trials share a GPU."""
    return 0 < gpus_per_trial < 1


def needs_whole_gpu(row: TrialRow, *, gpus_per_trial: float) -> bool:
    """Return whether a trial is to be retried alone on a GPU, as it ran out of memory on one that it shared."""
    return shares_gpu(gpus_per_trial) and (row.error or "").startswith(OUT_OF_MEMORY)


def lost_worker_cause(error: str) -> str:
    """Return one line on why a trial has no row: its worker died, or could not even read the trial.

    Args:
        error: Ray's error file of the trial; empty if there is none.
    """
    lines = [line.strip() for line in error.splitlines()[1:] if line.strip()]
    if not lines:
        return "the worker was lost, and Ray gives no reason"
    return lines[-1] if any(line.startswith("File ") for line in lines) else f"the worker was lost: {lines[0]}"


def check_node(error: str) -> None:
    """Validate that the node of a lost worker has the packages that workers import.

    Args:
        error: Ray's error file of the trial; empty if there is none.

    Raises:
        ResourceError: It lacks one.
    """
    missing = re.search(r"^ModuleNotFoundError: .+", error, re.MULTILINE)
    if missing:
        node = re.search(r"\bip=([^\s,)]+)", error)
        raise unfit_node(node[1] if node else "of a worker", missing[0])


def unfit_node(node: str, cause: str) -> ResourceError:
    """Return the error that ends a run on a node that lacks a package."""
    return ResourceError(
        f"every node must have the packages that trials import, but the node {node} does not ({cause}): install there "
        "what this machine has, or take the node out of the cluster, and run the same command again."
    )
