"""The connection to Ray: one started here, on loopback and stopped afterwards, or a cluster that exists already."""

import contextlib
import importlib
import logging
import os
import re
import socket
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray import forked_workers, gcs, private, retries
from mnist_sweep.runners.ray.local_processes import LocalProcesses, kept_local
from mnist_sweep.system import machine
from mnist_sweep.text.lines import one_line

MAX_SHIPPED_BYTES = 64 << 20
MAX_MESSAGE_LENGTH = 300
SECONDS_TO_CONNECT = 5
SECONDS_TO_FIND_NODE = 5
Messages = SimpleQueue[str | ResourceError]
NOT_SHIPPED = ("results", ".git", ".venv", "__pycache__")

# Read by Ray when it is imported or started: a trial that holds no GPU sees none, and no usage report is sent.
ENVIRONMENT = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",  # the script's folder goes to the nodes, also in a job that brings its own
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_STATE_REFRESH_PERIOD": "1e9",  # it is printed only, and asked of a GCS that may have been lost
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


@contextlib.contextmanager
def connected(
    address: str | None, *, num_cpus: int | None, code: Sequence[Path], fork_threads: int = 0, has_agents: bool = True
) -> Iterator[Messages]:
    """Connect to Ray while the body runs, and give a queue of Ray's messages on its nodes, each in one line.

    An error in the queue says that the running cluster is lost.

    Args:
        address: A running cluster (`auto`, or `host:port`), or None to start Ray here. A Ray that this process is
            connected to already is used as it is, and stays.
        num_cpus: CPUs of the Ray that is started here; None means all that this process may use.
        code: Folders that trials import from; the first is shipped to the nodes of a running cluster.
        fork_threads: Threads of a trial, if the workers of the Ray that is started here are forks; 0 if not.
        has_agents: Whether that Ray starts actors with a `runtime_env`.

    Raises:
        ResourceError: Ray could not be reached or started, or the folder is too large to ship.
    """
    _prepare(address)
    node_messages: Messages = SimpleQueue()
    if is_connected():
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        yield node_messages
        return
    local = {"address": "local", "num_cpus": num_cpus or machine.num_cpus(), "include_dashboard": False}
    with (
        private.short_temporary_folder(),
        contextlib.nullcontext() if address else _only_needed_processes(fork_threads, has_agents),
        contextlib.nullcontext(LocalProcesses()) if address else kept_local() as processes,
        private.intercepted_node_messages(lambda text: node_messages.put(in_one_line(text))),
    ):
        import ray

        logging.getLogger("ray").setLevel(logging.CRITICAL)  # what a user must know comes as rows and errors
        try:
            _init(_cluster_options(address, code) if address else local, processes)
            with (
                gcs.watched(address, node_messages.put),
                contextlib.nullcontext() if address or has_agents else private.actors_without_environment(),
            ):
                yield node_messages
        finally:  # also of a start that failed: Ray would ask a GCS that has ended for things, and end this process
            processes.is_leaving = True
            ray.shutdown()


def _prepare(address: str | None) -> None:
    """Set what Ray reads when it is imported or started; check what would end this process."""
    if sys.flags.optimize > 1:
        cause = "Ray cannot be imported under python -OO, which drops docstrings"
        raise ResourceError(f"{cause}: use -O or {retries.WITHOUT_RAY}")
    os.environ.update(ENVIRONMENT | (_token_mode() if address else private.LOCAL))
    if address and "ray" in sys.modules and (config := private.found(private.CONFIG)):
        config.initialize("")  # which has read the variables if a script has imported Ray
    if not (address or is_connected()):
        _check_loopback()
    logging.getLogger("ray.widgets").setLevel(logging.CRITICAL)  # which asks notebooks for packages


@contextlib.contextmanager
def _only_needed_processes(fork_threads: int, has_agents: bool) -> Iterator[None]:
    preparing = forked_workers.prepared(private.WORKER_MODULE, fork_threads) if fork_threads else None
    with preparing or contextlib.nullcontext() as forks, private.only_needed_processes(forks, has_agents=has_agents):
        yield


def is_connected() -> bool:
    """Return whether this process is connected to a Ray already."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _cluster_options(address: str, code: Sequence[Path]) -> dict[str, Any]:
    """Return the arguments of `ray.init` for a running cluster; check what would make it wait or fail."""
    gcs.require_reachable(address)
    if not code:
        return {"address": address}
    _check_size(code[0])
    return {"address": address, "runtime_env": {"working_dir": str(code[0]), "excludes": list(NOT_SHIPPED)}}


def _init(options: Mapping[str, Any], processes: LocalProcesses) -> None:
    """Call `ray.init`, and import Tune while Ray's processes start, which takes seconds."""
    import ray

    importing = threading.Thread(target=importlib.import_module, args=["ray.tune"], daemon=True)
    importing.start()
    try:
        with private.kept_sigterm_handler(), _node_found_soon(), processes.starting():
            ray.init(log_to_driver=False, logging_level="ERROR", configure_logging=False, **options)
    except Exception as error:  # a bare Exception, too, where Ray's processes take too long on a busy machine
        said = one_line(error) or processes.cause_of_end() or type(error).__name__
        cause = textwrap.shorten(said, MAX_MESSAGE_LENGTH, placeholder=" …")
        if options["address"] != "local":
            raise ResourceError(f"Ray could not be reached at {options['address']}: {cause}") from error
        raise retries.NotStartedError(cause, was_killed=processes.was_killed()) from error
    importing.join()


def _node_found_soon() -> contextlib.AbstractContextManager[None]:
    """Look for a node of a running cluster on this machine for some seconds; Ray would look for a minute in silence."""
    find = private.found(private.FIND_NODE)

    def find_soon(*arguments: Any, **options: Any) -> Any:
        try:
            return find(*arguments, **options, timeout_seconds=SECONDS_TO_FIND_NODE)
        except RuntimeError as error:
            raise OSError(  # which Ray does not replace by an error of its own
                "this machine has no node of it, which a driver needs: run `ray start --address=HOST:PORT` here, with "
                "--num-cpus=0 if it is to have no trials"
            ) from error

    return private.replaced({private.FIND_NODE: find_soon})


def in_one_line(message: str) -> str:
    """Return a message of Ray on its nodes in one line."""
    if lost := re.search(r"address: (\S+) .*has been marked dead", message):
        return f"the node {lost[1]} was lost; the trials that ran there are retried"
    return textwrap.shorten(f"Ray says: {message}", MAX_MESSAGE_LENGTH, placeholder=" …")


def node_sizes() -> list[tuple[float, float]]:
    """Return the CPUs and GPUs of each node of the connected Ray."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes]


def _token_mode() -> dict[str, str]:
    """Return the variable that makes the driver show its token, if it has one, as `ray start` does on the nodes."""
    is_named = any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    has_token = is_named or Path("~/.ray/auth_token").expanduser().is_file()
    return {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token")} if has_token else {}


def _check_loopback() -> None:
    """Validate that this machine can connect to itself; Ray's native code would end this process instead."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=SECONDS_TO_CONNECT).close()
    except OSError as error:
        cause = os.strerror(error.errno) if error.errno else error
        raise ResourceError(
            f"Ray needs the loopback address 127.0.0.1, which cannot be reached ({cause}): set it up, or use "
            f"{retries.WITHOUT_RAY}"
        ) from error


def _check_size(folder: Path) -> None:
    """Validate that a folder is small enough to be shipped to every node; Ray would pack a home folder, or a disk."""
    total = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_SHIPPED]
        for name in files:
            with contextlib.suppress(OSError):  # another program has removed it
                total += Path(parent, name).lstat().st_size
        if total > MAX_SHIPPED_BYTES:
            raise ResourceError(
                f"the script's folder {folder} is shipped to every node, so it must hold at most "
                f"{MAX_SHIPPED_BYTES >> 20} MiB, but it holds more: move the script and its modules to a folder of "
                "their own."
            )
