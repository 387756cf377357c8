"""The short form of `kills`; its long form's counts are in results/reference/faults."""

import sys
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.faults.kills import KINDS, hold, sized

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for workers in /proc"),
]

# The long form kills every model in every way.
CASES = [
    ("driver-kill", "network"),
    ("worker", "network"),
    ("driver-kill", "context"),
    ("long-trial", "context"),
    ("worker", "keras"),
    ("driver-int", "sklearn"),
]


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_nothing_is_lost_or_run_twice_whatever_is_killed(kind: str, model: str, tmp_path: Path) -> None:
    size = sized(kind, times=2 if KINDS[kind] == SIGKILL else 1, trials=6, steps=2000)
    counts = hold(kind, tmp_path, model, seed=1, **size)
    assert (counts["rows"], counts["written_twice"], counts["identical"]) == (size["trials"], 0, True)
    assert counts["kills"] >= 1
    if kind == "long-trial" and model != "sklearn":  # which fits in one go
        assert len(counts["resumed_from_steps"]) == counts["kills"]
