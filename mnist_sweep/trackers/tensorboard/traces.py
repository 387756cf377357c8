"""One step as TensorBoard's graph shows it: its operations in named scopes, the time and the memory of each.

TensorFlow 2 fills no memory into its run metadata on a CPU and its profiler sees no allocation there, so the memory of
an operation is that of its outputs, from their shapes; the process's own memory is the kernel's figure.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from mnist_sweep.system import machine

MIB = 2**20
STATM = Path("/proc/self/statm")  # of Linux: pages of the whole process, then pages in memory


def shown(graph: Any) -> Any:
    """Return the definition of a function's graph with its arguments in the scope `input`, its results in `output`."""
    definition = graph.as_graph_def()
    names = {node.name: _scoped(node.name, node.op) for node in definition.node}
    for node in definition.node:
        node.name = names[node.name]
        for number, wire in enumerate(node.input):
            name, colon, port = wire.removeprefix("^").partition(":")
            node.input[number] = "^" * wire.startswith("^") + names[name] + colon + port
    return definition


def traced(take: Callable[[], object], graph: Any) -> tuple[Any, float]:
    """Return the run metadata of a call of a graph, under the names of `shown`, and the wall time of the call.

    Args:
        take: Calls the graph's function; is called twice, since the first call may compile.
        graph: The function's graph.

    Returns:
        A `RunMetadata` with the operations of the graph that ran, without those inside its branches, and seconds.
    """
    take()
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3, python_tracer_level=0)
        tf.profiler.experimental.start(folder, options)
        start = time.perf_counter()
        try:
            take()
        finally:
            seconds = time.perf_counter() - start
            tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        return _metadata(file.read_bytes(), graph), seconds


def memory() -> dict[str, float]:
    """Return the memory of this process in MiB: the peak since its start, and on Linux what it holds now."""
    held = {"peak_memory_mib": machine.peak_memory() / MIB}
    if STATM.exists():
        pages = int(STATM.read_text(encoding="ascii").split()[1])
        held["resident_memory_mib"] = pages * os.sysconf("SC_PAGE_SIZE") / MIB
    return held


def _scoped(name: str, operation: str) -> str:
    return name if "/" in name else f"{'input' if operation == 'Placeholder' else 'output'}/{name}"


def _metadata(profile: bytes, graph: Any) -> Any:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    operations = {operation.name: operation for operation in graph.get_operations()}
    metadata = tf.compat.v1.RunMetadata()
    device = metadata.step_stats.dev_stats.add(device="/device:CPU:0")
    for plane in xplane_pb2.XSpace.FromString(profile).planes:
        names = {number: event.name.rpartition(":")[0] for number, event in plane.event_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                operation = operations.get(names[event.metadata_id])
                if operation is not None:
                    micros = event.duration_ps // 1_000_000
                    stats = device.node_stats.add(
                        node_name=_scoped(operation.name, operation.type),
                        all_start_micros=line.timestamp_ns // 1000 + event.offset_ps // 1_000_000,
                        op_end_rel_micros=micros,
                        all_end_rel_micros=micros,
                    )
                    stats.memory.add(allocator_name="cpu", total_bytes=sum(map(_num_bytes, operation.outputs)))
    return metadata


def _num_bytes(tensor: Any) -> int:
    """Return the size of a tensor; 0 if it is a handle, or has a shape that only the run tells."""
    is_known = tensor.shape.is_fully_defined() and tensor.dtype not in (tf.resource, tf.variant)
    return math.prod(tensor.shape) * tensor.dtype.size if is_known else 0
