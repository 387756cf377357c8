"""One training step in TensorBoard's graph: its operations in named scopes, the time and the memory of each.

On a CPU, TensorFlow 2 records no memory in its run metadata and its profiler sees no allocation, so the memory of an
operation is that of its outputs, from their shapes; the memory of the process is what the kernel reports.
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


def graph_definition(graph: Any) -> Any:
    """Return a function's graph as TensorBoard takes it, arguments in the scope `input`, results in `output`."""
    definition = graph.as_graph_def()
    names = {node.name: _scoped(node.name, node.op) for node in definition.node}
    for node in definition.node:
        node.name = names[node.name]
        for number, wire in enumerate(node.input):
            name, colon, port = wire.removeprefix("^").partition(":")
            node.input[number] = "^" * wire.startswith("^") + names[name] + colon + port
    return definition


def profile(call: Callable[[], object], graph: Any) -> tuple[Any, float]:
    """Return the `RunMetadata` of a call of a graph, under the names of `graph_definition`, and its seconds.

    It is called twice, since the first call may compile. Operations inside the graph's branches are left out.
    """
    call()
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3, python_tracer_level=0)
        tf.profiler.experimental.start(folder, options)
        start = time.perf_counter()
        try:
            call()
        finally:
            seconds = time.perf_counter() - start
            tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        return _metadata(file.read_bytes(), graph), seconds


def memory() -> dict[str, float]:
    """Return the memory of this process in MiB: the peak since its start, and on Linux the current size."""
    sizes = {"peak_memory_mib": machine.peak_memory() / MIB}
    if STATM.exists():
        pages = int(STATM.read_text(encoding="ascii").split()[1])
        sizes["resident_memory_mib"] = pages * os.sysconf("SC_PAGE_SIZE") / MIB
    return sizes


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
                if operation := operations.get(names[event.metadata_id]):
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
    """Return the size of a tensor in bytes; 0 for a handle, or if its shape is known only at run time."""
    is_known = tensor.shape.is_fully_defined() and tensor.dtype not in (tf.resource, tf.variant)
    return math.prod(tensor.shape) * tensor.dtype.size if is_known else 0
