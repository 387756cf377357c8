"""Laws of the commands that analyse a results folder: each prints its result, and refuses a folder without rows."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run, content


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


@pytest.mark.parametrize("arguments", [["effects", "none"], ["diff", "none", "none"], ["compare", "none", "aaaa", "b"]])
def test_folder_without_rows_is_one_line(folder: Path, run: Run, arguments: list[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: none holds no rows: ")
