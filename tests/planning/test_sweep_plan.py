"""Laws of a plan: it warns of what will not fit or will fail, and shows itself in one line."""

from dataclasses import replace

import pytest

from mnist_sweep.planning.sweep_plan import KindPlan, Plan

GB = 10**9
PLAN = Plan(name="one", networks=(), num_trials=3, runner="RayTune", num_workers=3, free_disk=GB)
MEASURED = replace(
    PLAN, disk={"rows": 3000, "tables": 3000}, seconds=39.4, memory=10 * GB, worker_memory=3 * GB, free_memory=10 * GB
)


def test_a_plan_that_fits_has_no_warnings() -> None:
    assert PLAN.warnings == ()
    assert MEASURED.warnings == ()


@pytest.mark.parametrize(("free", "way_out"), [(8 * GB, "run with --max-concurrent 2"), (2 * GB, "not even one fits")])
def test_trials_that_do_not_fit_the_memory_are_warned_of(free: int, way_out: str) -> None:
    (warning,) = replace(MEASURED, free_memory=free).warnings
    assert warning == f"3 trials at a time take 10 GB of memory, but only {free // GB} GB is free: {way_out}."
    (alone,) = replace(MEASURED, free_memory=free, num_workers=1, worker_memory=10 * GB).warnings
    assert alone.startswith("1 trial at a time takes 10 GB of memory")


def test_a_system_that_does_not_say_what_is_free_is_not_warned_of() -> None:
    assert replace(MEASURED, free_memory=None).warnings == ()


def test_a_disk_that_is_too_small_is_warned_of() -> None:
    (warning,) = replace(MEASURED, free_disk=5000).warnings
    assert warning.startswith("the results need 6 kB, but only 5 kB is free on the disk: ")
    assert "--results" in warning


def test_trials_that_will_fail_are_warned_of() -> None:
    good = KindPlan(network=1, name="Adam, batch 50", num_trials=1, step_seconds=1.0)
    bad = KindPlan(network=2, name="Adam, batch 50", num_trials=2, failure="OSError: out of cheese")
    (warning,) = replace(MEASURED, kinds=(good, bad)).warnings
    assert warning == "2 trials of network 2 (Adam, batch 50) will fail: OSError: out of cheese."


def test_a_plan_shows_itself_in_one_line() -> None:
    assert repr(PLAN) == "<Plan of 'one': 3 trials to run>"
    assert repr(MEASURED) == "<Plan of 'one': 3 trials to run, time 0:39, memory 10 GB, disk 6 kB>"
    assert repr(replace(MEASURED, free_disk=0)).endswith(", disk 6 kB, 1 warning>")
