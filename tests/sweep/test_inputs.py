"""Laws of a run's inputs: each data set is loaded once, no source ends the run, and digests stay when it is dropped."""

import ctypes
import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from mnist_sweep import Dataset, Digits, Softmax, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.errors import DataError
from mnist_sweep.sweep.inputs import RunInputs, load_in_child
from mnist_sweep.system import child_process
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.kinds import code_key, data_key
from mnist_sweep.trials.user_code.reachable_code import CodeDigests
from tests.system.test_child_main import wait_for_end

HERE = Path(__file__).name


@dataclass(frozen=True)
class Mine:
    size: int = 10

    def load(self) -> Dataset:
        return Digits(val_size=self.size).load()


@dataclass(frozen=True)
class Net:
    units: int = 8

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        raise NotImplementedError


def digits() -> Dataset:
    return Digits().load()


def nothing() -> None:
    return


def wrong() -> Dataset:
    raise DataError("a rule")


def interrupted() -> Dataset:
    raise KeyboardInterrupt("by itself")


def raising() -> Dataset:
    raise ValueError("no such\nfile")


def leaving() -> Dataset:
    raise SystemExit("no GPU")


def ending() -> Dataset:
    os._exit(0)


def aborting() -> Dataset:
    os.abort()


def crashing() -> Dataset:
    ctypes.string_at(0)
    return digits()


def forking() -> Dataset:
    """Load the digits, in several ways of starting processes, and name two that are left."""
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
    assert os.waitstatus_to_exitcode(os.waitpid(os.fork() or os._exit(3), 0)[1]) == 3
    assert subprocess.check_output(["echo", "1"]) == b"1\n"
    (left := context.Process(target=time.sleep, args=(600,), daemon=True)).start()
    if (copy := os.fork()) == 0:
        return digits()
    return replace(digits(), notes=(str(left.pid), str(copy)))


def test_a_data_set_is_loaded_once_and_its_digest_outlives_it() -> None:
    load = mock.Mock(side_effect=loading.load)
    inputs, trial = RunInputs(load), TrialConfig(data=Digits(val_size=20))
    with inputs:
        assert inputs.dataset(trial.data) is inputs.dataset(trial.data)
        digests = inputs.digests(trial)
    assert inputs.digests(trial) == digests
    assert load.call_count == 1
    assert digests.data == Digits(val_size=20).load().digest()


def test_built_in_parts_have_no_digests_of_their_own_and_are_not_loaded() -> None:
    with RunInputs(mock.Mock(side_effect=AssertionError)) as inputs:
        assert inputs.own_digests([TrialConfig(), TrialConfig(model=Softmax())]) == {}
        assert inputs.definitions([TrialConfig()]) == {}


def test_own_data_and_code_are_found_by_the_keys_of_rows() -> None:
    trials = [TrialConfig(data=Mine(size), model=Net(units)) for size in (10, 20) for units in (8, 16)]
    with RunInputs(loading.load) as inputs:
        found = inputs.own_digests(trials)
        assert found == {
            **{data_key(to_flat(trial)): inputs.digests(trial).data for trial in trials},
            code_key(to_flat(trials[0])): CodeDigests().of(trials[0]),
        }
        assert len(found) == 3
        assert {name.rpartition(":")[2] for name in inputs.definitions(trials)} >= {"Mine", "Net", "dataclass"}


def test_own_data_arrive_whole() -> None:
    loaded, expected = load_in_child(digits), Digits().load()
    for name in ("train", "val", "test"):
        split, same = getattr(loaded, name), getattr(expected, name)
        assert np.array_equal(split.images, same.images)
        assert np.array_equal(split.labels, same.labels)
    assert (loaded.num_classes, loaded.pixel_max) == (expected.num_classes, expected.pixel_max)


def test_data_of_the_package_are_loaded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_command", None)
    assert load_in_child(Digits()).num_classes == 10


def test_own_data_that_fork_arrive_once_and_leave_no_process() -> None:
    loaded = load_in_child(forking)
    assert loaded.digest() == digits().digest()
    for pid in loaded.notes:
        wait_for_end(int(pid))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (wrong, "a rule"),
        (nothing, "the data source nothing must return a Dataset, but got type='NoneType'."),
        (raising, rf"the data source raising raised ValueError: no such file \({HERE}:\d+\)."),
        (interrupted, rf"the data source interrupted raised KeyboardInterrupt: by itself \({HERE}:\d+\)."),
        (leaving, rf"the data source leaving raised SystemExit: no GPU \({HERE}:\d+\)."),
        (ending, rf"the data source ending raised ProcessExitError: os._exit\(0\) \({HERE}:\d+\)."),
        (aborting, rf"the data source aborting cannot be loaded: its process was killed by SIGABRT \({HERE}:\d+\)."),
        (crashing, rf"the data source crashing cannot be loaded: its process was killed by SIGSEGV \({HERE}:\d+\)."),
    ],
)
def test_a_source_that_fails_or_ends_its_process_is_one_line(source: Callable[[], Dataset], message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        load_in_child(source)
