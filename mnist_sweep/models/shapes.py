"""The shapes of a network's layers: by arithmetic alone, or as a call of the built model records them.

A window of F pixels that moves by S over a side of W, with P pixels of zeros at each end, fits (W - F + 2P) / S + 1
times. Multiply-adds count products with weights; biases, pooling and normalisation are left out.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

Volume = tuple[int, ...]


class LayerShape(NamedTuple):
    """One layer and its output for one image.

    Attributes:
        name: Kind and window of the layer, as in `conv 5x5`.
        output: Height, width and channels, or the number of units.
        parameters: Number of trainable weights.
        multiply_adds: Multiplications with weights, each with the addition of its product, for one image.
        rule: How the output's sides follow from the input's; empty for a layer without a window.
    """

    name: str
    output: Volume
    parameters: int
    multiply_adds: int
    rule: str = ""


class LayerCall(NamedTuple):
    """A call of a layer that has weights of its own, or calls no other layer, and its outputs.

    Its inputs are the layer's first argument, with the batch as its first axis, or None if that was given by name. Its
    weights are the layer's trainable variables that belong to none of the layers that it calls.
    """

    layer: Any
    inputs: Any
    outputs: Any
    weights: tuple[Any, ...]


def convolution(
    volume: Volume, filters: int, *, kernel_size: int, strides: int = 1, normalized: bool = False
) -> LayerShape:
    """Return a convolution padded to `ceil(side / strides)`, with batch normalisation in place of a bias if wanted."""
    *sides, channels = volume
    output, rule = _windows(sides, kernel_size, strides)
    weights = kernel_size**2 * channels * filters
    return LayerShape(
        name=f"conv {kernel_size}x{kernel_size}{f' / {strides}' if strides > 1 else ''}",
        output=(*output, filters),
        parameters=weights + filters * (1 + normalized),
        multiply_adds=weights * math.prod(output),
        rule=rule,
    )


def pooling(volume: Volume, *, pool_size: int) -> LayerShape:
    """Return a pooling with stride `pool_size`, padded at the border."""
    *sides, channels = volume
    output, rule = _windows(sides, pool_size, pool_size)
    return LayerShape(f"pool {pool_size}x{pool_size}", (*output, channels), 0, 0, rule)


def dense(volume: Volume, units: int) -> LayerShape:
    """Return a dense layer on the flattened volume."""
    weights = math.prod(volume) * units
    return LayerShape("dense", (units,), weights + units, weights)


def _windows(sides: list[int], window: int, stride: int) -> tuple[list[int], str]:
    fits = {side: -(-side // stride) for side in sides}
    padding = {side: max(0, (fits[side] - 1) * stride + window - side) for side in sides}
    rules = [f"({side} - {window} + {padding[side]}) / {stride} + 1 = {fits[side]}" for side in fits]
    return [fits[side] for side in sides], ", ".join(rules)


def record_calls(model: Any, images: Any, *, training: bool = False) -> tuple[Any, list[LayerCall]]:
    """Call a model with images; return its outputs, and the calls of its layers in the order in which they end.

    The user's own `tf.function`s run eagerly, so that every call has values.
    """
    import keras
    import tensorflow as tf

    calls: list[LayerCall] = []
    inner: list[set[int]] = [set()]  # for each call in progress: the layers that it has called, and their variables
    original = keras.layers.Layer.__call__

    def recorded(layer: Any, *inputs: Any, **options: Any) -> Any:
        inner.append(set())
        outputs = original(layer, *inputs, **options)
        called = inner.pop()
        weights = tuple(variable for variable in layer.trainable_variables if id(variable) not in called)
        if weights or not called:
            calls.append(LayerCall(layer, inputs[0] if inputs else None, outputs, weights))
        inner[-1] |= called | {id(layer), *map(id, layer.variables)}
        return outputs

    before = tf.config.functions_run_eagerly()
    keras.layers.Layer.__call__ = recorded  # the one place that every layer's call passes, in any kind of model
    tf.config.run_functions_eagerly(True)
    try:
        return model(images, training=training), calls
    finally:
        tf.config.run_functions_eagerly(before)
        keras.layers.Layer.__call__ = original


def weighted_inputs(calls: Iterable[LayerCall]) -> list[Any]:
    """Return the inputs of the layers with weights, which may be frozen."""
    return [call.inputs for call in calls if call.weights or hasattr(call.layer, "kernel")]


def describe_calls(calls: Iterable[LayerCall]) -> list[LayerShape]:
    """Return the layers of any built Keras model, as a call reaches them, without the rules of their windows.

    Weights count at the first call of their layer. Multiply-adds are counted for layers with a `kernel`, applied once
    for each output pixel, and are 0 for others.
    """
    layers, counted = [], set[int]()
    for call in calls:
        output = tuple(getattr(call.outputs, "shape", (None,))[1:])
        parameters = sum(math.prod(weight.shape) for weight in call.weights if id(weight) not in counted)
        counted |= set(map(id, call.weights))
        kernel = getattr(call.layer, "kernel", None)
        multiply_adds = 0 if kernel is None else math.prod(kernel.shape) * math.prod(output[:-1])
        layers.append(LayerShape(call.layer.name, output, parameters, multiply_adds))
    return layers
