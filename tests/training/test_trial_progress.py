"""Laws of the time that a trial takes; those of its state are in test_checkpoints and test_training_loop."""

from types import SimpleNamespace

import pytest

from mnist_sweep.training import trial_progress
from mnist_sweep.training.trial_progress import PhaseTimer


def test_each_phase_has_the_time_since_the_last_call_and_what_is_skipped_is_in_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(trial_progress, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    timer = PhaseTimer()
    for seconds, record in [(1, "setup"), (2, "train"), (4, None), (8, "evaluate"), (16, "train")]:
        now[0] += seconds
        timer.add_to(record) if record else timer.skip()
    assert timer.seconds == {"setup": 1, "train": 18, "evaluate": 8}
