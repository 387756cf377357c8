"""Activations of a model's layers for a batch of images, as histograms and images for TensorBoard.

A layer with weights is shown with the nonlinearity that follows it: its own, or a separate layer behind it, possibly
after a normalisation or a sum. Pre-activations are the nonlinearity's inputs, activations its outputs.
"""

from typing import Any

import keras
import tensorflow as tf

from mnist_sweep.training import tensorflow_runtime

SHOWN_MAPS = 16
NONLINEARITIES = (
    *(keras.layers.Activation, keras.layers.ELU, keras.layers.LeakyReLU, keras.layers.PReLU),
    *(keras.layers.ReLU, keras.layers.Softmax),
)


class LayerSummaries:
    """Summaries of the layers of a model; none for a model that is no graph of Keras layers.

    Attributes:
        values: Graph from images to pre-activations and activations by layer, and outputs by pooling layer.
    """

    def __init__(self, model: Any) -> None:
        is_open = getattr(model, "inputs", None)
        operations = keras.Model(model.inputs[0], model.outputs).operations if is_open else []
        self._weighted = [operation for operation in operations if hasattr(operation, "kernel")]
        self._pools = [operation for operation in operations if isinstance(operation, keras.layers.MaxPooling2D)]
        ends = _nonlinearities(operations)
        self._ends = [ends.get(layer.name) for layer in self._weighted]
        seen = [end.input if end else layer.input for layer, end in zip(self._weighted, self._ends, strict=True)]
        self._model = keras.Model(model.inputs[0], [*seen, *(pool.output for pool in self._pools)]) if seen else None
        self.values = tensorflow_runtime.traced(self._values, autograph=False)

    def _values(self, images: Any) -> tuple[dict[str, tuple[Any, Any]], dict[str, Any]]:
        outputs = keras.tree.flatten(self._model(images, training=False)) if self._model else []
        layers: dict[str, tuple[Any, Any]] = {}
        for layer, end, value in zip(self._weighted, self._ends, outputs, strict=False):
            before = value if end else _linear(layer, value)
            layers[layer.name] = before, end(before) if end else layer.activation(before)
        pooled = outputs[len(self._weighted) :]
        return layers, {pool.name: value for pool, value in zip(self._pools, pooled, strict=True)}

    def write(self, images: Any) -> None:
        """Write histograms of the layers' values, the first layer's filters, and one image's maps in each block."""
        layers, pools = self.values(images)
        for name, (pre_activations, activations) in layers.items():
            tf.summary.histogram(f"{name}/pre_activations", pre_activations)
            tf.summary.histogram(f"{name}/activations", activations)
            if len(activations.shape) == 4:
                _write_maps(f"{name}/convolved", activations[0])
        for name, values in pools.items():
            _write_maps(f"{name}/pooled", values[0])
        if self._weighted and len(self._weighted[0].kernel.shape) == 4:
            kernel = tf.transpose(tf.convert_to_tensor(self._weighted[0].kernel.value), [3, 0, 1, 2])
            coloured = kernel if kernel.shape[-1] in (1, 3) else tf.reduce_mean(kernel, axis=-1, keepdims=True)
            tf.summary.image(f"{self._weighted[0].name}/filters", _in_range(coloured), max_outputs=kernel.shape[0])


def _nonlinearities(operations: list[Any]) -> dict[str, Any]:
    """Return the nonlinearity behind each layer with weights and no activation, if nothing else takes its output."""
    consumers: dict[int, list[Any]] = {}
    for operation in operations:
        if not isinstance(operation, keras.layers.InputLayer):
            for tensor in keras.tree.flatten(operation.input):
                consumers.setdefault(id(tensor), []).append(operation)
    found = {}
    for layer in operations:
        if getattr(layer, "activation", None) is keras.activations.linear and hasattr(layer, "kernel"):
            end = layer
            while len(following := consumers.get(id(end.output), [])) == 1 and not isinstance(end, NONLINEARITIES):
                (end,) = following
                if hasattr(end, "kernel"):
                    break
            if isinstance(end, NONLINEARITIES):
                found[layer.name] = end
    return found


def _linear(layer: Any, inputs: Any) -> Any:
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return layer(inputs)
    finally:
        layer.activation = activation


def _write_maps(name: str, maps: Any) -> None:
    """Write the channels of one image `[height, width, channels]` as grey images."""
    tf.summary.image(name, _in_range(tf.transpose(maps, [2, 0, 1])[..., None]), max_outputs=SHOWN_MAPS)


def _in_range(images: Any) -> Any:
    """Return images `[n, height, width, channels]`, each stretched to [0, 1]."""
    images = tf.cast(images, tf.float32)
    low = tf.reduce_min(images, axis=[1, 2, 3], keepdims=True)
    high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(images - low, high - low)
