"""Laws of the commands that analyse a results folder: each prints its result, and refuses a folder without rows."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.results.ledger import Ledger
from tests.cli.conftest import Refuses, Run, content
from tests.conftest import MakeRow


def test_each_command_prints_its_result_and_changes_no_row(folder: Path, run: Run) -> None:
    run("run", "good.py", "--runner", "in-process", "--quiet")
    results = folder / "results" / "good"
    before = content(results)
    a, b = sorted(path.stem for path in (results / "rows").glob("*.json"))
    status, out, err = run("compare", "results/good", a, b)
    assert (status, err) == (0, "")
    tied = rf"^{a} .*and {b} .*are statistically tied for new images: "
    assert re.search(rf"{tied}|^(?:{a}|{b}) .*is significantly better", out, re.MULTILINE)
    assert run("diff", "results/good", "results/good")[1].startswith("1 config in both sweeps, 0 only in the first")
    assert content(results) == before
    status, out, _ = run("effects", "results/good")
    assert (status, out.splitlines()[-1]) == (0, "results/good/effects.csv")
    assert "No hyperparameter varies among these trials." in out
    status, out, _ = run("report", "results/good", "--format", "md")
    assert (status, out) == (0, "results/good/report.md\n")
    assert content(results).items() >= {name: data for name, data in before.items() if name != "report.html"}.items()


def test_report_compares_two_sweeps(folder: Path, run: Run, refuses: Refuses, make_row: MakeRow) -> None:
    for name, steps in (("one", 7), ("other", 8)):
        ledger = Ledger(folder / name)
        ledger.open()
        ledger.commit(make_row(TrialConfig(num_steps=steps)))
    assert run("report", "one", "--compare", "other", "--format", "md") == (0, "one/comparison.md\n", "")
    assert "Which sweep has the better config?" in (folder / "one" / "comparison.md").read_text(encoding="utf-8")
    status, out, _ = run("report", "one", "--compare", "other", "--json")
    assert (status, json.loads(out)["file"]) == (0, "one/comparison.html")
    assert json.loads(out)["verdict"]["outcome"] == "undecided"
    refuses(["report", "one", "--compare", "one"], "both folders are one")
    refuses(["report", "one", "--compare", "none"], "none holds no rows")
    refuses(["report", "one", "--within", "1"], "--within goes with --compare only")


@pytest.fixture
def closed(folder: Path, make_row: MakeRow, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder with two rows that may only be read."""
    ledger = Ledger(folder / "closed")
    ledger.open()
    for seed in (0, 1):
        ledger.commit(make_row(TrialConfig(seed=seed)))
    opened = Path.open

    def refuse(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "x" in mode and path.parent.name == "closed":  # root may write all the same
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opened(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", refuse)
    return ledger.folder


def test_effects_are_shown_of_a_folder_that_may_only_be_read(closed: Path, run: Run) -> None:
    status, out, err = run("effects", "closed")
    assert status == 0
    assert "No hyperparameter varies among these trials." in out
    assert err.startswith("note: closed/effects.csv cannot be written (Read-only file system)")
    assert err.count("\n") == 1


def test_a_report_can_be_written_elsewhere(closed: Path, run: Run) -> None:
    status, out, err = run("report", "closed", "--format", "md")
    assert (status, out) == (2, "")
    assert "closed/report.md cannot be written (Read-only file system)" in err
    assert "`mnist-sweep report closed --format md`, which also takes --output FILE" in err
    status, out, _ = run("report", "closed", "--format", "md", "--output", "mine.md")
    assert (status, out) == (0, "mine.md\n")
    assert Path("mine.md").read_text().startswith("# Sweep closed")
