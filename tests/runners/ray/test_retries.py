import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray import retries
from mnist_sweep.training.row_builder import failed

OUT_OF_MEMORY = failed(TrialConfig(), error="ResourceExhaustedError: OOM when allocating")
MISSING_PACKAGE = """Failure # 1 (occurred at 2026-01-01_00-00-00)
The actor died because of an error raised in its creation task, ray::Trainable.__init__() (pid=7, ip=10.0.0.3, repr=…)
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
ModuleNotFoundError: No module named 'mnist_sweep'
"""


def test_a_trial_out_of_memory_on_a_shared_gpu_is_retried_alone() -> None:
    assert retries.needs_whole_gpu(OUT_OF_MEMORY, gpus_per_trial=0.25)
    assert not retries.shares_gpu(retries.NUM_GPUS_ALONE)


@pytest.mark.parametrize("gpus", [0.0, 1.0, 2.0])
def test_a_trial_out_of_memory_that_shared_no_gpu_has_failed(gpus: float) -> None:
    assert not retries.needs_whole_gpu(OUT_OF_MEMORY, gpus_per_trial=gpus)


def test_a_trial_that_failed_in_any_other_way_is_not_retried() -> None:
    row = failed(TrialConfig(), error="ValueError: the loss is ResourceExhaustedError")
    assert not retries.needs_whole_gpu(row, gpus_per_trial=0.25)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("", "the worker was lost, and Ray gives no reason"),
        ("Failure # 1\nThe actor died unexpectedly.\nMore.\n", "the worker was lost: The actor died unexpectedly."),
        (MISSING_PACKAGE, "ModuleNotFoundError: No module named 'mnist_sweep'"),
    ],
)
def test_the_cause_of_a_lost_worker_is_one_line(error: str, cause: str) -> None:
    assert retries.lost_worker_cause(error) == cause


def test_a_node_that_lacks_a_package_ends_the_run_in_one_line_with_its_address() -> None:
    with pytest.raises(ResourceError, match=r"the node 10\.0\.0\.3 .*named 'mnist_sweep'.*: install ") as raised:
        retries.check_node(MISSING_PACKAGE)
    assert "\n" not in str(raised.value)


def test_a_node_that_lost_a_worker_and_lacks_nothing_is_used_again() -> None:
    retries.check_node("Failure # 1\nThe actor died unexpectedly before finishing this task.\n")
