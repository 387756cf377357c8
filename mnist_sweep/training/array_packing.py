"""The state that a user's training code keeps in a checkpoint, as arrays and JSON: nothing is ever unpickled.

A state that holds anything else raises ConfigError, which says where; arrays that are none CheckpointError.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.errors import CheckpointError, ConfigError
from mnist_sweep.text.lines import one_line

Arrays = dict[str, NDArray[Any]]

TREE = "tree"
HOLDS = "a checkpoint holds arrays, numbers, strings, bytes, None, and lists, tuples and dictionaries of them"


def pack(state: object) -> Arrays:
    """Return a state as arrays by name, one of them the JSON text of all that is no array."""
    arrays: Arrays = {}
    text = json.dumps(_packed(state, "state", arrays))
    return {TREE: np.frombuffer(text.encode(), np.uint8), **arrays}


def unpack(arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the state that `pack` has packed: equal, with values of the same types."""
    try:
        return _unpacked(json.loads(arrays[TREE].tobytes()), arrays)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"its checkpoint holds no state of training code ({one_line(error)})") from error


def _packed(value: object, place: str, arrays: Arrays) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is dict:
        for name in value:
            if type(name) is not str:
                raise ConfigError(f"the keys of {place} must be strings, but one is {name!r}: {HOLDS}.")
        return {"dict": {name: _packed(item, f"{place}[{name!r}]", arrays) for name, item in value.items()}}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        items = [_packed(item, f"{place}[{number}]", arrays) for number, item in enumerate(value)]
        return {type(value).__name__: items}
    kind = "bytes" if type(value) is bytes else "scalar" if isinstance(value, np.generic) else "array"
    if kind == "array" and type(value) is not np.ndarray:
        raise ConfigError(f"{place} is of the type {type(value).__name__}: {HOLDS}.")
    array = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value)
    if array.dtype.hasobject:
        raise ConfigError(f"{place} is an array of Python objects: {HOLDS}.")
    arrays[name := f"array{len(arrays)}"] = array
    return {kind: name}


def _unpacked(tree: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, inner),) = tree.items()
    match kind:
        case "dict":
            return {name: _unpacked(item, arrays) for name, item in inner.items()}
        case "list" | "tuple":
            items = [_unpacked(item, arrays) for item in inner]
            return items if kind == "list" else tuple(items)
        case "bytes":
            return arrays[inner].tobytes()
        case "scalar":
            return arrays[inner][()]
    return arrays[inner]
