"""Laws of the state that training code keeps in a checkpoint."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep.errors import CheckpointError
from mnist_sweep.training import array_packing

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
STATES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner), max_leaves=8
)


@settings(max_examples=30)
@given(state=STATES)
def test_what_is_packed_is_unpacked_with_its_types(state: Any) -> None:
    assert repr(array_packing.unpack(array_packing.pack(state))) == repr(state)


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.array([], "int8"), np.array(3), np.float32(0.1), np.array(["a"]), np.bool_(True)],
)
def test_arrays_keep_their_bits_dtypes_and_shapes(array: Any) -> None:
    again = array_packing.unpack(array_packing.pack({"a": [array]}))["a"][0]
    assert (type(again), again.dtype, again.shape) == (type(array), array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()


@pytest.mark.parametrize("text", ["", '{"list": 3}', '{"array": "b"}', '{"a": 1, "b": 2}', "[" * 10_000, "\\xff"])
def test_arrays_that_hold_no_state_are_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="holds no state of training code"):
        array_packing.unpack({array_packing.TREE: np.frombuffer(text.encode(), np.uint8)} if text else {})
