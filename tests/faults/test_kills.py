"""The short form of `kills`; its long form's counts are in results/reference/faults."""

import sys
from pathlib import Path

import pytest

from tests.faults.kills import hold

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for workers in /proc"),
]


@pytest.mark.parametrize(("kind", "size"), [("driver-kill", (2, 6, 2000)), ("worker", (2, 6, 2000))])
def test_nothing_is_lost_or_run_twice_whatever_is_killed(kind: str, size: tuple[int, int, int], tmp_path: Path) -> None:
    times, trials, steps = size
    counts = hold(kind, tmp_path, times=times, trials=trials, steps=steps, seed=1)
    assert (counts["rows"], counts["written_twice"], counts["identical"]) == (trials, 0, True)
    assert counts["kills"] >= 1
