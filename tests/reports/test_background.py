"""Laws of the second process of a large report, and of early imports: results are the same, and nothing stays."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mnist_sweep import read_trials
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports import background
from mnist_sweep.reports.background import executor
from mnist_sweep.reports.report_data import analyse
from mnist_sweep.reports.writer import write_report
from mnist_sweep.trials import events
from tests.conftest import Refused

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quickstart"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that are started from now on, whatever the number of cores and trials."""
    found: list[Any] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **given: Any) -> None:
            super().__init__(*args, **given)
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    monkeypatch.setattr(background, "num_cpus", lambda: 2)
    monkeypatch.setattr(background, "LARGE", 1)
    return found


def values(found: Any) -> str:
    """Return all that a selection and effects hold, as text, since NaN is not equal to itself."""
    return repr([astuple(one) for one in found])


@pytest.fixture
def trials() -> pd.DataFrame:
    return read_trials(REFERENCE)


def test_it_returns_what_this_process_would(
    trials: pd.DataFrame, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = analyse(trials)
    monkeypatch.setattr(background, "analyse", None)  # here, not there
    with executor(REFERENCE) as submit:
        assert values(submit(trials)()) == values(expected)
    (process,) = started
    assert process.returncode is not None


@pytest.mark.parametrize("when", ["before", "after"])
def test_result_of_a_killed_process_is_computed_here(trials: pd.DataFrame, started: list[Any], when: str) -> None:
    with executor(REFERENCE) as submit:
        if when == "before":
            started[0].kill()
            started[0].wait()
        result = submit(trials)
        started[0].kill()
        assert values(result()) == values(analyse(trials))


def test_error_is_raised_here(trials: pd.DataFrame, started: list[Any], refused: Refused) -> None:
    with executor(REFERENCE) as submit, refused(LedgerError, "no trial succeeded"):
        submit(trials.assign(status="failed"))()


def test_nothing_is_waited_for_and_nothing_stays_when_this_process_is_interrupted(started: list[Any]) -> None:
    with pytest.raises(KeyboardInterrupt), executor(REFERENCE):
        raise KeyboardInterrupt
    assert started[0].returncode == -signal.SIGKILL


def test_it_ends_when_this_process_is_killed() -> None:
    code = (
        "import os, signal, subprocess; from pathlib import Path; from mnist_sweep.reports import background as b; "
        "popen = subprocess.Popen; kill = lambda p: (print(p.pid, flush=True), os.kill(os.getpid(), signal.SIGKILL)); "
        "subprocess.Popen = lambda *a, **k: kill(popen(*a, **k)); b.LARGE, b.num_cpus = 1, lambda: 2; "
        f"b.executor(Path({str(REFERENCE)!r})).__enter__()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, "")
    deadline = time.monotonic() + 60
    while alive(int(ended.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie that nobody waits for does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.parametrize(("cpus", "large"), [(1, 1), (2, 41)])
def test_single_core_or_small_sweep_starts_no_process(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, cpus: int, large: int
) -> None:
    monkeypatch.setattr(background, "num_cpus", lambda: cpus)
    monkeypatch.setattr(background, "LARGE", large)
    with executor(REFERENCE):
        assert started == []


def test_report_is_the_same_with_it(tmp_path: Path, started: list[Any]) -> None:
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "quickstart"))
    alone = write_report(folder, format="md").read_bytes()
    with executor(folder) as submit:
        assert write_report(folder, format="md", submit=submit).read_bytes() == alone
    assert started


def test_the_report_is_imported_once_workers_are_ready_and_no_import_outlasts_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported: list[str] = []
    first = threading.Event()

    def slowly(name: str) -> None:
        imported.append(name)
        first.set()
        time.sleep(0.05)

    monkeypatch.setattr(importlib, "import_module", slowly)
    with background.Imports() as imports:
        imports.on_event(events.RunStarted(rows=(), num_trials=1, fields=()))
        assert imported == []
        imports.on_event(events.WorkersReady(num_workers=1))
        assert first.wait(60)
    ended = len(imported)
    time.sleep(0.1)
    assert 1 <= len(imported) == ended <= 7
    assert imported[0] == background.PACKAGES[0]
