"""The law of clusters, in the short form of `tests.faults.cluster`: a node may die and another join."""

import importlib.util
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.cluster import environment, missing, survived

REASON = missing()


@pytest.mark.cluster
@pytest.mark.skipif(REASON is not None, reason=REASON or "")
@pytest.mark.parametrize("s3", [False, True], ids=["folder", "s3"])
def test_a_node_dies_and_another_joins_and_the_tables_are_those_of_one_process(
    monkeypatch: pytest.MonkeyPatch, s3: bool
) -> None:
    if s3 and importlib.util.find_spec("flask") is None:
        pytest.skip("no S3 server: pip install 'moto[server]'")
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    folder = Path(tempfile.mkdtemp(prefix="mnsw-"))  # tmp_path is too long for Ray's sockets
    try:
        counts = survived(folder, nodes=2, trials=4, steps=2000, s3=s3)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert counts.good, f"{counts.log}\n{counts}"
