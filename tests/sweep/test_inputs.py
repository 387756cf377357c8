"""Laws of a run's inputs: each data set is loaded once, and digests stay when it is dropped."""

from dataclasses import dataclass
from typing import Any
from unittest import mock

from mnist_sweep import Dataset, Digits, Softmax, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.sweep.inputs import RunInputs
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.kinds import code_key, data_key
from mnist_sweep.trials.user_code.code_digest import CodeDigests


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
