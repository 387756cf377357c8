"""Random models as users write them, right ones and ones with a fault, and what becomes of each: 0 may pass silently.

A model is a kind (functional, sequential, subclassed, ...) with a body of layers and at most one fault, which stands in
a table with its expected end: `refused` before any trial trains, `noted`, or `right`. Whether a fault is found must not
depend on the kind and the body around it, so they are drawn at random.

    python -m tests.faults.wrong_models --variants 400 --seed 1
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from mnist_sweep import Dataset, Split, TrialConfig
from mnist_sweep.errors import ConfigError
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks import models_to_check

KINDS = "functional", "sequential", "unbuilt", "subclassed", "nested"
BODIES = "dense", "convolution", "normalised", "dropped", "residual"
SHAPE, NUM_CLASSES = (6, 6, 1), 4
SHARED: dict[str, Any] = {}

Layers = list[Any]
Fault = Callable[[Layers, int], Any]  # changes layers, the last of which is the head; or returns what else to do


@dataclass(frozen=True)
class Drawn:
    """A model of a kind with a body and a fault; `number` is what else a fault draws."""

    kind: str
    body: str
    fault: str
    number: int = 0

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        """Return the model, or what the fault makes of it; no fault raises an error here."""
        try:
            return self._built(num_classes, image_shape)
        except Exception as error:
            SHARED["error"] = error
            raise

    def _built(self, num_classes: int, image_shape: tuple[int, int, int]) -> Any:
        import keras

        head = keras.layers.Dense(num_classes)
        layers: Layers = [*_body(self.body), keras.layers.Flatten(), keras.layers.Dense(8, "relu"), head]
        outcome = FAULTS[self.fault][1](layers, self.number)
        if isinstance(outcome, Instead):
            return outcome.value
        model = _assembled(self.kind, layers, image_shape, **(outcome if isinstance(outcome, dict) else {}))
        if isinstance(outcome, Finally):
            outcome.change(model)
        return model


@dataclass(frozen=True)
class Instead:
    """Something to return in place of the model."""

    value: Any


@dataclass(frozen=True)
class Finally:
    """A change to the finished model."""

    change: Callable[[Any], object]


def _body(name: str) -> Layers:
    from keras import layers

    return {
        "dense": lambda: list[Any](),
        "convolution": lambda: [layers.Conv2D(3, 3, padding="same", activation="relu"), layers.MaxPooling2D()],
        "normalised": lambda: [layers.Conv2D(3, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU()],
        "dropped": lambda: [layers.Conv2D(3, 3, activation="tanh"), layers.Dropout(0.3), layers.GaussianNoise(0.1)],
        "residual": lambda: [layers.Conv2D(3, 1), _residual(layers.Conv2D(3, 3, padding="same"))],
    }[name]()


def _assembled(kind: str, layers: Layers, shape: tuple[int, int, int], **options: Any) -> Any:
    import keras

    kind = "functional" if options else kind
    shape = options.pop("image_shape", shape)
    if kind == "subclassed":
        return _subclassed(layers)
    if kind == "unbuilt":
        return keras.Sequential(layers)
    images = keras.Input(shape, **options)
    if kind == "sequential":
        return keras.Sequential([images, *layers])
    if kind == "nested":
        return keras.Model(images, keras.Sequential(layers[1:])(layers[0](images)))
    outputs = images
    for layer in layers:
        outputs = layer(outputs)
    return keras.Model(images, outputs)


def _class(base: str, **methods: Any) -> Any:
    """Return a class of the user's, with a class of Keras as its base; without a statement, which mypy would refuse."""
    import keras

    return type("Own", (getattr(keras, base, None) or getattr(keras.layers, base),), methods)


def _subclassed(layers: Layers) -> Any:
    def call(self: Any, images: Any) -> Any:
        for step in self.steps:
            images = step(images)
        return images

    model = _class("Model", call=call)()
    model.steps = layers
    return model


def _residual(inner: Any) -> Any:
    layer = _class("Layer", call=lambda self, x: x + self.inner(x))()
    layer.inner = inner
    return layer


def _layer(function: Callable[..., Any], weight: Any = None) -> Any:
    """Return a layer that calls a function of its inputs, of `training` and, if there is one, of its weight."""

    def build(self: Any, shape: Any) -> None:
        self.own = None if weight is None else weight(self, shape)

    def call(self: Any, x: Any, training: bool | None = None) -> Any:
        return function(x, training) if weight is None else function(x, training, self.own)

    return _class("Layer", build=build, call=call)()


def _first(make: Callable[[int], Any]) -> Fault:
    return lambda layers, number: layers.insert(0, make(number))


def _last(make: Callable[[int], Any]) -> Fault:
    return lambda layers, number: layers.append(make(number))


def _hidden(make: Callable[[int], Any]) -> Fault:
    return lambda layers, number: layers.insert(-1, make(number))


def _head(make: Callable[[int], Any]) -> Fault:
    return lambda layers, number: layers.__setitem__(-1, make(number))


def _keras(name: str, *values: Any, **options: Any) -> Callable[[int], Any]:
    def make(number: int) -> Any:
        import keras

        return getattr(keras.layers, name)(*values, **options)

    return make


def _dense(units: int = NUM_CLASSES, **options: Any) -> Callable[[int], Any]:
    return _keras("Dense", units, **options)


def _step(function: Callable[..., Any], weight: Any = None) -> Callable[[int], Any]:
    return lambda number: _layer(function, weight)


def _instead(make: Callable[[Layers], Any]) -> Fault:
    return lambda layers, number: Instead(make(layers))


def _tf() -> Any:
    import tensorflow as tf

    return tf


def _recurrent() -> Layers:
    import keras

    return [keras.layers.Reshape((1, 8)), keras.layers.LSTM(4, dropout=0.2)]


def _all_zero(layers: Layers, number: int) -> None:
    import keras

    layers[:] = [
        keras.layers.Flatten(),
        *(keras.layers.Dense(size, "relu", kernel_initializer="zeros") for size in (8, 8)),
    ]
    layers.append(keras.layers.Dense(NUM_CLASSES, kernel_initializer="zeros"))


def _cleared(layers: Layers, number: int) -> None:
    import keras

    keras.backend.clear_session()


def _shared_layers(layers: Layers, number: int) -> None:
    layers[:] = SHARED.setdefault("layers", list(layers))


def _shared_width(layers: Layers, number: int) -> None:
    import keras

    SHARED["calls"] = SHARED.get("calls", 0) + 1
    layers.insert(-1, keras.layers.Dense(3 + SHARED["calls"], "relu"))


def _own_draw(layers: Layers, number: int) -> None:
    import keras

    start = keras.initializers.Constant(np.random.default_rng().normal(0, 0.1, NUM_CLASSES))
    layers[-1] = keras.layers.Dense(NUM_CLASSES, bias_initializer=start)


def _setting(name: str, value: Any) -> Fault:
    def change(layers: Layers, number: int) -> None:
        import keras

        getattr(keras.config, f"set_{name}")(value)

    return change


def _counted(x: Any, training: Any) -> Any:
    SHARED["count"] = SHARED.get("count", 0) + 1
    return x * (1 + 0.01 * SHARED["count"])


def _counted_in_training(x: Any, training: Any) -> Any:
    SHARED["trained"] = SHARED.get("trained", 0) + bool(training)
    return x * (1 + 0.01 * SHARED["trained"])


def _moving(x: Any, training: Any, weight: Any) -> Any:
    weight.assign(0.9 * weight)
    return x * weight


def _scalar(**options: Any) -> Any:
    return lambda layer, shape: layer.add_weight(shape=(), initializer="ones", **options)


def _untracked(layer: Any, shape: Any) -> Any:
    return _tf().Variable(np.ones((shape[-1], shape[-1]), "float32") / shape[-1])


def _unused(layer: Any, shape: Any) -> Any:
    return layer.add_weight(shape=(shape[-1], shape[-1]))


def _built_dense(layer: Any, shape: Any) -> Any:
    inner = _dense(8)(0)
    inner.build(shape)
    return inner


def _compiled(model: Any) -> None:
    model.compile("sgd", "mse")


def _square_root(x: Any, training: Any, weight: Any) -> Any:
    return x + _tf().sqrt(_tf().abs(weight - weight))


REFUSED, NOTED, RIGHT = "refused", "noted", "right"
FAULTS: dict[str, tuple[str, Fault]] = {
    "none": (RIGHT, lambda layers, number: None),
    "log_softmax": (RIGHT, _last(_keras("Activation", "log_softmax"))),
    "zero_head": (RIGHT, _head(_dense(kernel_initializer="zeros"))),
    "zero_head_with_bias": (RIGHT, _head(_dense(kernel_initializer="zeros", bias_initializer="ones"))),
    "small_head": (RIGHT, _head(_dense(kernel_initializer="random_normal"))),
    "constrained": (RIGHT, _head(_dense(kernel_constraint="non_neg"))),
    "regularised": (RIGHT, _head(_dense(kernel_regularizer="l2"))),
    "standardised": (RIGHT, _first(_step(lambda x, _: (x - 0.5) / 0.25))),
    "there_and_back": (RIGHT, _first(_step(lambda x, _: x * 255 / 255))),
    "frozen_part": (RIGHT, _hidden(_dense(8, trainable=False))),
    "random_flip": (RIGHT, _first(_keras("RandomFlip", "horizontal"))),
    "unused_masks": (RIGHT, lambda layers, number: layers.__setitem__(slice(-1, -1), _recurrent())),
    "moving_average": (
        RIGHT,
        _hidden(
            _step(lambda x, training, w: (training and w.assign(0.9 * w + 0.1), x * w)[1], _scalar(trainable=False))
        ),
    ),
    "cleared_session": (RIGHT, _cleared),
    "own_graph": (RIGHT, _hidden(_step(lambda x, _, w: _tf().function(w)(x), _built_dense))),
    "binarised": (NOTED, _first(_step(lambda x, _: _tf().round(x)))),
    "cast": (NOTED, _first(_step(lambda x, _: _tf().cast(_tf().cast(x * 9, "uint8"), x.dtype)))),
    "tanh": (NOTED, _last(_keras("Activation", "tanh"))),
    "relu": (NOTED, _last(_keras("ReLU"))),
    "compiled": (NOTED, lambda layers, number: Finally(_compiled)),
    "rescaled_a_little": (NOTED, _first(_keras("Rescaling", 1 / 16))),
    "scaled_up": (NOTED, _first(_keras("Rescaling", 255.0))),
    "softmax": (REFUSED, _last(_keras("Softmax"))),
    "softmax_head": (REFUSED, _head(_dense(activation="softmax"))),
    "sigmoid": (REFUSED, _last(_keras("Activation", "sigmoid"))),
    "hard_sigmoid": (REFUSED, _head(_dense(activation="hard_sigmoid"))),
    "zero_softmax": (REFUSED, _head(_dense(activation="softmax", kernel_initializer="zeros"))),
    "more_outputs": (REFUSED, lambda layers, number: _head(_dense(NUM_CLASSES + 1 + number))(layers, number)),
    "fewer_outputs": (REFUSED, lambda layers, number: _head(_dense(1 + number % (NUM_CLASSES - 1)))(layers, number)),
    "rank_1": (REFUSED, _last(_step(lambda x, _: x[:, 0]))),
    "rank_3": (REFUSED, _last(_step(lambda x, _: x[:, None]))),
    "transposed": (REFUSED, _last(_step(lambda x, _: _tf().transpose(x)))),
    "classes": (REFUSED, _last(_step(lambda x, _: _tf().argmax(x, axis=-1)))),
    "returns_none": (REFUSED, _instead(lambda layers: None)),
    "returns_a_class": (REFUSED, _instead(lambda layers: type(_subclassed(layers)))),
    "returns_a_layer": (REFUSED, _instead(lambda layers: layers[-1])),
    "returns_layers": (REFUSED, _instead(lambda layers: layers)),
    "returns_a_function": (REFUSED, _instead(lambda layers: print)),
    "list_of_outputs": (REFUSED, _last(_step(lambda x, _: [x, x]))),
    "dict_of_outputs": (REFUSED, _last(_step(lambda x, _: {"logits": x}))),
    "outputs_differ_in_training": (REFUSED, _last(_step(lambda x, training: x[:, :2] if training else x))),
    "nan": (REFUSED, _last(_step(lambda x, _: x + float("nan")))),
    "infinite": (REFUSED, _last(_step(lambda x, _: x / (x - x)))),
    "nan_gradient": (REFUSED, _hidden(_step(_square_root, _scalar()))),
    "nan_in_training": (REFUSED, _last(_step(lambda x, training: x * float("nan") if training else x))),
    "another_size": (REFUSED, lambda layers, number: {"image_shape": (6 + 1 + number, 6, 1)}),
    "other_channels": (REFUSED, lambda layers, number: {"image_shape": (6, 6, 2 + number)}),
    "fixed_batch": (REFUSED, _first(_step(lambda x, _: _tf().reshape(x, (8, *x.shape[1:]))))),
    "integers": (REFUSED, lambda layers, number: {"dtype": "uint8"}),
    "rescaled": (REFUSED, _first(_keras("Rescaling", 1 / 255))),
    "rescaled_to_one": (REFUSED, _first(_keras("Rescaling", 1 / 127.5, offset=-1))),
    "divided": (REFUSED, _first(_step(lambda x, _: x / 255))),
    "raw_statistics": (REFUSED, _first(_keras("Normalization", mean=33.3, variance=78.6**2))),
    "rescaled_in_training": (REFUSED, _first(_step(lambda x, training: x / 255 if training else x))),
    "brightness_of_255": (REFUSED, _first(_keras("RandomBrightness", (0.5, 0.6)))),
    "softmax_in_training": (REFUSED, _last(_step(lambda x, training: _tf().nn.softmax(x) if training else x))),
    "multiplied_by_zero": (REFUSED, _first(_keras("Rescaling", 0.0))),
    "shape_of_the_image": (REFUSED, _first(_step(lambda x, _: _tf().ones_like(x)))),
    "forgotten_image": (REFUSED, _hidden(_step(lambda x, _: _tf().zeros_like(x) + 1.0))),
    "frozen": (REFUSED, lambda layers, number: Finally(lambda model: setattr(model, "trainable", False))),
    "stopped_gradient": (REFUSED, _hidden(_step(lambda x, _: _tf().stop_gradient(x)))),
    "rounded": (REFUSED, _hidden(_step(lambda x, _: _tf().cast(x > 0, x.dtype)))),
    "unused_weight": (REFUSED, _hidden(_step(lambda x, _, w: x, _unused))),
    "untracked_weight": (REFUSED, _hidden(_step(lambda x, _, w: x @ w, _untracked))),
    "dropped_whole": (REFUSED, _hidden(_keras("Dropout", 1.0))),
    "float16_head": (REFUSED, _head(_dense(dtype="float16"))),
    "float64_head": (REFUSED, _head(_dense(dtype="float64"))),
    "all_zero": (REFUSED, _all_zero),
    "numpy_noise": (
        REFUSED,
        _hidden(_step(lambda x, training: x + np.random.normal(0, 0.1, x.shape[1:]) if training else x)),
    ),
    "global_noise": (REFUSED, _hidden(_step(lambda x, training: _tf().nn.dropout(x, 0.5) if training else x))),
    "noise_in_evaluation": (REFUSED, _hidden(_step(lambda x, _: x + _tf().random.normal(_tf().shape(x))))),
    "dropout_in_evaluation": (
        REFUSED,
        _hidden(_step(lambda x, _, w: w(x, training=True), lambda *_: _keras("Dropout", 0.5)(0))),
    ),
    "own_draw": (REFUSED, _own_draw),
    "counted_calls": (REFUSED, _hidden(_step(_counted))),
    "counted_steps": (REFUSED, _hidden(_step(_counted_in_training))),
    "changed_by_evaluation": (REFUSED, _hidden(_step(_moving, _scalar(trainable=False)))),
    "shared_layers": (REFUSED, _shared_layers),
    "shared_width": (REFUSED, _shared_width),
    "batch_mean": (REFUSED, _hidden(_step(lambda x, _: x - _tf().reduce_mean(x, axis=0)))),
    "batch_softmax": (REFUSED, _last(_step(lambda x, _: _tf().nn.softmax(x, axis=0)))),
    "batch_statistics": (
        REFUSED,
        _hidden(_step(lambda x, _, w: w(x, training=True), lambda *_: _keras("BatchNormalization")(0))),
    ),
    "floatx": (REFUSED, _setting("floatx", "float16")),
    "dtype_policy": (REFUSED, _setting("dtype_policy", "mixed_bfloat16")),
    "channels_first": (REFUSED, _setting("image_data_format", "channels_first")),
    "epsilon": (REFUSED, _setting("epsilon", 0.1)),
}


def dataset() -> Dataset:
    """Return images of noise with one bright row, whose place is the class."""
    drawn = np.random.default_rng(0)
    labels = drawn.integers(0, NUM_CLASSES, 240).astype(np.uint8)
    images = drawn.integers(0, 120, (240, *SHAPE)).astype(np.uint8)
    images[np.arange(240), labels] += 120
    parts = {"train": slice(120), "val": slice(120, 180), "test": slice(180, 240)}
    split = {name: Split(images=images[part], labels=labels[part]) for name, part in parts.items()}
    return Dataset(train=split["train"], val=split["val"], test=split["test"], num_classes=NUM_CLASSES)


def variants(count: int, seed: int) -> Iterator[Drawn]:
    """Yield models with every fault in turn, in kinds and bodies that are drawn."""
    drawn = Random(seed)
    for fault in itertools.islice(itertools.cycle(FAULTS), count):
        yield Drawn(drawn.choice(KINDS), drawn.choice(BODIES), fault, drawn.randrange(4))


def ending(model: Drawn, data: Dataset) -> tuple[str, str]:
    """Return what becomes of a model, and the message or the notes."""
    SHARED.clear()
    config = TrialConfig(model=model, num_steps=1, batch_size=8, evaluate_every=1)
    try:
        notes = models_to_check.check_models(models_to_check.candidates([config], {config.data: data}))
    except ConfigError as error:
        return REFUSED, str(error)
    finally:
        _setting("floatx", "float32")([], 0)
        _setting("dtype_policy", "float32")([], 0)
        _setting("image_data_format", "channels_last")([], 0)
        _setting("epsilon", 1e-7)([], 0)
    if "error" in SHARED:
        raise SHARED["error"]
    return (NOTED, "; ".join(notes)) if notes else (RIGHT, "")


def main() -> int:
    """Print what became of many models; return 1 if any ended otherwise than it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tensorflow_runtime.configure(threads=1)
    data, counts, start = dataset(), Counter[str](), time.perf_counter()
    for model in variants(arguments.variants, arguments.seed):
        expected, (ended, message) = FAULTS[model.fault][0], ending(model, data)
        counts["as expected" if ended == expected else f"{expected}, but {ended}"] += 1
        if ended != expected:
            sys.stdout.write(f"{model}: {ended}, not {expected}: {message}\n")
    silent = counts["refused, but right"] + counts["noted, but right"]
    seconds = (time.perf_counter() - start) / arguments.variants
    sys.stdout.write(f"{dict(counts)}; silent wrong answers: {silent}; {seconds:.2f} s a model\n")
    return int(counts["as expected"] < arguments.variants)


if __name__ == "__main__":
    sys.exit(main())
