"""What the layers of a model make of images, as histograms and pictures for TensorBoard."""

from typing import Any

import keras
import tensorflow as tf

SHOWN_MAPS = 16


class Probe:
    """Looks at what the layers of a model make of images; at nothing in a model that Keras cannot take apart."""

    def __init__(self, model: Any) -> None:
        layers = model.layers if getattr(model, "inputs", None) else []
        self._weighted = [layer for layer in layers if hasattr(layer, "kernel")]
        self._pools = [layer for layer in layers if isinstance(layer, keras.layers.MaxPooling2D)]
        seen = [layer.input for layer in self._weighted] + [layer.output for layer in self._pools]
        self._model = keras.Model(model.inputs, seen) if seen else None
        self._run = tf.function(self._look, autograph=False)

    def _look(self, images: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return pre-activations and activations of each layer with weights, and outputs of each pooling."""
        outputs = self._model(images, training=False) if self._model else []
        outputs = outputs if isinstance(outputs, list) else [outputs]
        before = [_linear(layer, value) for layer, value in zip(self._weighted, outputs, strict=False)]
        after = [layer.activation(value) for layer, value in zip(self._weighted, before, strict=True)]
        return before, after, outputs[len(self._weighted) :]

    def show(self, images: Any) -> None:
        """Show histograms of the layers' values, the first layer's filters, and what an image becomes in each block."""
        before, after, pooled = self._run(images)
        for layer, pre_activations, activations in zip(self._weighted, before, after, strict=True):
            tf.summary.histogram(f"{layer.name}/pre_activations", pre_activations)
            tf.summary.histogram(f"{layer.name}/activations", activations)
            if len(activations.shape) == 4:
                _show_maps(f"{layer.name}/convolved", activations[0])
        for layer, values in zip(self._pools, pooled, strict=True):
            _show_maps(f"{layer.name}/pooled", values[0])
        if self._weighted and len(self._weighted[0].kernel.shape) == 4:
            kernel = tf.transpose(tf.convert_to_tensor(self._weighted[0].kernel.value), [3, 0, 1, 2])
            coloured = kernel if kernel.shape[-1] in (1, 3) else tf.reduce_mean(kernel, axis=-1, keepdims=True)
            tf.summary.image(f"{self._weighted[0].name}/filters", _in_range(coloured), max_outputs=kernel.shape[0])


def _linear(layer: Any, inputs: Any) -> Any:
    """Return what a layer makes of its inputs without its activation."""
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return layer(inputs)
    finally:
        layer.activation = activation


def _show_maps(name: str, maps: Any) -> None:
    """Show the channels of one image `[height, width, channels]` as grey images."""
    tf.summary.image(name, _in_range(tf.transpose(maps, [2, 0, 1])[..., None]), max_outputs=SHOWN_MAPS)


def _in_range(images: Any) -> Any:
    """Return images `[n, height, width, channels]`, each stretched to [0, 1]."""
    images = tf.cast(images, tf.float32)
    low = tf.reduce_min(images, axis=[1, 2, 3], keepdims=True)
    high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(images - low, high - low)
