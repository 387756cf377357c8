"""Laws of imports for definitions: they end where a run starts, and nowhere else."""

import contextlib
import inspect

import pytest

from mnist_sweep.trials.user_code.unguarded_scripts import RunReachedError, definitions_only, starts_a_run


def run(sweep: int, *, results: str = "results") -> str:
    """Run."""
    return f"{sweep} in {results}"


guarded = starts_a_run(run)


def test_an_import_ends_where_it_starts_a_run_whatever_it_catches() -> None:
    def module() -> None:
        with contextlib.suppress(Exception):
            guarded(3)

    with definitions_only(), pytest.raises(RunReachedError, match="run"):
        module()


def test_outside_of_imports_a_function_that_starts_a_run_is_what_it_was() -> None:
    assert guarded(3, results="here") == "3 in here"
    with definitions_only():
        pass
    assert guarded(4) == "4 in results"
    assert (guarded.__doc__, inspect.signature(guarded)) == (run.__doc__, inspect.signature(run))
