"""The GCS of a running cluster, its head process: where it is, whether it answers, and that it still does.

It is asked by gRPC, since Ray's own client tries for a minute or more, prints native log lines, and ends this process.
"""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator

from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray import private, retries
from mnist_sweep.system import refused_exits

ANY, OWN = "auto", "local"
ADDRESS = re.compile(r"(?:\[([^][\s]+)\]|([^][:/\s]+)):(\d{1,5})")
METHOD = "/ray.rpc.NodeInfoGcsService/CheckAlive"
SECONDS_TO_CONNECT = 5.0
SECONDS_TO_ANSWER = 20.0  # on a busy machine
SECONDS_BETWEEN = 2.0
MAX_UNANSWERED = 5
SECONDS_TO_END = 10.0
SILENT = "what listens there does not answer as Ray does"
UNAUTHENTICATED = (
    "it wants another token than this process has: copy ~/.ray/auth_token from its head, or set RAY_AUTH_TOKEN as there"
)
RECONNECT = "RAY_gcs_rpc_server_reconnect_timeout_s"  # set by users whose GCS may start again, with its state in Redis


def is_address(text: str) -> bool:
    """Return whether a text is an address: `auto`, or `host:port`."""
    found = ADDRESS.fullmatch(text)
    return text == ANY or (found is not None and 0 < int(found[3]) < 1 << 16)


def require_reachable(address: str) -> None:
    """Validate that a Ray answers at `host:port`, or where Ray would look for one if it is `auto`.

    Raises:
        ResourceError: None does.
    """
    where = address
    try:
        if address == ANY:
            where = private.found_address() or address
            if where == OWN:
                raise ConnectionError("it stands for no running cluster")
        if found := ADDRESS.fullmatch(where):  # Ray knows best what is wrong with any other
            socket.create_connection((found[1] or found[2], int(found[3])), timeout=SECONDS_TO_CONNECT).close()
            if refusal := _refusal(where):
                raise ConnectionError(refusal)
        elif "://" in where:
            raise ConnectionError("a sweep needs the address host:port of `ray start`, not that of Ray's client server")
    except OSError as error:
        origin = "" if where == address else ", which RAY_ADDRESS or the last `ray start` names"
        cause = str(error.strerror or error).rstrip(".")
        raise ResourceError(f"Ray could not be reached at {where}{origin}: {cause}.") from error


@contextlib.contextmanager
def watched(cluster: str | None, report: Callable[[ResourceError], object]) -> Iterator[None]:
    """Report an error once the GCS of a running cluster, if this process is connected to one, answers no longer.

    That takes 10 to 35 s. If the body then hangs, in a call of Ray that waits for the GCS, this process ends; Ray would
    end it after 60 s. So it does, with lines of its own, where nothing is watched: a GCS whose users let it start again
    may stay away for as long as they say, and one with TLS answers only who has certificates.
    """
    if cluster is None or RECONNECT in os.environ:
        yield
        return
    import ray

    address, end = ray.get_runtime_context().gcs_address, threading.Event()

    def watch() -> None:
        num_unanswered = 0
        while num_unanswered < MAX_UNANSWERED:
            if end.wait(SECONDS_BETWEEN):
                return
            num_unanswered = num_unanswered + 1 if _refusal(address, SECONDS_TO_CONNECT) else 0
        report(error := retries.lost_cluster(cluster))
        if not end.wait(SECONDS_TO_END):
            refused_exits.end_process(str(error))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _refusal(address: str, seconds: float = SECONDS_TO_ANSWER) -> str | None:
    """Return why a GCS is of no use to this process, or None if it answers."""
    import grpc

    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return None  # it answers nobody without certificates, so it is not asked
    refusals = dict.fromkeys([grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED], SILENT)
    if private.is_tested():
        refusals[grpc.StatusCode.UNIMPLEMENTED] = SILENT  # as a dashboard or client server says
        refusals[grpc.StatusCode.UNAUTHENTICATED] = UNAUTHENTICATED
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(METHOD)(b"", timeout=seconds, metadata=_token_header())
        except grpc.RpcError as error:
            return refusals.get(error.code())
    return None


def _token_header() -> list[tuple[str, str]]:
    """Return the header of gRPC by which this process shows its token to a cluster; empty if it has none."""
    from ray.exceptions import AuthenticationError

    with contextlib.suppress(AuthenticationError):
        loader = private.found(private.AUTHENTICATION)
        return [*loader.instance().get_token_for_http_header().items()] if loader else []
    return []
