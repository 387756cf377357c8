"""The short form of `kills`; its long form's counts are in results/reference/faults."""

import sys
from pathlib import Path

import pytest

from tests.faults.kills import MODELS, hold

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for workers in /proc"),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["driver-kill", "worker"])
def test_nothing_is_lost_or_run_twice_whatever_is_killed(kind: str, model: str, tmp_path: Path) -> None:
    counts = hold(kind, tmp_path, model, times=2, trials=6, steps=2000, seed=1)
    assert (counts["rows"], counts["written_twice"], counts["identical"]) == (6, 0, True)
    assert counts["kills"] >= 1
