"""All use of names that Ray does not document, so that trying a new version of Ray means reading one module.

Each has a fallback: where a version of Ray lacks the name, trials give the same rows, and a run is less comfortable.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mnist_sweep.runners.ray import forked_workers, retries

TESTED_VERSIONS = ("2.60",)
# A Ray that is started here listens on loopback only: the variable is named after the systems on which that is the
# default; this process has read it if a script or a searcher has imported Ray before. Workers that Ray starts in
# advance have no job yet, so no fork can become one; those that are forks wait for TensorFlow. Events of tasks are for
# a dashboard, and each process would send its last ones for a quarter of a second at its end. The driver asks for its
# raylet again and again, so that it sees whether that still runs, and waits in silence for a GCS that hangs until
# `local_processes` has seen it.
LOCAL = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_worker_register_timeout_seconds": "180",
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
GCS_CLIENTS = ("ray._private.node.GcsClient", "ray._private.state.GlobalStateAccessor")
FIND_NODE = "ray._private.services.get_node_to_connect_for_driver"
CONFIG = "ray._raylet.Config"
AUTHENTICATION = "ray._raylet.AuthenticationTokenLoader"
FIND_ADDRESS = "ray._private.services.get_ray_address_from_environment"
RAYLET = "raylet"
VITAL_PROCESSES = ("gcs_server", RAYLET)
PRINT_NODE_MESSAGE = "ray._private.worker.print_to_stdstream"
SET_SIGTERM_HANDLER = "ray._private.utils.set_sigterm_handler"
START_API_SERVER = "ray._private.services.start_api_server"
PLACEMENT_GROUP = "ray.air.execution.resources.request.placement_group"
HAS_KEY_VALUE_STORE = "ray.tune.registry._internal_kv_initialized"
PUT_USAGE = "ray._common.usage.usage_lib._internal_kv_put"
TAG_CALLBACKS = "ray.air._internal.usage.tag_callbacks"
PARAMETERS = "ray._private.parameter.RayParams"
START_PROCESS = "ray._private.services.start_ray_process"
ACTOR_CLASSES = "ray.tune.execution.tune_controller._ActorClassCache"
WORKER_MODULE = "ray._private.workers.default_worker"
# Of the raylet, which needs some processes for agents and their ports; only root can listen on port 1.
WITHOUT_AGENTS = {
    "--dashboard_agent_command": "sleep 2147483647",
    "--runtime_env_agent_command": "sleep 2147483647",
    "--metrics-agent-port": "1",
    "--metrics_export_port": "1",
    "--dashboard_agent_listen_port": "1",
    "--runtime_env_agent_port": "1",
}
NAMES = (
    *(HAS_READ_LOOPBACK, GLOBAL_NODE, POPEN, GCS_PORT, GET_NODE, CORE_WORKER, *GCS_CLIENTS, FIND_ADDRESS),
    *(PRINT_NODE_MESSAGE, SET_SIGTERM_HANDLER, START_API_SERVER, PLACEMENT_GROUP, HAS_KEY_VALUE_STORE, PUT_USAGE),
    *(TAG_CALLBACKS, PARAMETERS, START_PROCESS, ACTOR_CLASSES, AUTHENTICATION, CONFIG, FIND_NODE),
)


def is_tested() -> bool:
    """Return whether the installed version of Ray, which is not imported, is a tested one."""
    return importlib.metadata.version("ray").rpartition(".")[0] in TESTED_VERSIONS


def version_warning() -> str | None:
    """Return one line on an untested version of Ray and the names that it lacks; None for a tested one."""
    if is_tested():
        return None
    lacking = ", ".join(name for name in NAMES if _owner(name) is None)
    untested = f"Ray {importlib.metadata.version('ray')} is untested, tested is {', '.join(TESTED_VERSIONS)}"
    return f"{untested}; it lacks {lacking}" if lacking else untested


def intercepted_node_messages(on_message: Callable[[str], None]) -> AbstractContextManager[None]:
    """Pass on the messages on its nodes that Ray would print on several lines, and that no setting turns off."""
    return replaced({PRINT_NODE_MESSAGE: lambda data, **_: on_message("\n".join(data["lines"]))})


@contextlib.contextmanager
def kept_sigterm_handler() -> Iterator[None]:
    """Keep this process's handler of SIGTERM while Ray starts, whose own ends the process wherever it is."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with replaced({SET_SIGTERM_HANDLER: lambda handler: None}):
            yield
    finally:
        if threading.current_thread() is threading.main_thread():  # Ray's native code has installed one, too
            signal.signal(signal.SIGTERM, handler)


def only_needed_processes(
    forks: Mapping[str, str] | None = None, *, has_agents: bool = True
) -> AbstractContextManager[None]:
    """Start no server of a dashboard, no monitor, which only scales a cluster, and no monitor of logs.

    Each takes half a second of processor time or more. Ray starts the server without a dashboard, too, and runs without
    it where that fails; it runs without the monitors where it is told so.

    Args:
        forks: Variables by which workers become forks, as `forked_workers.prepared` gives them; None if they do not.
        has_agents: Whether the raylet has its agents, for a dashboard and for actors with an environment of their own
            (`runtime_env`), without which it ends where one is started.
    """
    parameters, start = found(PARAMETERS), found(START_PROCESS)
    changed: dict[str, Any] = {"no_monitor": True, "include_log_monitor": False}
    variables: Mapping[str, str] = forks or {}
    if is_tested() and sys.platform == "linux":
        changed["worker_path"] = forked_workers.__file__  # also without forks: its workers end with their raylet
        variables = {forked_workers.WORKER: WORKER_MODULE, **variables}

    def start_process(command: Sequence[str], process_type: str, **options: Any) -> Any:
        if process_type == RAYLET:
            options["env_updates"] = {**(options.get("env_updates") or {}), **variables}
            if not has_agents:
                kept = [part for part in command if part.partition("=")[0] not in WITHOUT_AGENTS]
                command = [*kept, *map("=".join, WITHOUT_AGENTS.items())]
        started = start(command, process_type, **options)
        if forks and process_type == RAYLET:
            forked_workers.announce(forks, started.process.pid)
        return started

    return replaced(
        {
            START_API_SERVER: lambda *_, **__: (None, None),
            PARAMETERS: lambda **options: parameters(**options | changed),
            START_PROCESS: start_process,
        }
    )


def frugal_tune() -> AbstractContextManager[None]:
    """Let Tune gather nothing for a usage report that is not sent, which imports MLflow, and ask the GCS for little."""
    create = found(PLACEMENT_GROUP)

    @functools.wraps(create)
    def placement_group(*arguments: Any, **options: Any) -> Any:
        if name := dead_process():  # native code would wait for it
            raise retries.BrokenRay(name)
        return create(*arguments, **options)

    return replaced(
        {
            PUT_USAGE: lambda *_, **__: None,
            TAG_CALLBACKS: lambda _: False,
            HAS_KEY_VALUE_STORE: bool,
            PLACEMENT_GROUP: placement_group,
        }
    )


def actors_without_environment() -> AbstractContextManager[None]:
    """Let Tune start actors in the environment of their raylet, instead of a copy of the driver's."""
    import ray

    return replaced({ACTOR_CLASSES: lambda: SimpleNamespace(get=functools.cache(ray.remote))})


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
def replaced(values: Mapping[str, Any]) -> Iterator[None]:
    """Replace functions and constants of Ray, by their names, while the body runs, if this version of Ray has them."""
    with contextlib.ExitStack() as stack:
        for name, value in values.items():
            if original := found(name):
                owner, attribute = _owner(name), name.rpartition(".")[2]
                stack.callback(setattr, owner, attribute, original)
                setattr(owner, attribute, value)
        yield


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
