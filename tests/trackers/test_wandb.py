"""Laws of rows as W&B runs, offline: read back from the files that W&B's own service wrote."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mnist_sweep import Status, WandB
from mnist_sweep.errors import ConfigError, TrackerError
from mnist_sweep.trackers.wandb import COMPLETE, Project, run_id
from tests.conftest import MakeRow, Refused
from tests.trackers.conftest import MakeSweep, run_here

BLOCK, HEADER = 32768, struct.Struct("<IHB")
DIGITS = WandB(project="digits")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """W&B without an account, and with a network that leads nowhere."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")


class Logged(NamedTuple):
    """What the file of an offline run says."""

    run: Any
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    exit_code: int


def records(path: Path) -> Iterator[Any]:
    """Yield the records of a `.wandb` file, which is a log in LevelDB's format behind a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    content, place, parts = path.read_bytes(), 7, b""
    while place + HEADER.size <= len(content):
        if BLOCK - place % BLOCK < HEADER.size:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = HEADER.unpack_from(content, place)
        parts += content[place + HEADER.size : place + HEADER.size + length]
        place += HEADER.size + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield wandb_internal_pb2.Record.FromString(parts)
            parts = b""


def logged(path: Path) -> Logged:
    said, exit_code = None, -1
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            said = record.run
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        elif kind == "history":
            items = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            history.append(items)
        elif kind == "summary":
            summary |= {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.summary.update}
        elif kind == "exit":
            exit_code = record.exit.exit_code
    return Logged(said, config, history, summary, exit_code)


def files(folder: Path) -> dict[str, Path]:
    """Return the file of each offline run in a results folder by the run's id."""
    found = sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"))
    by_id = {path.stem.removeprefix("run-"): path for path in found}
    assert len(by_id) == len(found)
    return by_id


@pytest.mark.usefixtures("offline")
def test_every_row_is_an_offline_run_with_its_config_its_curve_and_its_results(
    tmp_path: Path, make_sweep: MakeSweep
) -> None:
    outcome = run_here(make_sweep("rates"), tmp_path, DIGITS)
    found = files(outcome.folder)
    assert (outcome.unsent, sorted(found)) == ((), sorted(run_id(row) for row in outcome.rows))
    for row in outcome.rows:
        said = logged(found[run_id(row)])
        name = f"learning_rate={row.config['optimizer.learning_rate']}"
        assert (said.run.project, said.run.display_name, said.run.job_type) == ("digits", name, "rates")
        assert said.run.run_group == f"{name} {row.config_id}"
        settings = {name: value for name, value in row.config.items() if value is not None}
        assert settings.items() <= said.config.items()
        points = [(point.step, point.val_accuracy, point.train_loss) for point in row.history]
        assert [(one["_step"], one["val_accuracy"], one["train_loss"]) for one in said.history] == points
        for name in ("val_accuracy", "val_loss", "test_accuracy", "parameters", "seconds_total", "trial_id", "version"):
            assert said.summary[name] == getattr(row, name)
        assert (said.summary["status"], said.exit_code) == ("ok", 0)


@pytest.mark.usefixtures("offline")
def test_a_second_run_logs_no_trial_twice_and_one_that_broke_off_again(tmp_path: Path, make_sweep: MakeSweep) -> None:
    first = run_here(make_sweep("rates"), tmp_path)
    again = run_here(make_sweep("rates"), tmp_path, DIGITS)
    before = {path: path.stat().st_mtime_ns for path in files(first.folder).values()}
    assert (again.num_run, len(before)) == (0, 3)
    broken = files(first.folder)[run_id(first.rows[0])]
    broken.with_name(COMPLETE).unlink()
    del before[broken]
    run_here(make_sweep("rates"), tmp_path, DIGITS)
    after = {path: path.stat().st_mtime_ns for path in files(first.folder).values()}
    assert (len(after), before.items() <= after.items()) == (3, True)


@pytest.mark.usefixtures("offline")
def test_every_project_has_every_row_once(tmp_path: Path, make_sweep: MakeSweep) -> None:
    for project in ("one", "other", "one", "other"):
        outcome = run_here(make_sweep("rates"), tmp_path, WandB(project=project))
    found = [logged(path).run for path in (outcome.folder / "wandb").glob("offline-run-*/run-*.wandb")]
    runs = [run_id(row) for row in outcome.rows]
    assert sorted((said.project, said.run_id) for said in found) == sorted(
        (project, run) for project in ("one", "other") for run in runs
    )


def test_a_mark_that_names_no_project_is_of_none(tmp_path: Path, make_row: MakeRow) -> None:
    row, other = make_row(started=1.0), make_row(started=2.0)
    for number, (of, content) in enumerate([(row, b""), (row, "größer".encode()), (other, b"\xff")]):
        folder = tmp_path / "wandb" / f"run-20261121_233430-{number}"
        folder.mkdir(parents=True)
        (folder / f"run-{run_id(of)}.wandb").touch()
        (folder / COMPLETE).write_bytes(content)
    lacked = {project: Project(project, "any", tmp_path).lacks([row, other]) for project in ("größer", "other")}
    assert lacked == {"größer": [other], "other": [row, other]}


@pytest.mark.usefixtures("offline")
def test_a_row_that_is_run_again_is_another_run(
    tmp_path: Path, make_sweep: MakeSweep, fickle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep("again", [0.1], model=[fickle()])
    failed = run_here(sweep, tmp_path, DIGITS)
    monkeypatch.setattr(fickle, "fails", False)
    again = run_here(sweep, tmp_path, DIGITS, retry=[Status.FAILED])
    found = files(again.folder)
    ends = [logged(found[run_id(outcome.rows[0])]).exit_code for outcome in (failed, again)]
    assert (len(found), ends) == (2, [1, 0])


@pytest.mark.usefixtures("offline")
def test_a_run_holds_nothing_of_this_machine_but_the_row(tmp_path: Path, make_sweep: MakeSweep) -> None:
    outcome = run_here(make_sweep("bare", [0.1]), tmp_path, DIGITS)
    [path] = files(outcome.folder).values()
    held = path.read_bytes()
    assert [told for told in (str(Path.cwd()), sys.executable, str(tmp_path)) if told.encode() in held] == []
    assert logged(path).run.host == ""
    assert not list((path.parent / "files").glob("*"))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("mode", "cause"), [("online", "No API key configured"), ("disabled", "is disabled")])
def test_what_cannot_be_used_is_told_before_anything_is_written(
    mode: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    quickstart = Path(__file__).parents[2] / "sweeps" / "quickstart.py"
    command = [sys.executable, "-m", "mnist_sweep", "run", str(quickstart), "--runner", "local", "--wandb", "digits"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1), ended.stderr
    assert ended.stderr.startswith("error: Weights & Biases")
    assert cause in ended.stderr
    written = {path.relative_to(tmp_path).parent for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {Path("cache/wandb/logs")}  # of W&B's own service, if it is fast enough
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with refused(TrackerError, "pip install 'mnist_sweep[wandb]'"):
        WandB(project="digits").connect("any", tmp_path)


@pytest.mark.parametrize("project", ["", "a/b", "a:b", "x" * 129, "a\n"])
def test_what_is_no_name_of_a_project_is_refused(project: str) -> None:
    with pytest.raises(ConfigError, match="the name of a W&B project"):
        WandB(project=project)
