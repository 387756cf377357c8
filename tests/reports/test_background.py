"""Laws of the process beside a report: it answers what this one would, and nothing waits for it or stays of it."""

import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mnist_sweep import read_trials
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports import background as asides
from mnist_sweep.reports.background import aside, here
from mnist_sweep.reports.writer import write_report

Refused = Callable[..., AbstractContextManager[None]]
REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quickstart"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that are started from now on, whatever the number of cores."""
    found: list[Any] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **given: Any) -> None:
            super().__init__(*args, **given)
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    monkeypatch.setattr(asides, "num_cpus", lambda: 2)
    return found


@pytest.fixture
def trials() -> pd.DataFrame:
    return read_trials(REFERENCE)


def test_it_answers_what_this_process_would(
    trials: pd.DataFrame, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = here(trials)()
    monkeypatch.setattr(asides, "_findings", None)  # here, not there
    with aside() as ask:
        assert ask(trials)() == expected
    (process,) = started
    assert process.returncode is not None


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_process_does_not_answer_is_computed_here(
    trials: pd.DataFrame, started: list[Any], when: str
) -> None:
    with aside() as ask:
        if when == "before":
            started[0].kill()
            started[0].wait()
        answer = ask(trials)
        started[0].kill()
        assert answer() == here(trials)()


def test_trials_that_it_cannot_judge_are_refused_here(
    trials: pd.DataFrame, started: list[Any], refused: Refused
) -> None:
    with aside() as ask, refused(LedgerError, "no trial succeeded"):
        ask(trials.assign(status="failed"))()


def test_nothing_is_waited_for_and_nothing_stays_where_this_process_is_interrupted(started: list[Any]) -> None:
    with pytest.raises(KeyboardInterrupt), aside():
        raise KeyboardInterrupt
    assert started[0].returncode == -signal.SIGKILL


def test_single_core_starts_no_process(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asides, "num_cpus", lambda: 1)
    with aside() as ask:
        assert ask is here
    assert started == []


def test_report_is_the_same_with_it(tmp_path: Path, started: list[Any]) -> None:
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "quickstart"))
    alone = write_report(folder, format="md").read_bytes()
    with aside() as ask:
        assert write_report(folder, format="md", ask=ask).read_bytes() == alone
    assert started
