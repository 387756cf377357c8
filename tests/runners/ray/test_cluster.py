import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray import cluster


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--gpus-per-trial", "1", "`cpus_per_trial` and `gpus_per_trial` must fit one machine"),
        ("--address", "127.0.0.1:9", "Ray could not be reached at 127.0.0.1:9: Connection refused"),
    ],
)
def test_what_ray_does_not_have_is_reported_in_one_line(tmp_path: Path, option: str, value: str, message: str) -> None:
    (tmp_path / "plain.py").write_text("from mnist_sweep import *\nSWEEP = Sweep(name='plain', trials=[TrialConfig()])")
    command = [sys.executable, "-m", "mnist_sweep", "run", "plain.py", option, value]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {message}")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


def no_ray_starts(message: str) -> None:
    connecting = cluster.connected(None, num_cpus=1, code=[])
    with mock.patch.dict(os.environ), pytest.raises(ResourceError, match=message), connecting:
        pass


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The current node timed out during startup.\nThe GCS has become overloaded.", "The current .* The GCS .*"),
        ("", r"Exception\)"),
    ],
)
def test_a_ray_that_does_not_start_is_reported_in_one_line_whatever_it_raises(
    monkeypatch: pytest.MonkeyPatch, said: str, shown: str
) -> None:
    import ray

    def init(**options: object) -> None:
        raise Exception(said)

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # other tests of this process may have one
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    ended: list[bool] = []
    no_ray_starts(rf"^Ray could not be started on this machine \({shown}.*--runner local")
    assert ended  # what is left of a Ray that did not start would end this process a minute later


def test_a_machine_that_cannot_connect_to_itself_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def unreachable(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    message = r"^Ray needs the loopback address 127.0.0.1, .* \(Network is unreachable\): .*--runner local"
    no_ray_starts(message)


def test_an_optimisation_that_ray_does_not_survive_is_refused_before_it_is_imported() -> None:
    code = """
from mnist_sweep.errors import SweepError
from mnist_sweep.runners.ray import cluster, gcs
try:
    with cluster.connected(None, num_cpus=1, code=[]):
        pass
except SweepError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("Ray cannot be imported under python -OO")
    assert ended.stdout.endswith("--runner local, which needs no Ray.\n")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's list of open ports")
@pytest.mark.parametrize(
    "sweep",
    [
        pytest.param('Sweep(name="t", trials=[trial])', id="listed"),
        pytest.param(  # whose searcher imports Ray before the runner does
            'Sweep(name="t", search=Search(base=trial, axes={"weight_decay": Choice((0.0, 0.1))}, num_trials=1))',
            id="search",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_ray_listens_on_loopback_only_and_is_gone_afterwards(tmp_path: Path, sweep: str) -> None:
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

from mnist_sweep import *
from mnist_sweep.trials.events import WorkersReady

listening = None

class Look:  # at what a user's run has opened, when its workers are to start
    def on_event(self, event):
        global listening
        if isinstance(event, WorkersReady):
            own = {name for pid in [os.getpid(), *family(os.getpid())] for name in sockets(pid)}
            lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net/" + name).open()]
            listening = [line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in own]

trial = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=2, evaluate_every=2)
assert run(SWEEP, runner=RayTune(num_cpus=1), listeners=[Look()]).complete
print(json.dumps([listening, list(family(os.getpid()))]))
"""
    head = "import json, os\nfrom pathlib import Path\n"
    ended = subprocess.run(
        [sys.executable, "-c", head + code.replace("SWEEP", sweep)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    listening, left = json.loads(ended.stdout)
    assert len(listening) >= 3
    loopback = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
    assert all(end.partition(":")[0] in loopback for end in listening)
    assert left == []


@contextlib.contextmanager
def head(home: Path, mode: str) -> Iterator[str]:
    """Start a cluster of one node, with a token in its home folder; give its address."""
    (home / ".ray").mkdir(parents=True)
    (home / ".ray" / "auth_token").write_text("0123456789abcdef" * 2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=1"]
    command += ["--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false"]
    environment = without_ray(home) | {"RAY_AUTH_MODE": mode, "RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert any("Ray runtime started" in line for line in process.stdout)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:  # without its GCS it waits for a minute or more
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def without_ray(home: Path) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {"HOME": str(home)}


def driver(address: str, home: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Connect to a cluster as a driver with this home folder, after some other code."""
    code = f"""
from mnist_sweep.runners.ray import cluster
{before}
with cluster.connected("{address}", num_cpus=None, code=[]):
    print("connected")
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=without_ray(home), capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.cluster
def test_a_cluster_gets_the_drivers_token_and_refuses_a_driver_without_it_or_without_a_node(tmp_path: Path) -> None:
    with head(tmp_path / "head", "token") as address:
        for before in ("", "import ray"):
            assert driver(address, tmp_path / "head", before).stdout.strip() == "connected"
        unknown = driver(address, tmp_path)
        other_token = driver(address, tmp_path / "head", "import os; os.environ['RAY_AUTH_TOKEN'] = '0' * 32")
        nodeless = "import ray; ray._private.services.find_node_ids = set; cluster.SECONDS_TO_FIND_NODE = 0"
        elsewhere = driver(address, tmp_path / "head", nodeless)  # as on a machine that is not part of the cluster
    for refused, cause in [(unknown, "another token"), (other_token, "another token"), (elsewhere, "no node of it")]:
        assert refused.returncode == 2
        assert f"Ray could not be reached at {address}: " in refused.stderr
        assert cause in refused.stderr.splitlines()[0]


def test_a_driver_with_a_token_shows_it_and_one_without_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    assert cluster._token_mode() == {}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x")
    assert cluster._token_mode() == {"RAY_AUTH_MODE": "token"}
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert cluster._token_mode() == {"RAY_AUTH_MODE": "disabled"}


@pytest.mark.cluster
def test_a_run_without_an_address_leaves_a_busy_cluster_alone_even_if_it_is_killed(tmp_path: Path) -> None:
    job = """
import ray, sys
ray.init(log_to_driver=False, logging_level="ERROR")
@ray.remote
class Counter:
    count = 0
    def next(self):
        self.count += 1
        return self.count
counter = Counter.remote()
for line in sys.stdin:
    print(ray.get(counter.next.remote()), flush=True)
"""
    killed = """
import os, signal
from mnist_sweep import *
class Kill:
    def on_event(self, event):
        if type(event).__name__ == "TrialEvaluated":
            os.kill(os.getpid(), signal.SIGKILL)
trial = TrialConfig(model=Softmax(), num_steps=2, evaluate_every=1)
run(Sweep(name="t", trials=[trial]), runner=RayTune(), listeners=[Kill()])
"""
    with head(tmp_path / "head", "token") as address:
        environment = without_ray(tmp_path / "head") | {"RAY_AUTH_MODE": "token", "RAY_ADDRESS": address}
        command, pipe = [sys.executable, "-c"], subprocess.PIPE
        busy = subprocess.Popen([*command, job], env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        with busy as busy, contextlib.ExitStack() as ending:
            ending.callback(busy.kill)
            assert busy.stdin
            assert busy.stdout
            for number in (1, 2):
                busy.stdin.write("\n")
                assert busy.stdout.readline() == f"{number}\n"
                if number == 1:
                    ended = subprocess.run([*command, killed], cwd=tmp_path, env=environment, timeout=600, check=False)
                    assert ended.returncode == -signal.SIGKILL


def test_no_usage_report_is_sent() -> None:
    assert cluster.ENVIRONMENT["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_folder_too_large_to_ship_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_SHIPPED_BYTES", 1000)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "large").write_bytes(bytes(5000))
    (tmp_path / "script.py").write_bytes(bytes(900))
    cluster._check_size(tmp_path)
    (tmp_path / "data").write_bytes(bytes(200))
    with pytest.raises(ResourceError, match="is shipped to every node"):
        cluster._check_size(tmp_path)
    monkeypatch.setattr(os, "walk", lambda folder: [(str(folder), [], ["of another run, gone meanwhile", "script.py"])])
    cluster._check_size(tmp_path)


LOST = """The node with node id: bfc9 and address: 10.0.0.3 and node name: 10.0.0.3 has been marked dead because the \
detector has missed too many heartbeats from it. This can happen when a \t(1) raylet crashes unexpectedly (OOM, etc.)
\t(2) raylet has lagging heartbeats due to slow network or busy workload."""


def test_a_message_on_a_node_is_one_short_line() -> None:
    assert cluster.in_one_line(LOST) == "the node 10.0.0.3 was lost; the trials that ran there are retried"
    other = cluster.in_one_line("Raylet is terminated.\n" + "log\n" * 200)
    assert other.startswith("Ray says: Raylet is terminated. log")
    assert len(other) <= cluster.MAX_MESSAGE_LENGTH
    assert "\n" not in other
