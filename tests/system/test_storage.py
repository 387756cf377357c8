"""Laws of storages: a folder and a bucket keep files alike, and every fault is one line."""

import contextlib
import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import GradientDescent, Keep, Local, Softmax, Status, Sweep, TrialConfig, grid, run, trial_id
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import run_marker
from mnist_sweep.runners.trial import steps
from mnist_sweep.system import storage as storages
from mnist_sweep.system.storage import Bucket, Folder, Storage, absolute, folder_in, storage
from mnist_sweep.trackers.tensorboard.hparams import log_folder
from mnist_sweep.training import checkpoints
from mnist_sweep.training.fitting import consume
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.events import Notice
from tests.conftest import Refused
from tests.faults.cluster import CREDENTIALS, s3_server
from tests.sweep.conftest import Events

LOOPBACK = "127.0.0.1"
CONTENTS = [b"", b"whole", bytes(range(256)) * 50_000]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a folder on an S3 server of this machine."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        pytest.skip("no S3 server: pip install 'moto[server]'")
    with s3_server(LOOPBACK, free_port()) as url:
        yield url


@pytest.fixture(params=["folder", "file", "s3"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage of each kind."""
    if request.param == "s3":
        return storage(folder_in(request.getfixturevalue("server"), tmp_path.name))
    return storage(str(tmp_path / "kept") if request.param == "folder" else (tmp_path / "kept").as_uri())


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nothing listens, and which nobody else is given meanwhile."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        yield int(bound.getsockname()[1])


def s3_url(port: int) -> str:
    return f"s3://bucket/folder?endpoint_override={LOOPBACK}:{port}&scheme=http&region=us-east-1"


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_what_is_written_is_read_back(kept: Storage, content: bytes) -> None:
    kept.write("checkpoints/a", content, "checkpoint")
    assert kept.exists("checkpoints/a")
    assert kept.read("checkpoints/a") == content


def test_a_file_written_again_holds_the_new_only(kept: Storage) -> None:
    kept.write("checkpoints/a", b"long and old", "checkpoint")
    kept.write("checkpoints/a", b"new", "checkpoint")
    assert (kept.read("checkpoints/a"), kept.names("checkpoints")) == (b"new", ["checkpoints/a"])


def test_names_are_the_files_of_one_folder_sorted(kept: Storage) -> None:
    for name in ("checkpoints/b", "checkpoints/a", "checkpoints/deeper/c", "logs/d", "e"):
        kept.write(name, b"x", "file")
    assert kept.names("checkpoints") == ["checkpoints/a", "checkpoints/b"]


def test_a_missing_file_is_none_and_a_missing_folder_is_empty(kept: Storage) -> None:
    kept.write("checkpoints/a", b"x", "file")
    assert (kept.read("checkpoints/b"), kept.exists("checkpoints/b")) == (None, False)
    assert (kept.read("nowhere/b"), kept.exists("nowhere/b"), kept.names("nowhere")) == (None, False, [])
    assert not kept.exists("checkpoints")


def test_a_file_is_removed_once_and_removing_it_again_does_nothing(kept: Storage) -> None:
    for name in ("checkpoints/a", "checkpoints/b"):
        kept.write(name, b"x", "file")
    for _ in range(2):
        kept.delete("checkpoints/a")
        assert kept.names("checkpoints") == ["checkpoints/b"]
    kept.delete("nowhere/a")


def test_a_file_url_is_a_folder_since_folders_write_whole(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    assert storage(folder.as_uri()) == Folder(folder)


@pytest.mark.parametrize(
    ("where", "inside"),
    [
        ("kept", "kept/sweep"),
        ("/kept/", "/kept/sweep"),
        ("what?/kept", "what?/kept/sweep"),
        ("s3://bucket", "s3://bucket/sweep"),
        ("s3://bucket/a/?region=x&scheme=http", "s3://bucket/a/sweep?region=x&scheme=http"),
    ],
)
def test_a_folder_of_a_storage_goes_before_the_query_of_a_url(where: str, inside: str) -> None:
    assert folder_in(where, "sweep") == inside


@pytest.mark.parametrize(
    "url", ["nosuch://bucket/folder", "s3://", "s3://bucket/folder?nosuch=1", "hdfs://host/folder"]
)
def test_a_url_of_no_known_file_system_is_refused_at_once(refused: Refused, url: str) -> None:
    with refused(LedgerError, "a storage must be a folder or a URL such as s3://bucket/folder", url):
        storage(url)


def test_a_bucket_whose_region_nobody_tells_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, refused: Refused, closed_port: int
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(storages, "REGIONS", (LOOPBACK, closed_port))
    with refused(LedgerError, "but got s3://bucket/folder: ", "Connection refused", "add ?region=REGION"):
        storage("s3://bucket/folder")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_bytes(b"")
    with refused(LedgerError, f"the folder {tmp_path / 'file' / 'checkpoints'} cannot be made"):
        storage(str(tmp_path / "file")).write("checkpoints/a", b"x", "checkpoint")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timeouts that a test can wait for."""
    monkeypatch.setattr(storages, "S3_TIMEOUTS", {"connect_timeout": 1.0, "request_timeout": 1.0})


CALLS: dict[str, Callable[[Storage], object]] = {
    "written": lambda kept: kept.write("checkpoints/a", b"x", "checkpoint"),
    "checked": lambda kept: kept.exists("checkpoints/a"),
    "listed": lambda kept: kept.names("checkpoints"),
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("done", CALLS)
def test_a_server_that_is_not_there_is_one_line(refused: Refused, done: str, closed_port: int) -> None:
    url = s3_url(closed_port)
    with refused(LedgerError, f"cannot be {done} on the storage {url} (", "Could not connect to server"):
        CALLS[done](storage(url))


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_a_server_that_does_not_answer_is_given_up_after_at_most_four_tries(refused: Refused) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = s3_url(silent.getsockname()[1])
        with refused(LedgerError, f"cannot be checked on the storage {url} (", "Timeout was reached"):
            storage(url).exists("checkpoints/a")
        silent.settimeout(0)
        connections = 0
        with contextlib.suppress(BlockingIOError):
            while connections < 10:
                silent.accept()[0].close()
                connections += 1
    assert 1 <= connections <= 4


def test_a_bucket_that_is_not_there_is_one_line(server: str, refused: Refused) -> None:
    url = server.replace("s3://", "s3://no-")
    with refused(LedgerError, f"checkpoint checkpoints/a cannot be written on the storage {url} (", "no-"):
        Bucket(url).write("checkpoints/a", b"x", "checkpoint")


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_a_run_leaves_its_logs_and_its_best_model_on_the_storage(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    where = str(tmp_path / "there") if place == "folder" else folder_in(request.getfixturevalue("server"), "there")
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=40, evaluate_every=20)
    sweep = Sweep(name="rates", trials=grid(base, {"optimizer.learning_rate": [1e-6, 0.5, 1e-7]}))
    outcome = run(
        sweep, results=tmp_path / "here", runner=Local(in_process=True), keep=Keep(storage=where, summaries="scalars")
    )
    assert [row.error for row in outcome.rows] == [None] * 3
    kept = storage(folder_in(where, "rates"))
    best = outcome.rows[1].trial_id
    assert kept.names("models") == [f"models/{best}.keras"]
    assert kept.read(f"models/{best}.keras") == (outcome.folder / "models" / f"{best}.keras").read_bytes()
    assert kept.names("logs") == ["logs/sweep.tfevents"]
    for row in outcome.rows:
        folder = log_folder(row.config, ["optimizer.learning_rate"], row.trial_id)
        assert len(kept.names(folder)) == len(kept.names(f"{folder}/train")) == 1
    assert kept.names("checkpoints") == []
    assert not (outcome.folder / "logs").exists()


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({"summaries": "scalars"}, "its logs could not be kept: "),
        ({"run_marker": "checkpoints/run-0"}, "it ran without checkpoints: "),
    ],
)
def test_a_storage_that_no_trial_reaches_is_said_and_does_not_spoil_them(
    what: dict[str, Any], error: str, closed_port: int
) -> None:
    trial = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
    row = consume(steps(trial, artifacts=Artifacts(storage=s3_url(closed_port), **what)), lambda _: None)
    assert row.status is Status.OK
    assert (row.error or "").startswith(error)


def test_a_checkpoint_that_cannot_be_removed_is_said_and_ends_nothing(tmp_path: Path) -> None:
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
    sweep = Sweep(name="rates", trials=grid(base, {"optimizer.learning_rate": [0.1, 0.5]}))
    stuck = tmp_path / "there" / "rates" / checkpoints.name(trial_id(sweep.trials[0]))
    stuck.mkdir(parents=True)
    events, keep = Events(), Keep(storage=str(tmp_path / "there"))
    outcome = run(sweep, results=tmp_path / "here", runner=Local(in_process=True), keep=keep, listeners=[events])
    assert outcome.complete
    assert any("the checkpoint of " in one.text and str(stuck) in one.text for one in events.of(Notice))


def test_runs_of_other_machines_into_a_storage_are_left_alone(tmp_path: Path) -> None:
    trial = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
    there = Folder(tmp_path / "there" / "one")
    theirs, ours = run_marker.new_name(tmp_path / "theirs" / "one"), run_marker.new_name(tmp_path / "ours" / "one")
    for name in (theirs, ours):
        run_marker.write(there, name)
    sweep = Sweep(name="one", trials=[trial])
    run(sweep, results=tmp_path / "ours", runner=Local(in_process=True), keep=Keep(storage=str(tmp_path / "there")))
    assert there.names(checkpoints.FOLDER) == [theirs]


def test_a_folder_is_the_same_wherever_a_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("there") == str(tmp_path / "there")
    assert absolute("s3://bucket/there") == "s3://bucket/there"
