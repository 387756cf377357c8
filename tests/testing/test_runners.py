"""The shipped contract of runners; that of Ray is in tests/runners/ray."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Local, TrialConfig
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.testing import check_runner
from mnist_sweep.trials.artifacts import Artifacts


class Forgetful:
    """A runner that drops its last trial."""

    def run(
        self,
        trials: Mapping[str, TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        *,
        num_proposals: int = 0,
        code: Sequence[Path] = (),
        artifacts: Artifacts | None = None,
    ) -> None:
        kept = dict(list(trials.items())[:-1])
        Local(in_process=True).run(
            kept, datasets, observer, num_proposals=num_proposals, code=code, artifacts=artifacts
        )


@pytest.mark.parametrize(
    "runner",
    [
        Local(in_process=True),
        pytest.param(Local(workers=1), marks=pytest.mark.slow),
        pytest.param(Local(workers=2), marks=pytest.mark.slow),
    ],
)
def test_the_local_runner_keeps_the_contract(tf: Any, runner: Local) -> None:
    check_runner(lambda: runner)


def test_a_runner_that_forgets_a_trial_is_named(tf: Any) -> None:
    with pytest.raises(AssertionError, match="Every trial must get exactly one row"):
        check_runner(Forgetful)
