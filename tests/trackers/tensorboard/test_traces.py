"""The graph, time and memory of a function; how TensorBoard shows those of a step is tested with the writer."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.trackers.tensorboard import traces


@pytest.fixture
def product(tf: Any) -> Any:
    """A function of two matrices, one product with a scope of its own and one without."""

    @tf.function(input_signature=[tf.TensorSpec((None, 8)), tf.TensorSpec((8, 8))])  # type: ignore[untyped-decorator]
    def function(one: Any, other: Any) -> Any:
        with tf.name_scope("inner"):
            between = tf.linalg.matmul(one, other, name="first")
        return tf.linalg.matmul(between, other, name="second")

    return function


def test_every_operation_has_a_scope_and_is_wired_by_its_new_name(product: Any) -> None:
    definition = traces.graph_definition(product.get_concrete_function().graph)
    names = {node.name for node in definition.node}
    assert {"input/one", "input/other", "inner/first", "output/second"} <= names
    wires = [wire.removeprefix("^").partition(":")[0] for node in definition.node for wire in node.input]
    assert wires
    assert set(wires) <= names


def test_what_ran_is_profiled_under_the_names_of_the_graph(tf: Any, product: Any) -> None:
    calls = []

    def call() -> None:
        calls.append(product(tf.ones((16, 8)), tf.ones((8, 8))).numpy())

    graph = product.get_concrete_function().graph
    metadata, seconds = traces.profile(call, graph)
    assert len(calls) == 2
    assert seconds > 0
    (device,) = metadata.step_stats.dev_stats
    names = {node.name for node in traces.graph_definition(graph).node}
    assert {"inner/first", "output/second"} <= {node.node_name for node in device.node_stats} <= names


def test_memory_that_was_given_back_is_not_held() -> None:
    before = traces.memory()
    block = np.ones(2**26)
    during = traces.memory()
    del block
    after = traces.memory()
    assert during["resident_memory_mib"] > before["resident_memory_mib"] + 400
    assert after["resident_memory_mib"] < before["resident_memory_mib"] + 100
    assert after["peak_memory_mib"] >= during["resident_memory_mib"] - 1
