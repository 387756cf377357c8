"""The calls of layers in a call of a Keras model, however it is written: functional, sequential or subclassed."""

from typing import Any, NamedTuple


class LayerCall(NamedTuple):
    """A call of a layer that has weights of its own, or calls no other layer, and its outputs.

    Its inputs are the layer's first argument, with the batch as its first axis, or None if that was given by name. Its
    weights are the layer's trainable variables that belong to none of the layers that it calls.
    """

    layer: Any
    inputs: Any
    outputs: Any
    weights: tuple[Any, ...]


def record(model: Any, images: Any) -> tuple[Any, list[LayerCall]]:
    """Evaluate a model on images; return its outputs, and the calls of its layers in the order in which they end."""
    import keras

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

    keras.layers.Layer.__call__ = recorded  # the one place that every layer's call passes, in any kind of model
    try:
        return model(images, training=False), calls
    finally:
        keras.layers.Layer.__call__ = original
