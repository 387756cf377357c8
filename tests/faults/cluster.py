"""A cluster of Ray nodes with addresses of their own on this machine: a node dies in a sweep, another joins.

Every node lives in a network namespace, with a host name of its own; all are joined by a bridge. What comes out is
compared with the same sweep run in one process.

Command, as root: python -m tests.faults.cluster (with --s3, checkpoints and models go to an S3 server that is started)
Cost: about 3 minutes on 2 cores
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import click
from filelock import FileLock

from mnist_sweep import read_history, read_trials
from mnist_sweep.results import run_marker
from mnist_sweep.system.storage import folder_in, storage
from mnist_sweep.text.numbers import counted

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "sweeps" / "quickstart.py"
SUBNET = "10.213.7"
HOST, PREFIX = f"{SUBNET}.254", "mnsw"
PORT, S3_PORT = 6379, 5055
BUCKET = "sweeps"
SECONDS_TO_WAIT = 300.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
NODE = """hostname {name} && {prepare} exec ray start {role} --node-ip-address={address} --num-cpus=1 --num-gpus=0 \
--object-store-memory=150000000 --disable-usage-stats"""


def missing() -> str | None:
    """Return why no namespaces can be made here, or None if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip") or not shutil.which("unshare"):
        return "network namespaces need the programs ip and unshare"
    probe = f"{PREFIX}{os.getpid()}"  # the workers of pytest try at once
    made = _call("ip", "netns", "add", probe)
    _call("ip", "netns", "delete", probe)
    return f"no network namespace can be made: {made.stderr.strip()}" if made.returncode else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Ray nodes, each in a network namespace; a context that leaves neither a process nor a device behind.

    Nodes and driver have the environment of this process, which must hold what `environment` returns.

    Attributes:
        folder: A folder for Ray's files; short, since its sockets lie there.
    """

    folder: Path

    def __enter__(self) -> "Cluster":
        self._remove()
        _run("ip", "link", "add", f"{PREFIX}-br", "type", "bridge")
        _run("ip", "address", "add", f"{HOST}/24", "dev", f"{PREFIX}-br")
        _run("ip", "link", "set", f"{PREFIX}-br", "up")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def add(self, node: int, *, dashboard: bool = False, prepare: str = "") -> None:
        """Start a node, numbered from 1; the first one is the head.

        Args:
            node: Its number, the last part of its address.
            dashboard: Whether the head takes jobs.
            prepare: Shell commands that run before it, each followed by `&&`.
        """
        self._connect(node)
        head = ["--head", f"--port={PORT}", f"--include-dashboard={dashboard}".lower(), f"--temp-dir={self.folder}"]
        role = " ".join(head) if node == 1 else f"--address={self.address}"
        command = NODE.format(name=f"node{node}", prepare=prepare, role=role, address=f"{SUBNET}.{node}")
        inside = ["unshare", "--uts", "--mount", "--propagation", "private", "sh", "-c", command]
        _run("ip", "netns", "exec", _name(node), *inside, cwd=self.folder)

    @property
    def address(self) -> str:
        """Where the driver finds the cluster."""
        return f"{SUBNET}.1:{PORT}"

    def kill(self, node: int) -> int:
        """End all processes of a node at once; return how many there were."""
        pids = _call("ip", "netns", "pids", _name(node)).stdout.split()
        for pid in map(int, pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def start(self, *command: str, output: IO[str]) -> "subprocess.Popen[str]":
        """Start a program in the head's namespace."""
        inside = ["ip", "netns", "exec", _name(1), *command]
        return subprocess.Popen(inside, stdout=output, stderr=subprocess.STDOUT, text=True, cwd=self.folder)

    def _connect(self, node: int) -> None:
        name, link = _name(node), f"{PREFIX}-v{node}"
        _call("ip", "link", "delete", link)  # stays for a while when the processes of a node have just ended
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", link, "master", f"{PREFIX}-br", "up")
        _run("ip", "-n", name, "address", "add", f"{SUBNET}.{node}/24", "dev", "eth0")
        _run("ip", "-n", name, "link", "set", "eth0", "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")

    def _remove(self) -> None:
        """Remove every namespace and device of this name, also those of a run that was killed."""
        for name in _call("ip", "netns", "list").stdout.split():
            if name.startswith(f"{PREFIX}-"):
                while self.kill(int(name.rpartition("-")[2])):
                    time.sleep(0.1)
                _call("ip", "netns", "delete", name)
        _call("ip", "link", "delete", f"{PREFIX}-br")


class Counts(NamedTuple):
    """What came of a sweep in which a node died and another joined.

    Attributes:
        trials: Trials of the sweep.
        rows: Rows that ended well.
        by_node: Rows by the host name of the node that they are from.
        joined: Rows of the node that joined.
        tried_again: Trials that lost their node and were tried again.
        went_on: Trials of those that went on from a checkpoint.
        left: Files that are left in the storage's folder of checkpoints.
        models: Models in the results folder; one, the best trial's.
        shared: Those of them that lie on the storage, too, byte for byte.
        same: Whether the tables are those of one process, apart from times and workers.
        status: Exit status of the driver.
        log: What the driver printed.
    """

    trials: int
    rows: int
    by_node: Counter[str]
    joined: int
    tried_again: int
    went_on: int
    left: int
    models: int
    shared: int
    same: bool
    status: int
    log: str

    @property
    def good(self) -> bool:
        """Whether everything is as it must be, however late the node joined."""
        whole = self.rows == self.trials and self.models == self.shared == 1
        return self.same and whole and self.went_on > 0 and not self.left and self.status == 0

    def __str__(self) -> str:
        nodes = ", ".join(f"{node} {number}" for node, number in sorted(self.by_node.items()))
        return (
            f"{self.trials} trials, 1 node killed, 1 node added: {self.rows} rows ({nodes}); {self.tried_again} tried "
            f"again, {self.went_on} went on from a checkpoint; {self.left} files left among the checkpoints; "
            f"{self.shared} of {counted(self.models, 'kept model')} on the storage; tables "
            f"{'the same as' if self.same else 'OTHER THAN'} those of one process; driver's exit status {self.status}"
        )


def survived(folder: Path, *, nodes: int, trials: int, steps: int, s3: bool) -> Counts:
    """Run a sweep on a cluster, kill the last node in the middle, add one, and compare with one process.

    Args:
        folder: A folder for everything; short, since Ray's sockets lie in it.
        nodes: Nodes at first, each with one CPU.
        trials: Trials of the quickstart.
        steps: Their steps; they must take some seconds.
        s3: Whether checkpoints go to an S3 server, and not to a folder that all nodes share.
    """
    size = ["mnist-sweep", "run", str(SCRIPT), f"--num-trials={trials}", f"--steps={steps}"]
    alone = _call(*size, "--runner=local", f"--results={folder / 'alone'}")
    if alone.returncode:
        raise RuntimeError(alone.stdout + alone.stderr)
    with (
        FileLock(Path(tempfile.gettempdir()) / f"{PREFIX}.lock"),  # names and addresses are the same for all
        (folder / "log").open("w+") as log,
        Cluster(folder=folder) as cluster,
        s3_server(HOST, S3_PORT) if s3 else contextlib.nullcontext(str(folder / "storage")) as where,
    ):
        for node in range(1, nodes + 1):
            cluster.add(node)
        together = [f"--results={folder / 'together'}", f"--storage={where}", "--checkpoint-every=1"]
        driver = cluster.start(*size, *together, f"--address={cluster.address}", output=log)
        wait(lambda: driver.poll() is not None or len(_checkpoints(where)) >= nodes)
        cluster.kill(nodes)
        cluster.add(nodes + 1)
        wait(lambda: driver.poll() is not None)
        log.seek(0)
        return _counts(folder, where, f"node{nodes + 1}", trials, driver.returncode, log.read())


def _counts(folder: Path, where: str, joined: str, trials: int, status: int, log: str) -> Counts:
    together = folder / "together" / SCRIPT.stem
    if not (together / "trials.csv").is_file():
        raise RuntimeError(log)
    table = read_trials(together)
    by_node = Counter(worker.partition(":")[0] for worker in table["worker"])
    models = sorted((together / "models").glob("*.keras"))
    kept = storage(folder_in(where, SCRIPT.stem))
    return Counts(
        trials=trials,
        rows=int((table["status"] == "ok").sum()),
        by_node=by_node,
        joined=by_node[joined],
        tried_again=log.count(" is retried: "),
        went_on=log.count(" resumes at step "),
        left=len(_checkpoints(where)),
        models=len(models),
        shared=sum(kept.read(f"models/{path.name}") == path.read_bytes() for path in models),
        same=figures(together) == figures(folder / "alone" / SCRIPT.stem),
        status=status,
        log=log,
    )


def figures(results: Path) -> tuple[str, str]:
    """Return the tables of a results folder as text, without times and workers."""
    trials, history = read_trials(results), read_history(results)
    names = [str(name) for name in trials if not str(name).startswith(("seconds", "worker"))]
    return trials[names].to_csv(), history.drop(columns="seconds").to_csv()


def environment() -> dict[str, str]:
    """Return what nodes and driver have in common: this Python's programs, a fresh token and S3's credentials."""
    path = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    patience = {"RAY_raylet_start_wait_time_s": "150"}  # a busy machine starts a node slowly
    open_to_nodes = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"}  # a local Ray of this process may have set 0
    return CREDENTIALS | path | token | patience | open_to_nodes | {"no_proxy": HOST}


@contextlib.contextmanager
def s3_server(host: str, port: int) -> Iterator[str]:
    """Run an S3 server with one bucket while the body runs; yield the URL of a folder of it, for CREDENTIALS."""
    import boto3

    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: _listens(host, port))
        keys = {name.lower(): CREDENTIALS[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
        client.create_bucket(Bucket=BUCKET)
        yield f"s3://{BUCKET}/folder?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    finally:
        server.terminate()
        server.wait()


def wait(until: Callable[[], bool]) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: It does not for five minutes.
    """
    end = time.monotonic() + SECONDS_TO_WAIT
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.2)


def _checkpoints(where: str) -> list[str]:
    names = storage(folder_in(where, SCRIPT.stem)).names("checkpoints")
    return [name for name in names if not run_marker.is_marker(name)]


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _name(node: int) -> str:
    return f"{PREFIX}-{node}"


def _run(*command: str, cwd: Path | None = None) -> None:
    done = _call(*command, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")


def _call(*command: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, text=True, capture_output=True, cwd=cwd, check=False)


@click.command()
@click.option("--s3", is_flag=True, help="Put checkpoints on an S3 server that is started here, not into a folder.")
@click.option("--trials", type=click.IntRange(3), default=9, show_default=True, help="Trials of the quickstart.")
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True, help="Steps of each trial.")
@click.option("--show-log", is_flag=True, help="Print what the driver printed, too.")
def main(s3: bool, trials: int, steps: int, show_log: bool) -> None:
    """Kill a node of a cluster in the middle of a sweep, add another, and count what came of it."""
    if reason := missing():
        raise click.ClickException(reason)
    os.environ.update(environment())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
        counts = survived(Path(folder), nodes=3, trials=trials, steps=steps, s3=s3)
    click.echo(f"{counts.log}\n{counts}" if show_log else counts)
    sys.exit(0 if counts.good and counts.joined else 1)


if __name__ == "__main__":
    main()
