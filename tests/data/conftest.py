"""Isolation and real files: no test here reads the user's cache, writes into it, or reaches the network."""

import os
from pathlib import Path

import pytest

_BESIDE_PROJECT = Path(__file__).parents[2].parent / "shared" / "data"
_NAMED = os.environ.get("MNIST_SWEEP_DATA", str(_BESIDE_PROJECT)).split(os.pathsep)
_REAL = [Path(name).resolve() for name in _NAMED if name]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MNIST_SWEEP_DATA", raising=False)
    monkeypatch.setenv("MNIST_SWEEP_MNIST_URL", (tmp_path / "no_mirror").as_uri())
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def real_mnist(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let data be found in the real folders; return the folder of the four MNIST files."""
    folders = [folder / "mnist" for folder in _REAL if list(folder.glob("mnist/*.gz"))]
    if not folders:
        pytest.skip("no folder of MNIST_SWEEP_DATA, nor ../shared/data beside the project, holds mnist/*.gz")
    monkeypatch.setenv("MNIST_SWEEP_DATA", os.pathsep.join(map(str, _REAL)))
    return folders[0]
