"""All use of names that Ray does not document, so that trying a new version of Ray means reading one module.

Each has a fallback: where a version of Ray lacks the name, trials give the same rows, and a run is less comfortable.
"""

import contextlib
import importlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

TESTED_VERSIONS = ("2.60",)
# A Ray that is started here listens on loopback only: the variable is named after the systems on which that is the
# default; this process has read it if a script or a searcher has imported Ray before. Tune's actors bring an
# environment of their own, so they cannot use the workers that Ray starts in advance. The driver asks for its raylet
# again and again, so that it sees whether that still runs, and waits in silence for a GCS that hangs until
# `local_processes` has seen it.
LOCAL = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_gcs_rpc_server_connect_timeout_s": "60",
    "RAY_raylet_start_wait_time_s": "1",
}
HAS_READ_LOOPBACK = "ray._private.ray_constants.ENABLE_RAY_CLUSTER"
MAX_TMPDIR = 30  # bytes
GLOBAL_NODE = "ray._private.worker._global_node"
POPEN = "ray._private.services.ConsolePopen"
GCS_PORT = "ray._private.node.wait_for_persisted_port"
GET_NODE = "ray._private.services.get_node"
CORE_WORKER = "ray._raylet.CoreWorker"
FIND_ADDRESS = "ray._private.services.get_ray_address_from_environment"
VITAL_PROCESSES = ("gcs_server", "raylet")
PRINT_NODE_MESSAGE = "ray._private.worker.print_to_stdstream"
SET_SIGTERM_HANDLER = "ray._private.utils.set_sigterm_handler"
START_API_SERVER = "ray._private.services.start_api_server"
PUT_USAGE = "ray._common.usage.usage_lib._internal_kv_put"
TAG_CALLBACKS = "ray.air._internal.usage.tag_callbacks"
PARAMETERS = "ray._private.parameter.RayParams"
WITHOUT = {
    HAS_READ_LOOPBACK: "Ray may listen beyond loopback where a script imports it",
    GLOBAL_NODE: "a Ray that breaks down ends the run with lines of its own",
    POPEN: "signals to the run's process group end Ray at once",
    GCS_PORT: "a Ray that cannot start is waited for",
    GET_NODE: "a Ray that cannot start is waited for",
    CORE_WORKER: "a raylet that hangs while Ray starts is waited for",
    FIND_ADDRESS: "a cluster that `auto` finds and that does not answer is waited for",
    PRINT_NODE_MESSAGE: "lost nodes are not reported",
    START_API_SERVER: "Ray starts a process that is not needed",
    PARAMETERS: "Ray starts a process that is not needed",
    PUT_USAGE: "a GCS that ends while Tune starts ends the run",
    TAG_CALLBACKS: "Tune imports MLflow and Weights & Biases where they are installed",
    SET_SIGTERM_HANDLER: "a SIGTERM while Ray starts ends the run at once",
}


def version_warning() -> str | None:
    """Return one line on an untested version of Ray and what it lacks; None for a tested one."""
    import ray

    if ray.__version__.rpartition(".")[0] in TESTED_VERSIONS:
        return None
    lacking = [f"it lacks {name}: {effect}" for name, effect in WITHOUT.items() if _owner(name) is None]
    return "; ".join([f"Ray {ray.__version__} is untested, tested is {', '.join(TESTED_VERSIONS)}", *lacking])


@contextlib.contextmanager
def intercepted_node_messages(on_message: Callable[[str], None]) -> Iterator[None]:
    """Pass on the messages on its nodes that Ray would print on several lines, and that no setting turns off."""
    with replaced(PRINT_NODE_MESSAGE, lambda data, **_: on_message("\n".join(data["lines"]))):
        yield


@contextlib.contextmanager
def kept_sigterm_handler() -> Iterator[None]:
    """Keep this process's handler of SIGTERM while Ray starts, whose own ends the process wherever it is."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with replaced(SET_SIGTERM_HANDLER, lambda handler: None):
            yield
    finally:
        if threading.current_thread() is threading.main_thread():  # Ray's native code has installed one, too
            signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def only_needed_processes() -> Iterator[None]:
    """Start no server of a dashboard, which Ray starts without one, too, and no monitor, which only scales a cluster.

    Each takes a second of processor time. Ray also runs without the server where that fails, and without the monitor
    where `ray start` is told so.
    """
    parameters = found(PARAMETERS)
    with (
        replaced(START_API_SERVER, lambda *_, **__: (None, None)),
        replaced(PARAMETERS, lambda **options: parameters(**options | {"no_monitor": True})),
    ):
        yield


@contextlib.contextmanager
def without_usage_report() -> Iterator[None]:
    """Let Tune gather nothing for a usage report that is not sent: it asks the GCS, and imports MLflow."""
    with replaced(PUT_USAGE, lambda *_, **__: None), replaced(TAG_CALLBACKS, lambda _: False):
        yield


def dead_process() -> str | None:
    """Return the name of a process without which the Ray that was started here cannot run, if it has ended."""
    dead = [name for name, _ in getattr(found(GLOBAL_NODE), "dead_processes", list)()]
    return next((name for name in VITAL_PROCESSES if name in dead), None)


def found_address() -> str | None:
    """Return the address that `auto` stands for; None if this version of Ray does not tell.

    Raises:
        ConnectionError: There is none.
    """
    find = found(FIND_ADDRESS)
    return str(find("auto", None)) if find else None


def has_live_worker(tune_controller: Any) -> Callable[[Any], bool]:
    """Return a function that tells whether a worker starts or runs for a trial; without Tune's names it is False."""
    manager = getattr(tune_controller, "_actor_manager", None)
    live = set(getattr(manager, "live_actors", ()))
    workers: Mapping[Any, Any] = getattr(tune_controller, "_trial_to_actor", {})
    return lambda trial: workers.get(trial) in live


@contextlib.contextmanager
def short_temporary_folder() -> Iterator[None]:
    """Give a Ray that is started in the body a folder of its own if TMPDIR, as set for a batch job, is too long.

    Its sockets lie there, and the path of a socket has at most 107 bytes, of which Ray needs 74.
    """
    if "RAY_TMPDIR" in os.environ or len(os.fsencode(os.environ.get("TMPDIR", ""))) <= MAX_TMPDIR:
        yield
        return
    short = Path("/", "tmp")  # where Ray itself goes without TMPDIR
    with tempfile.TemporaryDirectory(prefix="ray-", dir=short, ignore_cleanup_errors=True) as folder:
        os.environ["RAY_TMPDIR"] = folder
        try:
            yield
        finally:
            del os.environ["RAY_TMPDIR"]


@contextlib.contextmanager
def replaced(name: str, value: Any) -> Iterator[None]:
    """Replace a function or a constant of Ray while the body runs, if this version of Ray has it."""
    owner, attribute, original = _owner(name), name.rpartition(".")[2], found(name)
    if original:
        setattr(owner, attribute, value)
    try:
        yield
    finally:
        if original:
            setattr(owner, attribute, original)


def _owner(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        owner = importlib.import_module(module)
    except ImportError:
        return None
    return owner if hasattr(owner, attribute) else None


def found(name: str) -> Any:
    """Return what Ray has under a name, or None."""
    return getattr(_owner(name), name.rpartition(".")[2], None)
