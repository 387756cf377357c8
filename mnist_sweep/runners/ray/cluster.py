"""A Ray to run trials on: one started here, on loopback and stopped afterwards, or a cluster that is there already."""

import contextlib
import importlib
import logging
import os
import re
import signal
import socket
import textwrap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mnist_sweep.errors import ResourceError
from mnist_sweep.system import machine
from mnist_sweep.text.lines import one_line

MAX_SHIPPED_BYTES = 64 << 20
LONGEST_WORDS = 300
SECONDS_TO_ANSWER = 5
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
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
# Makes Ray listen on loopback only; the switch is named after the systems on which it does so by itself.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# Tune's actors cannot use the workers that Ray starts in advance, since they bring an environment of their own.
NO_IDLE_WORKERS = {"RAY_prestart_worker_first_driver": "0"}


@contextlib.contextmanager
def connected(address: str | None, *, num_cpus: int | None, code: Sequence[Path]) -> Iterator[SimpleQueue[str]]:
    """Be connected to Ray while the body runs; give the lines in which Ray says what becomes of its nodes.

    Args:
        address: A running cluster (`auto`, or `host:port`), or None to start Ray here; a Ray that this process is
            connected to is used as it is.
        num_cpus: CPUs of the Ray that is started here; None means all of this machine.
        code: Folders that trials import from; the first is shipped to the nodes of a running cluster.

    Raises:
        ResourceError: Ray could not be reached or started, or the folder is too large to ship.
    """
    os.environ.update(ENVIRONMENT | (_token_mode() if address else LOOPBACK | NO_IDLE_WORKERS))
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)  # what a user must know comes as rows and errors
    said: SimpleQueue[str] = SimpleQueue()
    if ray.is_initialized():
        yield said
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if address:
        _check_reachable(address)
        options["address"] = address
        if code:
            _check_size(code[0])
            options["runtime_env"] = {"working_dir": str(code[0]), "excludes": list(NOT_SHIPPED)}
    else:
        options |= {"address": "local", "include_dashboard": False, "num_cpus": num_cpus}
    with _heard(said):
        # Ray's processes take seconds to come up; meanwhile this one imports what comes next.
        importing = threading.Thread(target=importlib.import_module, args=["ray.tune"])
        importing.start()
        try:
            with _own_sigterm():
                ray.init(**options)
        except Exception as error:  # a bare one, too, where Ray's processes take too long on a busy machine
            where = f"at {address}" if address else "on this machine"
            raise ResourceError(f"Ray could not be reached {where}: {one_line(error)}") from error
        finally:
            importing.join()
        try:
            yield said
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _heard(said: SimpleQueue[str]) -> Iterator[None]:
    """Put into a queue what Ray would print of its nodes, with no setting against it, on several lines."""
    from ray._private import worker

    printed = worker.print_to_stdstream
    worker.print_to_stdstream = lambda data, **_: said.put(in_one_line("\n".join(data["lines"])))
    try:
        yield
    finally:
        worker.print_to_stdstream = printed


def in_one_line(words: str) -> str:
    """Return in one line what Ray says of its nodes."""
    lost = re.search(r"address: (\S+) .*has been marked dead", words)
    if lost:
        return f"the node {lost[1]} is lost; the trials that ran there are tried again"
    return textwrap.shorten(f"Ray says: {words}", LONGEST_WORDS, placeholder=" …")


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the handler of SIGTERM while Ray starts, which would put one there that ends the process wherever it is.

    The one that Ray's native code puts there is replaced only when the body is done.
    """
    from ray._private import utils

    install, handler = utils.set_sigterm_handler, signal.getsignal(signal.SIGTERM)
    utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = install
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def warning(address: str | None) -> str | None:
    """Return what the user should know of the cluster that this process is connected to, in one line, or None."""
    if not address or not _answers_anybody():
        return None
    return (
        f"the cluster at {address} asks for no token, so whoever reaches its ports can run code on it: "
        "start its nodes with RAY_AUTH_MODE=token."
    )


def _answers_anybody() -> bool:
    """Return whether the cluster answers who shows no token; that this driver has one does not say so."""
    import grpc
    import ray

    with grpc.insecure_channel(ray.get_runtime_context().gcs_address, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary("/ray.rpc.NodeInfoGcsService/CheckAlive")(b"", timeout=SECONDS_TO_ANSWER)
        except grpc.RpcError:
            return False
    return True


def room(*, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on the connected Ray at a time, each on one machine.

    Raises:
        ResourceError: Not even one fits.
    """
    return machine.total_capacity(_sizes(), cpus_per_trial=cpus_per_trial, gpus_per_trial=gpus_per_trial)


def room_now(*, cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit at this moment, when nodes may have joined or been lost; 0 if none does."""
    return sum(machine.capacity(*size, cpus_per_trial, gpus_per_trial) for size in _sizes())


def _sizes() -> list[tuple[float, float]]:
    """Return the CPUs and GPUs of each node."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes]


def _token_mode() -> dict[str, str]:
    """Return what makes the driver show its token, if it has one, as `ray start` does on the nodes."""
    named = any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    has_token = named or Path("~/.ray/auth_token").expanduser().is_file()
    return {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token")} if has_token else {}


def _check_reachable(address: str) -> None:
    """Do nothing if somebody listens at `host:port`; Ray itself would try for minutes.

    Raises:
        ResourceError: Nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise ResourceError(f"Ray could not be reached at {address}: {error.strerror or error}.") from error


def _check_size(folder: Path) -> None:
    """Do nothing if a folder is small enough to be shipped to every node.

    Raises:
        ResourceError: It is not; without this, Ray would pack a home folder, or a disk.
    """
    total = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_SHIPPED]
        total += sum((Path(parent) / name).lstat().st_size for name in files)
        if total > MAX_SHIPPED_BYTES:
            raise ResourceError(
                f"the script's folder {folder} goes to every node, so it must hold at most "
                f"{MAX_SHIPPED_BYTES >> 20} MiB, but holds more: put the script and its modules into one of their own."
            )
