from typing import Any

import pytest

from mnist_sweep.runners.catalog import RUNNERS
from mnist_sweep.runners.protocol import Runner


@pytest.mark.parametrize("runner", RUNNERS.values())
def test_every_runner_is_a_frozen_value_with_resources(runner: type[Runner]) -> None:
    made: Any = runner()
    assert (made.cpus_per_trial, made.gpus_per_trial) == (1, 0.0)
    assert hash(made) == hash(runner())
