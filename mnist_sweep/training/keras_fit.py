"""Training of a compiled Keras model by its own `fit`, for the `train` method of a user's model.

Batches come as in the sweep's own loop, as a function of seed and step, so that a trial resumes to the same bits: with
the variables of model and optimizer, and what the callbacks count.
"""

import contextlib
import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from mnist_sweep.data.batches import indices
from mnist_sweep.errors import ConfigError
from mnist_sweep.optim import objective_metrics
from mnist_sweep.optim.image_contributions import by_image
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.training import array_packing
from mnist_sweep.training.context import Context

BATCH_SIZE = 500  # of evaluations
MAX_ROUNDING = 0.01  # of the sum of probabilities, also in bfloat16
SET_IN_FIT = ("params", "_model", "min_delta")  # of callbacks; Keras gives the last one its sign in the first epoch
NAMES = {"loss": "train_loss", "accuracy": "train_accuracy", "val_loss": "val_loss", "val_accuracy": "val_accuracy"}


def keras_fit(context: Context, model: Any, callbacks: Sequence[Any] | None = None) -> dict[str, Any]:
    """Fit a compiled Keras model, and return what `train` has to return.

    An epoch is `evaluate_every` steps, after which the validation metrics are reported and a checkpoint is taken.
    Callbacks may stop training, change the learning rate and put back weights; a trial that resumes continues with
    those of their attributes that a checkpoint can hold. Once another attribute changes, no checkpoint is taken.

    Args:
        context: The trial.
        model: From float32 images in [0, 1] to a number for each class, on which another objective than accuracy is
            computed, compiled with `metrics=["accuracy"]`; or to the numbers of an image, without, if labels are so.
        callbacks: Keras' callbacks.

    Raises:
        ConfigError: The model is not compiled so, was trained before, or has another number of outputs; or a callback
            restores the model of another trial.
    """
    callbacks = callbacks or ()
    _check(context, model, callbacks)
    from mnist_sweep.training.graph_cache import with_weights

    with_weights(model, context.data.image_shape)
    model.optimizer.build(model.trainable_variables)
    progress, size = _Progress(context, model, callbacks), context.evaluate_every
    first, last = progress.step // size, -(-context.steps // size)
    model.fit(
        _batches(context, progress.step),
        initial_epoch=first,
        epochs=first if progress.has_ended else last,
        steps_per_epoch=size,
        shuffle=False,
        validation_data=_parts(context, "val"),
        validation_steps=len(_places(context, "val")),
        callbacks=[*callbacks, progress.callback()],
        verbose=0,
    )
    return _results(context, model)


def _check(context: Context, model: Any, callbacks: Sequence[Any]) -> None:
    import keras

    if not getattr(model, "compiled", False):
        options = "loss=…" if context.data.is_regression else 'metrics=["accuracy"]'
        raise ConfigError(f"the model is not compiled: call `model.compile(…, {options})` first.")
    if model.optimizer.iterations > 0:
        raise ConfigError("the model was trained before: make and compile a new one in each call of `train`.")
    if model.steps_per_execution != 1:  # whose callbacks see one of so many steps
        raise ConfigError("steps are counted one by one: compile without steps_per_execution.")
    if any(isinstance(one, keras.callbacks.BackupAndRestore) for one in callbacks):
        raise ConfigError("the trial resumes from its own checkpoints: leave out BackupAndRestore.")


def _results(context: Context, model: Any) -> dict[str, Any]:
    outputs = {split: _outputs(model, context, split) for split in ("val", "test")}
    is_regression = context.data.is_regression
    judged = outputs if objective_metrics.needs_outputs(context.objective) and not is_regression else ()
    name = objective_metrics.description(context.objective)[0]
    val, steps = _parts(context, "val"), len(_places(context, "val"))
    return {
        **{f"{split}_{name}": _judged(context, split, outputs[split]) for split in judged},
        "predictions": Predictions(
            *(found if is_regression else found.argmax(axis=1) for found in outputs.values()),
            **{f"{split}_values": _judged(context, split, outputs[split], by_image) for split in judged},
        ),
        "val_loss": model.evaluate(val, steps=steps, verbose=0, return_dict=True)["loss"],
        "parameters": sum(math.prod(weight.shape) for weight in model.trainable_weights),
    }


def _judged(context: Context, split: str, outputs: Any, ask: Callable[..., Any] = objective_metrics.value) -> Any:
    labels, classes = context.data.splits[split].labels, outputs.argmax(axis=-1)
    return ask(context.objective, labels, classes=classes, outputs=outputs)


def _outputs(model: Any, context: Context, split: str) -> Any:
    """Return the outputs on a split: `[n, num_classes]`, or as labels that are numbers.

    `predict` would be traced for every trial.
    """
    import keras

    parts = (model(context.images(split, places), training=False) for places in _places(context, split))
    outputs = np.concatenate([*map(keras.ops.convert_to_numpy, parts)])
    if outputs.shape[1:] != (context.data.num_classes,):
        shape = ("batch", *outputs.shape[1:])
        raise ConfigError(f"the model must have {context.data.num_classes} outputs, but their shape is {shape}.")
    shape = context.data.label_shape if context.data.is_regression else outputs.shape[1:]
    outputs = outputs.astype("float32").reshape(-1, *shape)
    are_shares = bool(outputs.min() >= 0) and bool(np.abs(outputs.sum(axis=-1) - 1).max() < MAX_ROUNDING)
    if isinstance(context.objective, objective_metrics.LogLoss) and are_shares:
        raise ConfigError("log_loss takes logits, but the model has probabilities: remove the softmax at its end.")
    outputs.flags.writeable = False  # an objective of the user's own may sort them in place
    return outputs


def _batches(context: Context, step: int) -> Iterator[Any]:
    labels = context.data.train.labels
    while True:
        (rows,) = indices(context.seed, step, step + 1, batch_size=context.batch_size, num_examples=len(labels))
        yield context.images("train", rows), labels[rows]
        step += 1


def _parts(context: Context, split: str) -> Iterator[Any]:
    """Yield the images and labels of a split in order, again and again, so that few are in memory."""
    for places in cycle(_places(context, split)):
        yield context.images(split, places), context.data.splits[split].labels[places]


def _places(context: Context, split: str) -> list[slice]:
    return [slice(start, start + BATCH_SIZE) for start in range(0, len(context.data.splits[split]), BATCH_SIZE)]


class _Progress:
    """Reports, keeps and restores a model in `fit`.

    Attributes:
        step: Training steps taken.
        has_ended: Whether there is none left, because it was the last or a callback has stopped training.
    """

    def __init__(self, context: Context, model: Any, callbacks: Sequence[Any]) -> None:
        self._context, self._model, self._callbacks = context, model, callbacks
        self._state: dict[str, Any] = context.restore() or {}
        self.step: int = self._state.get("step", 0)
        self.has_ended: bool = self._state.get("has_ended", False)

    def callback(self) -> Any:
        """Return the callback of `fit`; it comes after the user's, whose state it keeps."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_train_begin=self._restore, on_train_batch_end=self._count, on_epoch_end=self._report
        )

    def _restore(self, logs: object = None) -> None:
        self._start = self._unkept()
        if not self._state:
            return
        for variable, value in zip(self._variables(), self._state["variables"], strict=True):
            variable.assign(value)
        for callback, attributes in zip(self._callbacks, self._state["callbacks"], strict=True):
            vars(callback).update(attributes)

    def _count(self, batch: int, logs: object = None) -> None:
        self.step += 1
        if self.step == self._context.steps:
            self._model.stop_training = True

    def _report(self, epoch: int, logs: Mapping[str, Any]) -> None:
        import keras

        is_regression = self._context.data.is_regression
        if is_regression and "accuracy" in logs:
            raise ConfigError("the labels are numbers, which have no accuracy: compile without metrics=['accuracy'].")
        if "val_accuracy" not in logs and not is_regression:
            raise ConfigError(f"`fit` measures {', '.join(logs)}, but no accuracy: compile with metrics=['accuracy'].")
        metrics = {name: logs[key] for key, name in NAMES.items() if key in logs}
        if (name := objective_metrics.description(self._context.objective)[0]) != "accuracy":
            is_finite = all(map(math.isfinite, metrics.values()))  # otherwise, the trial has diverged
            metrics[f"val_{name}"] = self._value() if is_finite else math.nan
        rate = keras.ops.convert_to_numpy(self._model.optimizer.learning_rate)  # of JAX, too, with a schedule
        self._context.report(self.step, **metrics, learning_rate=rate)
        if self._unkept() == self._start:
            state = {"step": self.step, "has_ended": self._model.stop_training}
            variables = [variable.numpy() for variable in self._variables()]
            self._context.checkpoint(
                {**state, "variables": variables, "callbacks": [*map(_attributes, self._callbacks)]}
            )

    def _unkept(self) -> dict[Any, bytes]:
        """Return what callbacks of the user's own classes hold that no checkpoint can, except parts of the model."""
        found, known = {}, {id(variable) for variable in self._variables()}
        for number, callback in enumerate(self._callbacks):
            for name in vars(callback).keys() - _attributes(callback).keys() - {*SET_IN_FIT}:
                value = vars(callback)[name]
                variables = getattr(value, "variables", ())
                is_part = bool(variables) and known.issuperset(map(id, variables))
                if not (is_part or type(callback).__module__.startswith("keras.")):
                    with contextlib.suppress(Exception):  # of whatever cannot be pickled, such as an open file
                        found[number, name] = pickle.dumps([*map(np.asarray, variables)] or value)
        return found

    def _value(self) -> float:
        outputs = _outputs(self._model, self._context, "val")
        return float(_judged(self._context, "val", outputs))

    def _variables(self) -> list[Any]:
        return [*self._model.variables, *self._model.optimizer.variables]


def _attributes(callback: Any) -> dict[str, Any]:
    """Return the attributes of a callback that a checkpoint can hold, without those that each `fit` sets."""
    found = {}
    for name, value in vars(callback).items():
        if name not in SET_IN_FIT:
            with contextlib.suppress(ConfigError):
                array_packing.pack(value)
                found[name] = value
    return found
