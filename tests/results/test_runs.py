"""Laws of the record of runs: what it holds, what it hides, and that no line is torn or lost."""

import dataclasses
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.results import runs as provenance
from mnist_sweep.results.runs import RunRecord, append, describe_run, git_refusal, git_state, read, rerun_command
from mnist_sweep.system.machine import num_cpus
from tests.conftest import Refused

HERE = Path("results/mine")
GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]


def run_of(**given: Any) -> RunRecord:
    made = describe_run(seconds=5.0, runner="ray", num_workers=2, num_run=3, data={"images": "ab" * 32})
    return dataclasses.replace(made, **given)


def git(folder: Path, *words: str) -> str:
    ended = subprocess.run([*GIT, "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return ended.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "sweep.py").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    runs = [run_of(), run_of(predicted_seconds=4.5, git_commit="ab", git_dirty=True, memory_bytes=None)]
    for run in runs:
        append(tmp_path, run)
    assert read(tmp_path) == runs


def test_folder_without_a_record_has_no_runs(tmp_path: Path) -> None:
    assert read(tmp_path) == []


def test_each_run_is_one_line_of_json(tmp_path: Path) -> None:
    for _ in range(3):
        append(tmp_path, run_of(command=("a\nb", "\u2028")))
    lines = (tmp_path / "runs.jsonl").read_bytes().split(b"\n")
    assert [bool(line) for line in lines] == [True, True, True, False]
    assert all(json.loads(line)["command"] == ["a\nb", "\u2028"] for line in lines[:3])


def test_what_is_observed_is_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mnist-sweep", "run", "x.py"])
    run = describe_run(seconds=2.5, runner="local", num_workers=1, num_run=0, data={}, predicted_seconds=1.0)
    assert (run.seconds, run.command, run.predicted_seconds) == (2.5, tuple(sys.argv), 1.0)
    assert run.packages["numpy"] == version("numpy")
    assert run.python == sys.version.split()[0]
    assert run.cpus == num_cpus()
    assert run.memory_bytes is not None
    assert run.memory_bytes > 2**28
    assert datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started) <= timedelta(seconds=3)
    assert run.ended.endswith("Z")


def test_package_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-at-all"))
    assert list(run_of().packages) == ["numpy"]


def test_commit_and_changes_are_those_of_the_scripts_folder(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert git_state(repository) == (commit, False)
    (repository / "notes.txt").write_text("unknown to git")
    assert git_state(repository) == (commit, False)
    (repository / "sweep.py").write_text("2")
    assert git_state(repository) == (commit, True)
    run = describe_run(seconds=2.5, runner="ray", num_workers=1, num_run=0, data={}, script_folder=repository)
    assert (run.git_commit, run.git_dirty) == (commit, True)


def test_a_repository_that_git_refuses_is_told_with_the_way_out(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = repository / "my sweeps"
    inner.mkdir()
    assert git_refusal(inner) is None
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own
    assert git_state(inner) == (None, None)
    assert str(git_refusal(inner)).endswith(f"`git config --global --add safe.directory {repository}`")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_refusal(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_refusal(inner) is None


@pytest.mark.parametrize("without_git", [False, True])
def test_no_repository_or_no_git_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_git: bool
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if without_git:
        monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) == (None, None)


def test_secrets_of_the_command_line_are_never_recorded(tmp_path: Path) -> None:
    append(tmp_path, run_of(command=("run", "--storage=s3://key:secret@bucket/x", "--api-key", "secret")))
    assert read(tmp_path)[0].command == ("run", "--storage=s3://***@bucket/x", "--api-key", "***")
    assert "secret" not in (tmp_path / "runs.jsonl").read_text()


def damaged() -> list[Any]:
    whole = dataclasses.asdict(run_of())
    return [
        pytest.param(json.dumps(whole)[:50], id="torn"),
        pytest.param("garbage", id="garbage"),
        pytest.param("[]", id="no object"),
        pytest.param("", id="empty line"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param(json.dumps({key: value for key, value in whole.items() if key != "host"}), id="field missing"),
        pytest.param(json.dumps(whole | {"num_run": "three"}), id="text for a number"),
        pytest.param(json.dumps(whole | {"packages": [1]}), id="list for a mapping"),
        pytest.param(json.dumps(whole | {"data": {"images": 1}}), id="number for a text"),
        pytest.param('"\\ud800"', id="half a character"),
    ]


@pytest.mark.parametrize("line", damaged())
def test_damaged_line_is_named_with_the_way_out(tmp_path: Path, refused: Refused, line: str) -> None:
    append(tmp_path, run_of())
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write(f"{line}\n")
    with refused(LedgerError, f"line 2 of {tmp_path / 'runs.jsonl'}", "delete that line"):
        read(tmp_path)


def test_line_that_is_no_unicode_is_named(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "runs.jsonl").write_bytes(b"\xff\xfe\n")
    with refused(LedgerError, "line 1 of"):
        read(tmp_path)


def test_run_of_a_later_version_with_more_fields_is_read(tmp_path: Path) -> None:
    run = run_of()
    line = json.dumps(dataclasses.asdict(run) | {"planet": "earth"})
    (tmp_path / "runs.jsonl").write_text(f"{line}\n")
    assert read(tmp_path) == [run]


def test_run_after_a_line_without_its_end_is_a_line_of_its_own(tmp_path: Path) -> None:
    run = run_of()
    (tmp_path / "runs.jsonl").write_text(json.dumps(dataclasses.asdict(run)))
    append(tmp_path, run)
    assert read(tmp_path) == [run, run]


def test_full_disk_leaves_the_runs_before(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    append(tmp_path, run_of())
    before = (tmp_path / "runs.jsonl").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with refused(LedgerError, "runs.jsonl", "No space left on device"):
        append(tmp_path, run_of())
    assert [path.name for path in tmp_path.iterdir()] == ["runs.jsonl"]
    assert (tmp_path / "runs.jsonl").read_bytes() == before


def test_record_that_cannot_be_read_is_told(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "runs.jsonl").mkdir()
    with refused(LedgerError, str(tmp_path / "runs.jsonl"), "cannot be read"):
        read(tmp_path)


def test_run_that_breaks_a_rule_cannot_exist() -> None:
    with pytest.raises(ConfigError, match="packages"):
        run_of(packages={"numpy": 2})


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (["/opt/bin/mnist-sweep", "run", "a.py"], "run a.py"),
        (["/lib/mnist_sweep/__main__.py", "run", "a.py", "--xla"], "run a.py --xla"),
        (["sweeps/a.py", "--steps", "5"], "run sweeps/a.py --steps 5"),
        (["mnist-sweep", "quickstart", "--data", "pets", "--seeds", "3"], "quickstart --data pets"),
        (["mnist-sweep", "run", "--num-trials", "3", "a.py", "--seeds=2", "--retry", "failed"], "run a.py"),
        (
            ["mnist-sweep", "run", "a.py", "--results", "--retry", "--precision", "float32"],
            "run a.py --precision float32",
        ),
        (["mnist-sweep", "run", "a.py", "--json", "--quiet", "--time-budget", "9", "--configs", "x"], "run a.py"),
        (
            ["mnist-sweep", "run", "a.py", "--keep-models", "all", "--results", "x", "--notify", "***"],
            "run a.py --keep-models all",
        ),
    ],
)
def test_options_that_choose_trials_or_their_time_are_left_out(recorded: list[str], words: str) -> None:
    assert rerun_command(recorded, HERE) == ("mnist-sweep", *words.split())


@pytest.mark.parametrize("recorded", [[], [""], ["mnist-sweep", "plan", "a.py"], ["ipykernel_launcher"], ["-c"]])
def test_what_ran_no_script_has_no_command(recorded: list[str]) -> None:
    assert rerun_command(recorded, HERE) == ()


def test_the_results_folder_is_named_unless_it_is_the_default() -> None:
    assert rerun_command(["a.py"], Path("/data/mine")) == ("mnist-sweep", "run", "a.py", "--results", "/data")
