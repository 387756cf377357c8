"""The laws of a user's Keras model, tried on one batch: a model that breaks one would not train as meant.

Everything runs eagerly on a model of its own, so no weight and no graph of a trial is touched. Its variables are put
back before each training step, so that whatever the model keeps elsewhere shows.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mnist_sweep.errors import ConfigError
from mnist_sweep.models import inference
from mnist_sweep.models.shapes import LayerCall, record_calls, weighted_inputs
from mnist_sweep.training.checks.sample import Sample

MIN_SPREAD, SMALL_SPREAD, MAX_SPREAD = 1 / 50, 1 / 10, 50  # of what the first weights see; scaled twice, it is 1/255
GAMMA = 1 + 1e-5  # changes pixels by 4e-6 at most, which float32 tells apart, and only few of them beyond a threshold
ROUNDING = 1e-6  # difference between the logits of two images that may be rounding, relative to the logits
GAINS = 1.0, 10.0, 100.0  # of random weights, under which logits leave [-1, 1]
TOLERANCES = {"float32": 2e-2, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}  # of logits; a GPU computes in TF32
LINEAR = "remove the softmax or sigmoid at its end"
DRAWS = "equal images have different logits in evaluation", "draw random numbers only if `training`"

Array = NDArray[Any]


def law(holds: bool, finding: str, way_out: str) -> None:
    """Raise a ConfigError unless a model keeps a law: what came instead, as a clause, and the way out."""
    if not holds:
        raise ConfigError(f"{finding}: {way_out}")


class ModelLaws:
    """The laws of one Keras model, built under a dtype policy; its weights are random after the last law."""

    def __init__(self, model: Any, sample: Sample, precision: str) -> None:
        self._model, self._images, self._labels = model, tf.constant(sample.images), tf.constant(sample.labels)
        self._shape, self._tolerance = (len(sample.labels), sample.num_classes), TOLERANCES[precision]
        self._loss_of, self._has_classes = sample.loss, sample.num_classes > 1 and sample.labels.dtype.kind != "f"
        self._is_exact = precision == "float32" and not tf.config.get_visible_devices("GPU")
        self._start = [variable.value.numpy() for variable in model.variables]

    def check(self) -> list[str]:
        """Try every law that nobody breaks on purpose; return notes on what may be meant, one line each."""
        weights, count = self._model.trainable_variables, len(self._start)
        law(bool(weights), f"none of its {count} variables is trainable", "let `build` return layers that train")
        others = [one.path for one in weights if one.dtype != "float32"]
        law(not others, f"{_named(others)} is not float32", "leave dtypes to the trial's `precision`")
        outputs, calls = record_calls(self._model, self._images)
        logits = self._checked(outputs)
        self._check_evaluation(logits)
        notes = self._check_scale(calls)
        if not (_ends_linearly(outputs, calls) and _varies(logits)):
            notes += self._check_range(logits)
        self._put_back()
        rounds = self._check_gradients()
        self._put_back()
        self._check_augmentation(calls)
        if not _varies(logits):  # whatever training draws or keeps would not show
            self._draw(1.0)
            self._start, logits = [variable.value.numpy() for variable in self._model.variables], self._evaluated()
            self._check_evaluation(logits)
            self._first_loss = float(self._loss())
            self._put_back()
        if rounds and _varies(logits) and np.array_equal(self._evaluated(self._images**GAMMA), logits):
            notes.append("its logits stay the same when all pixels change a little, so it rounds its images")
        self._check_state(logits)
        return notes

    def hold_alike(self, other: Any) -> bool:
        """Return whether another model is the same one apart from the values of its variables, once `check` is done."""
        before, self._model = self._model, other
        kinds, others = ([(one.shape, one.dtype) for one in model.variables] for model in (before, other))
        return kinds == others and self._repeats()

    def _checked(self, outputs: Any) -> Array:
        """Return outputs as logits, if they are: float64 `[n, num_classes]`."""
        law(outputs is not None, "a call of it returns None", "return the logits")
        if isinstance(outputs, dict | list | tuple):
            law(len(outputs) == 1, f"it has {len(outputs)} outputs", "return the logits alone, or give a loss a `main`")
            law(False, f"its output is a {type(outputs).__name__}", "return the logits alone")
        shape = tuple(outputs.shape)
        shown = ", ".join(map(str, ("batch", *shape[1:]) if shape[:1] == self._shape[:1] else shape))
        law(shape == self._shape, f"its outputs have the shape ({shown})", "end it with Dense(num_classes)")
        logits = np.asarray(tf.cast(outputs, tf.float64))
        finite = bool(np.isfinite(logits).all())
        law(finite, "its outputs are not finite before the first step", "look for its first NaN or infinite value")
        return logits

    def _evaluated(self, images: Any = None) -> Array:
        return np.asarray(tf.cast(self._model(self._images if images is None else images, training=False), tf.float64))

    def _check_evaluation(self, logits: Array) -> None:
        """Validate that evaluation is a function of one image and the variables, which it leaves alone."""
        pairs = zip(self._model.variables, self._start, strict=True)
        changed = [variable.path for variable, value in pairs if not np.array_equal(variable.value, value)]
        # Keras' LSTM draws masks that it never uses.
        states = [path for path in changed if "seed_generator" not in path]
        law(not states, f"evaluation changes {_named(states)}", "let a layer change its state only if `training`")
        difference = np.abs(self._evaluated(self._images[:1]) - logits[:1]).max()
        alone = bool(difference <= self._tolerance * max(1e-6, np.abs(logits).max()))
        way_out = "compute nothing across the batch, and leave `training` of layers such as BatchNormalization alone"
        law((alone and not changed) or self._is_function(), *DRAWS)
        law(alone, "the logits of an image depend on the other images of its batch", way_out)

    def _is_function(self) -> bool:
        return np.array_equal(self._evaluated(), self._evaluated())

    def _check_scale(self, calls: Sequence[LayerCall]) -> list[str]:
        """Validate that the first weights see images of about the scale in which they come."""
        spreads = [*map(self._spread, weighted_inputs(calls))]
        if not (spread := next(filter(None, spreads), 0.0)):
            return []
        ratio = spread / self._spread(self._images)
        finding = f"its first layer with weights sees images that differ by at most {spread:.2g}"
        way_out = "images come in [0, 1] already, so remove its own scaling by 1/255, or put Rescaling(255.0) before it"
        law(ratio >= MIN_SPREAD, finding, way_out)
        is_odd = ratio > MAX_SPREAD or (ratio <= SMALL_SPREAD and spread == spreads[0])
        return [f"{finding}: images come in [0, 1]"] if is_odd else []

    def _check_augmentation(self, calls: Sequence[LayerCall]) -> None:
        """Validate that the first weights see images of the same scale in training, whatever augments them there."""
        _, in_training = record_calls(self._model, self._images, training=True)
        seen, here = (_largest(weighted_inputs(each)[:1]) for each in (calls, in_training))
        finding = f"its first layer with weights sees values up to {here:.2g} in training and {seen:.2g} in evaluation"
        way_out = "images come in [0, 1], so give layers that augment them value_range=(0, 1)"
        law(not seen or MIN_SPREAD <= here / seen <= MAX_SPREAD, finding, way_out)
        self._put_back()

    def _spread(self, values: Any) -> float:
        """Return how far images differ at most in one place of a tensor; 0 if it is none that holds them."""
        values = values[0] if isinstance(values, list | tuple) and values else values
        if not tf.is_tensor(values) or not values.dtype.is_floating or values.shape.rank == 0:
            return 0.0
        each = np.asarray(tf.cast(values, tf.float64))
        images = each.reshape(self._shape[0], -1) if len(each) % self._shape[0] == 0 else each.reshape(-1, 1)
        return float(np.ptp(images, axis=0).max(initial=0.0))

    def _check_gradients(self) -> bool:
        """Validate that a training step changes every weight, and creates no variable.

        Return whether no gradient reaches the images, where that can be told from rounding.
        """
        weights = self._model.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch(self._images)
            loss = self._loss()
        *gradients, of_images = tape.gradient(loss, [*(weight.value for weight in weights), self._images])
        known = {id(variable.value) for variable in self._model.variables}
        law(len(known) == len(self._start), "its first training step creates variables", "create them in `build`")
        foreign = [variable.name for variable in tape.watched_variables() if id(variable) not in known]
        law(not foreign, f"{_named(foreign)} is not a weight of a layer, so it is not trained", "use add_weight")
        found = {weight.path: gradient for weight, gradient in zip(weights, gradients, strict=True)}
        unreached = [path for path, gradient in found.items() if gradient is None]
        way_out = "set `trainable` to False where that is meant, or use operations that have gradients"
        law(not unreached, f"no gradient reaches {_named(unreached)}", way_out)
        arrays = {path: np.asarray(tf.convert_to_tensor(gradient)) for path, gradient in found.items()}
        infinite = [path for path, array in arrays.items() if not np.isfinite(array).all()]
        finding = f"the gradient of {_named(infinite)} is not finite"
        law(not infinite, finding, "look for a square root or a logarithm of zero, or a division by zero")
        law(any(map(np.any, arrays.values())), "every gradient is zero", "start weights at random")
        kernels = [array for array in arrays.values() if array.ndim >= 2]
        way_out = "start weights at random, and let no Dropout drop a whole layer"
        law(not kernels or any(map(np.any, kernels)), "only its biases have a gradient", way_out)
        self._first_loss = float(loss)
        return self._is_exact and (of_images is None or not np.any(of_images))

    def _check_state(self, logits: Array) -> None:
        """Validate that a training step is a function of the images and the variables, and changes these alone."""
        kept = np.array_equal(self._evaluated(), logits)
        law(kept or self._is_function(), *DRAWS)
        way_out, repeats = "draw by keras.random with a SeedGenerator, and keep all state in weights", self._repeats()
        finding = f"two equal training steps have the losses {self._first_loss:.6g} and {self._last_loss:.6g}"
        law(repeats, finding, way_out)
        law(kept, "training changes more than its variables", "keep all state in weights, made by add_weight")

    def _repeats(self) -> bool:
        self._put_back()
        self._last_loss = float(self._loss())
        return math.isclose(self._first_loss, self._last_loss, rel_tol=1e-5, abs_tol=1e-6)

    def _loss(self) -> Any:
        """Return the loss of a training step, for which global generators are in another state each time: float32."""
        outputs = self._model(self._images, training=True)
        are_probabilities = self._are_probabilities(self._checked(outputs))
        law(not are_probabilities, "its outputs in training are probabilities", LINEAR)
        losses = self._loss_of.per_example(self._labels, inference.of_labels(outputs, self._labels))
        loss = tf.add_n([tf.reduce_mean(losses), *(tf.cast(one, tf.float32) for one in self._model.losses)])
        law(math.isfinite(loss), f"the loss is {float(loss)} before the first step", "look at the losses it adds")
        return loss

    def _are_probabilities(self, logits: Array) -> bool:
        return self._has_classes and bool(logits.min() >= 0 and np.abs(logits.sum(axis=-1) - 1).max() < 0.05)

    def _check_range(self, logits: Array) -> list[str]:
        """Validate that outputs depend on the images and can be any logits, if necessary at random weights."""
        if not self._has_classes:
            return []
        seen, sums_are_one = [logits], self._are_probabilities(logits)
        for gain in GAINS:
            if np.min(seen) < 0 and np.max(np.abs(seen)) > 1 and any(map(_varies, seen)):
                break
            self._draw(gain)
            outputs = self._evaluated()
            if not np.isfinite(outputs).all():  # a deep network: what has been seen must do
                if len(seen) == 1 and not sums_are_one:
                    return []
                break
            seen.append(outputs)
        law(any(map(_varies, seen)), "all images have the same logits, whatever its weights", "use the images")
        low, high = np.min(seen), np.max(seen)
        if low >= 0 and high <= 1:
            law(False, f"its outputs are {'probabilities' if sums_are_one else 'values in [0, 1]'}", LINEAR)
        bounded = "stay in [-1, 1]" if low >= -1 and high <= 1 else "are never negative" if low >= 0 else None
        return [f"its outputs {bounded}, whatever its weights, so it can be sure of no class"] if bounded else []

    def _draw(self, gain: float) -> None:
        """Draw all weights from normal distributions, under which layers multiply the spread of values by `gain`."""
        drawn = np.random.default_rng(0)
        for weight in self._model.trainable_variables:
            fan_in = math.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 1
            weight.assign(drawn.normal(0, gain / math.sqrt(fan_in), weight.shape))

    def _put_back(self) -> None:
        for variable, value in zip(self._model.variables, self._start, strict=True):
            variable.value.assign(value)


def _largest(values: Sequence[Any]) -> float:
    return max((float(np.abs(one).max(initial=0.0)) for one in values if isinstance(one, tf.Tensor)), default=0.0)


def _varies(logits: Array) -> bool:
    return bool(np.ptp(logits, axis=0).max() > ROUNDING * np.abs(logits).max())


def _ends_linearly(outputs: Any, calls: Sequence[LayerCall]) -> bool:
    """Return whether outputs are those of a trained layer without an activation, so that they can be any logits."""
    layer, _, last, weights = calls[-1]
    return outputs is last and bool(weights) and getattr(layer, "activation", None) is keras.activations.linear


def _named(paths: Sequence[str]) -> str:
    others = f" and {len(paths) - 1} other variables" if len(paths) > 1 else ""
    return f"{paths[0] if paths else ''}{others}"
