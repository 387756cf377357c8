"""Laws of imports for definitions: they end where a run starts, and nowhere else."""

import contextlib

import pytest

from mnist_sweep.trials.importing import RunReachedError, definitions_only, end_import


def test_an_import_ends_where_it_starts_a_run_whatever_it_catches() -> None:
    def module() -> None:
        with contextlib.suppress(Exception):
            end_import("main")

    with definitions_only(), pytest.raises(RunReachedError, match="main"):
        module()


def test_outside_of_imports_nothing_ends() -> None:
    end_import("run")
    with definitions_only():
        pass
    end_import("run")
