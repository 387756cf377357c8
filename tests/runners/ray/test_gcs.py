"""Laws of a running cluster's GCS: one that does not answer is no cluster, and one that is lost ends a run soon."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from queue import Empty, SimpleQueue
from types import SimpleNamespace

import grpc
import pytest
import ray

from mnist_sweep import RayTune
from mnist_sweep.errors import ConfigError, ResourceError
from mnist_sweep.runners.ray import gcs, private
from tests.runners.ray.test_cluster import head, without_ray


@contextlib.contextmanager
def server(method: str = gcs.METHOD) -> Iterator[tuple[str, grpc.Server]]:
    """Serve one method by gRPC; give the address and the server."""

    def handler(call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return grpc.unary_unary_rpc_method_handler(lambda *_: b"") if call.method == method else None

    serving = grpc.server(futures.ThreadPoolExecutor(1), handlers=[SimpleNamespace(service=handler)])
    port = serving.add_insecure_port("127.0.0.1:0")
    serving.start()
    try:
        yield f"127.0.0.1:{port}", serving
    finally:
        serving.stop(None).wait()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[grpc.Server]:
    """Stand in for the GCS of the connected cluster, which is asked without a pause."""
    monkeypatch.setattr(gcs, "SECONDS_BETWEEN", 0.0)
    with server() as (address, serving):
        monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address=address))
        yield serving


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.local:6379", "[fd00::1]:6379"])
def test_an_address_is_auto_or_a_host_and_its_port(address: str) -> None:
    assert RayTune(address=address).address == address


@pytest.mark.parametrize(
    "address", ["", "local", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "fd00::1:6379", "ray://10.0.0.1:10001"]
)
def test_anything_else_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError, match="`address is auto or host:port` must hold"):
        RayTune(address=address)


def test_a_gcs_that_answers_is_reachable() -> None:
    with server() as (address, _):
        gcs.require_reachable(address)


def test_what_listens_without_answering_as_ray_does_is_refused() -> None:
    with server("/ray.rpc.RayletDriver/RayletInit") as (address, _), pytest.raises(ResourceError, match="as Ray does"):
        gcs.require_reachable(address)  # as the server of Ray's clients does


def test_an_encrypted_gcs_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gcs.require_reachable(f"127.0.0.1:{silent.getsockname()[1]}")


def test_where_auto_leads_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    message = "at 127.0.0.1:9, which RAY_ADDRESS or the last `ray start` names: Connection refused"
    with pytest.raises(ResourceError, match=message):
        gcs.require_reachable("auto")


def test_an_auto_that_leads_to_a_server_of_rays_clients_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:10001")
    with pytest.raises(ResourceError, match=r"ray://127.0.0.1:10001, .* needs the address host:port of `ray start`"):
        gcs.require_reachable("auto")


def test_an_auto_that_stands_for_a_ray_of_ones_own_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "found_address", lambda: "local")  # as RAY_ADDRESS=local, with which Ray starts one
    with pytest.raises(ResourceError, match="at local, which RAY_ADDRESS or the last `ray start` names: it stands for"):
        gcs.require_reachable("auto")


def test_an_auto_that_leads_nowhere_is_rays_own_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(private, "found_address", none)
    with pytest.raises(ResourceError, match=r"^Ray could not be reached at auto: .* any running Ray instance\.$"):
        gcs.require_reachable("auto")


def test_a_lost_gcs_is_reported_once(connected: grpc.Server) -> None:
    reported = SimpleQueue[ResourceError]()
    with gcs.watched("10.0.0.1:6379", reported.put):
        connected.stop(None).wait()
        error = reported.get(timeout=60)
    assert str(error).startswith("the cluster at 10.0.0.1:6379 no longer answers: finished trials")
    assert reported.empty()


def test_a_run_that_waits_for_a_lost_gcs_ends_in_one_line() -> None:
    code = """
import time
from types import SimpleNamespace
import ray
from mnist_sweep.runners.ray import gcs, private
from mnist_sweep.system import refused_exits
refused_exits.refuse()
gcs.SECONDS_BETWEEN = gcs.SECONDS_TO_END = 0.0
ray.get_runtime_context = lambda: SimpleNamespace(gcs_address="127.0.0.1:9")
with gcs.watched("10.0.0.1:6379", lambda error: None):
    time.sleep(600)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: the cluster at 10.0.0.1:6379 no longer answers")
    assert ended.stderr.count("\n") == 1


@pytest.mark.usefixtures("connected")
def test_a_gcs_that_answers_is_not_reported() -> None:
    reported = SimpleQueue[ResourceError]()
    with gcs.watched("10.0.0.1:6379", reported.put), pytest.raises(Empty):
        reported.get(timeout=0.2)


@pytest.mark.parametrize("cluster", [None, "10.0.0.1:6379"])
def test_no_gcs_is_watched_of_a_ray_of_ones_own_or_that_may_start_again(
    monkeypatch: pytest.MonkeyPatch, cluster: str | None
) -> None:
    monkeypatch.setattr(ray, "get_runtime_context", None)
    if cluster:
        monkeypatch.setenv(gcs.RECONNECT, "600")
    with gcs.watched(cluster, print):
        pass


@pytest.mark.cluster
@pytest.mark.parametrize("search", [False, True])
def test_a_run_on_a_cluster_that_loses_its_gcs_ends_in_one_line(tmp_path: Path, search: bool) -> None:
    script = """
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=10**6, evaluate_every=1000)
LISTED = dict(trials=[BASE])
SEARCH = dict(search=Search(base=BASE, axes={"weight_decay": Uniform(low=0.0, high=0.1)}, num_trials=9))
"""
    (tmp_path / "long.py").write_text(f"{script}SWEEP = Sweep(name='long', **{'SEARCH' if search else 'LISTED'})\n")
    with head(tmp_path / "head", "disabled") as address:
        command = [sys.executable, "-u", "-m", "mnist_sweep", "run", "long.py", "--address", address]
        with subprocess.Popen(
            command, cwd=tmp_path, env=without_ray(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as driver:
            assert driver.stdout is not None
            if any("to run" in line for line in driver.stdout):
                os.kill(gcs_server(address), signal.SIGKILL)
            _, errors = driver.communicate(timeout=300)
    assert driver.returncode == 2, errors
    assert errors.startswith(f"error: the cluster at {address} no longer answers")
    assert errors.count("\n") == 1


def gcs_server(address: str) -> int:
    """Return the process id of the GCS that listens at an address."""
    port = f"--gcs_server_port={address.rpartition(':')[2]}".encode()
    return next(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if port in path.read_bytes())
