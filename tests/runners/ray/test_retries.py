import pytest

from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray.experiment import NUM_GPUS_ALONE
from mnist_sweep.runners.ray.retries import broken_ray, lost_worker_cause, needs_whole_gpu
from mnist_sweep.training.row_builder import failed
from tests.runners.ray.test_callback import MISSING_PACKAGE, OUT_OF_MEMORY, TRIAL


def test_a_ray_that_cannot_start_again_is_an_error_with_the_way_out() -> None:
    error = str(broken_ray("raylet"))
    assert error.startswith("Ray's raylet ended unexpectedly")
    assert "run the same command again, or with --runner local" in error


@pytest.mark.parametrize(("gpus", "is_retried"), [(0.25, True), (NUM_GPUS_ALONE, False), (0.0, False), (2.0, False)])
def test_a_trial_out_of_memory_on_a_shared_gpu_is_retried_alone_and_on_no_other(gpus: float, is_retried: bool) -> None:
    assert needs_whole_gpu(OUT_OF_MEMORY, gpus_per_trial=gpus) is is_retried


def test_a_trial_that_failed_in_any_other_way_is_not_retried() -> None:
    row = failed(TRIAL, error="ValueError: the loss is ResourceExhaustedError")
    assert not needs_whole_gpu(row, gpus_per_trial=0.25)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("", "the worker was lost, and Ray gives no reason"),
        ("Failure # 1\nThe actor died unexpectedly.\nMore.\n", "the worker was lost: The actor died unexpectedly."),
        ('Failure # 1\nDied.\n  File "x.py", line 1\nValueError: bad pickle\n', "ValueError: bad pickle"),
    ],
)
def test_the_cause_of_a_lost_worker_is_one_line(error: str, cause: str) -> None:
    assert lost_worker_cause(error) == cause


@pytest.mark.parametrize(
    "cause", ["ModuleNotFoundError: No module named 'mnist_sweep'", "AttributeError: Can't get attribute 'Settings' on"]
)
def test_a_node_that_lacks_a_package_or_its_version_ends_the_run_in_one_line_with_its_address(cause: str) -> None:
    error = MISSING_PACKAGE.replace("ModuleNotFoundError: No module named 'mnist_sweep'", cause)
    with pytest.raises(ResourceError, match=rf"the node 10\.0\.0\.3 .*{cause}.*: install ") as raised:
        lost_worker_cause(error)
    assert "\n" not in str(raised.value)
