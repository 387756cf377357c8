"""Shared fixtures: isolation from the user's files and the network, real data, rows, refusals, TensorFlow, Ray.

Nothing here loads TensorFlow, Ray or pandas unless a test asks for the fixture that needs it.
"""

import contextlib
import errno
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mnist_sweep import (
    CNN,
    Adagrad,
    Adam,
    Cosine,
    GradientDescent,
    Momentum,
    RMSProp,
    Softmax,
    Stepwise,
    read_history,
    read_trials,
)
from mnist_sweep.system import refused_exits
from mnist_sweep.trials.config import TrialConfig, config_id, defaults, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

_BESIDE_PROJECT = Path(__file__).parents[1].parent / "shared" / "data"
_NAMED = os.environ.get("MNIST_SWEEP_DATA", str(_BESIDE_PROJECT)).split(os.pathsep)
_REAL = [Path(name).resolve() for name in _NAMED if name]

Refused = Callable[..., contextlib.AbstractContextManager[None]]
MakeRow = Callable[..., TrialRow]
Figures = Callable[[Path], tuple[str, str]]

POINT = Evaluation(
    step=50,
    train_loss=0.7,
    train_accuracy=0.75,
    val_loss=0.5,
    val_accuracy=0.8,
    learning_rate=0.001,
    seconds=1.5,
)
RESULT: dict[str, Any] = {
    "val_accuracy": 0.9,
    "val_loss": 0.3,
    "test_accuracy": 0.91,
    "num_test": 300,
    "train_loss": 0.2,
    "steps": 100,
    "parameters": 650,
    "seconds_total": 12.345,
    "seconds_setup": 1.5,
    "seconds_train": 10.125,
    "seconds_evaluate": 0.625,
    "history": (POINT,),
}
MIXTURE = [
    TrialConfig(model=Softmax(), optimizer=GradientDescent()),
    TrialConfig(model=CNN(filters=(8, 16), units=64), optimizer=Momentum()),
    TrialConfig(model=CNN(dropout=0.25), optimizer=RMSProp(learning_rate=0.1 + 0.2), schedule=Cosine()),
    TrialConfig(optimizer=Adagrad(), schedule=Stepwise(boundaries=(10, 20)), precision="mixed_bfloat16"),
    TrialConfig(optimizer=Adam(epsilon=1e-7), seed=3),
]


# A shell's background job ignores SIGINT, and so would the runs of its tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# TensorFlow reads these when a test module imports it, before `tensorflow_runtime.configure` could set them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def pytest_collection_finish() -> None:
    """Configure TensorFlow as a trial on one CPU does, before a test that trains runs its first operation."""
    if {"tensorflow", "mnist_sweep.training.fitting"} & sys.modules.keys():
        _configure()


def _configure() -> None:
    from mnist_sweep.training import tensorflow_runtime

    tensorflow_runtime.configure(threads=1)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Make the network unreachable for this process, apart from loopback; the nodes of a cluster have addresses."""
    if request.node.get_closest_marker("cluster"):
        return
    connect = socket.socket.connect

    def connect_to_loopback(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise OSError(errno.ENETUNREACH, f"tests do not use the network, but one connects to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_to_loopback)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MNIST_SWEEP_DATA", raising=False)
    for name in ("MNIST", "CIFAR10", "FASHION_MNIST", "KMNIST"):
        monkeypatch.setenv(f"MNIST_SWEEP_{name}_URL", (tmp_path / "no_mirror").as_uri())
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(autouse=True)
def _exits_allowed() -> Iterator[None]:
    yield
    refused_exits.allow()  # after a run that has failed they stay refused


def _real(name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    folders = [folder / name for folder in _REAL if list(folder.glob(f"{name}/*.gz"))]
    if not folders:
        pytest.skip(f"no folder of MNIST_SWEEP_DATA, nor ../shared/data beside the project, holds {name}/*.gz")
    monkeypatch.setenv("MNIST_SWEEP_DATA", os.pathsep.join(map(str, _REAL)))
    return folders[0]


@pytest.fixture
def real_mnist(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let data be found in the real folders; return the folder of the four MNIST files."""
    return _real("mnist", monkeypatch)


@pytest.fixture
def real_cifar10(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let data be found in the real folders; return the folder of the CIFAR-10 files."""
    return _real("cifar10", monkeypatch)


@pytest.fixture
def mixture() -> list[TrialConfig]:
    """Configs that differ in every part."""
    return MIXTURE


@pytest.fixture
def make_row() -> MakeRow:
    """Rows of a config: with a whole result if `ok`, with none otherwise, apart from what is given by name."""

    def make(config: TrialConfig | None = None, status: Status = Status.OK, **given: Any) -> TrialRow:
        config = config or TrialConfig()
        fields = {"worker": "host:1", "version": "0.1.0"} | (RESULT if status is Status.OK else {}) | given
        return TrialRow(
            trial_id=trial_id(config),
            config_id=config_id(config),
            status=status,
            config=to_flat(config),
            defaults=defaults(config),
            **fields,
        )

    return make


@pytest.fixture
def refused() -> Refused:
    """The body must raise this error, in one line that holds all these parts and reads as a sentence."""

    @contextlib.contextmanager
    def refused(kind: type[Exception], *parts: str) -> Iterator[None]:
        with pytest.raises(kind) as caught:
            yield
        message = str(caught.value)
        assert [part for part in parts if part not in message] == [], message
        assert len(message.splitlines()) == 1, message
        assert "got got" not in message

    return refused


@pytest.fixture(scope="session")
def tf() -> Any:
    """TensorFlow, set up as every trial on one CPU has it."""
    _configure()
    import tensorflow

    return tensorflow


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A small Ray on loopback to which this process is connected, so that `RayTune()` uses it."""
    from mnist_sweep.runners.ray import cluster

    with mock.patch.dict(os.environ), cluster.connected(None, num_cpus=2, code=[], fork_threads=1, has_agents=False):
        yield


@pytest.fixture
def figures() -> Figures:
    """The tables of a results folder as text, without times and workers: what must be the same however it was run."""

    def text(results: Path) -> tuple[str, str]:
        trials, history = read_trials(results), read_history(results)
        names = [str(name) for name in trials if not str(name).startswith(("seconds", "worker"))]
        return trials[names].to_csv(), history.drop(columns="seconds").to_csv()

    return text


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    """Let a test start, and end, in a process that keeps nothing from other trials."""
    from mnist_sweep.training import tensorflow_runtime

    _configure()
    tensorflow_runtime._CACHE.clear()
    yield
    tensorflow_runtime._CACHE.clear()
