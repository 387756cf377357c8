import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray import cluster


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--gpus-per-trial", "64", "`cpus_per_trial` and `gpus_per_trial` must fit one machine"),
        ("--address", "127.0.0.1:9", "Ray could not be reached at 127.0.0.1:9: Connection refused"),
    ],
)
def test_what_ray_does_not_have_is_told_in_one_line(tmp_path: Path, option: str, value: str, message: str) -> None:
    (tmp_path / "plain.py").write_text("from mnist_sweep import *\nSWEEP = Sweep(name='plain', trials=[TrialConfig()])")
    command = [sys.executable, "-m", "mnist_sweep", "run", "plain.py", option, value]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {message}")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_a_ray_that_does_not_come_up_is_told_in_one_line_whatever_it_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def init(**options: object) -> None:
        raise Exception("The current node timed out during startup.\nThe GCS has become overloaded.")

    monkeypatch.setattr(ray, "init", init)
    message = "^Ray could not be reached on this machine: The current node timed out during startup. The GCS"
    with (
        mock.patch.dict(os.environ),
        pytest.raises(ResourceError, match=message),
        cluster.connected(None, num_cpus=1, code=[]),
    ):
        pass


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's list of open ports")
def test_ray_listens_on_loopback_only_and_is_gone_afterwards(tmp_path: Path) -> None:
    code = """
def family(pid):
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from (child, *family(child))

def sockets(pid):
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield os.readlink(file)
        except OSError:
            pass

from mnist_sweep.runners.ray import cluster as ray_cluster
with ray_cluster.connected(None, num_cpus=None, code=[]):
    own = {name for pid in [os.getpid(), *family(os.getpid())] for name in sockets(pid)}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net/" + name).open()]
    listening = [line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in own]
print(json.dumps([listening, list(family(os.getpid()))]))
"""
    head = "import json, os\nfrom pathlib import Path\n"
    ended = subprocess.run(
        [sys.executable, "-c", head + code], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=True
    )
    listening, left = json.loads(ended.stdout)
    assert len(listening) >= 3
    loopback = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
    assert all(end.partition(":")[0] in loopback for end in listening)
    assert left == []


@pytest.mark.cluster
@pytest.mark.parametrize("mode", ["disabled", "token"])
def test_a_cluster_that_asks_for_no_token_is_warned_of_though_the_driver_has_one(tmp_path: Path, mode: str) -> None:
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0123456789abcdef" * 2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=1"]
    command += ["--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"}
    code = f"""
from mnist_sweep.runners.ray import cluster as ray_cluster
with ray_cluster.connected("{address}", num_cpus=None, code=[]):
    print(ray_cluster.warning("{address}"))
"""
    head = subprocess.Popen(
        command, env=environment | {"RAY_AUTH_MODE": mode}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert head.stdout is not None
        assert any("Ray runtime started" in line for line in head.stdout)
        ended = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100, check=True
        )
    finally:
        head.terminate()
        head.communicate(timeout=60)
    told = ended.stdout.strip()
    assert told == "None" if mode == "token" else told.startswith(f"the cluster at {address} asks for no token, ")


def test_a_ray_of_ones_own_is_not_warned_of() -> None:
    assert cluster.warning(None) is None


def test_no_usage_report_is_sent() -> None:
    assert cluster.ENVIRONMENT["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_folder_too_large_to_ship_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_SHIPPED_BYTES", 1000)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "large").write_bytes(bytes(5000))
    (tmp_path / "script.py").write_bytes(bytes(900))
    cluster._check_size(tmp_path)
    (tmp_path / "data").write_bytes(bytes(200))
    with pytest.raises(ResourceError, match="goes to every node"):
        cluster._check_size(tmp_path)


LOST = """The node with node id: bfc9 and address: 10.0.0.3 and node name: 10.0.0.3 has been marked dead because the \
detector has missed too many heartbeats from it. This can happen when a \t(1) raylet crashes unexpectedly (OOM, etc.)
\t(2) raylet has lagging heartbeats due to slow network or busy workload."""


def test_what_ray_says_of_its_nodes_is_one_short_line() -> None:
    assert cluster.in_one_line(LOST) == "the node 10.0.0.3 is lost; the trials that ran there are tried again"
    other = cluster.in_one_line("Raylet is terminated.\n" + "log\n" * 200)
    assert other.startswith("Ray says: Raylet is terminated. log")
    assert len(other) <= cluster.LONGEST_WORDS
    assert "\n" not in other
