"""What `build` of a user's model returns, and what it leaves behind: the same model each time, and nothing else.

Each trial sets out from the weights of a model of its own, which must follow from its config and its seed. A law that
is broken raises ConfigError; its message is the finding and the way out.
"""

import contextlib
import dataclasses
import hashlib
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

import keras
import numpy as np
import tensorflow as tf

from mnist_sweep.data.batches import subseed
from mnist_sweep.errors import ConfigError
from mnist_sweep.models import inference
from mnist_sweep.models.protocol import Model
from mnist_sweep.models.shapes import LayerCall, record_calls
from mnist_sweep.optim.losses import main_output
from mnist_sweep.system import refused_exits
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.lines import listed
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks.refused_models import ModelLaws, law
from mnist_sweep.training.graph_cache import with_weights

if TYPE_CHECKING:
    from mnist_sweep.data.dataset import Shaped
    from mnist_sweep.training.checks.sample import Sample
    from mnist_sweep.trials.config import TrialConfig

Result = TypeVar("Result")

WAY_OUT = "create new layers in each call, from its fields and Keras' initializers alone"

# What Keras writes around the line that says what is wrong.
KERAS_FRAME = re.compile(
    r"\x1b\[\d*m|Exception encountered when calling \S+\(\)\. |Arguments received by .*•.*?(?= \(|$)"
)


class BuildError(Exception):
    """The user's `build` has raised the exception that is the cause of this one."""


def check(config: "TrialConfig", sample: "Sample") -> tuple[str | None, list[str]]:
    """Check the model of a trial; return the digest of its initial weights, and notes on what may be meant.

    If `build` raises an exception, which the trial reports, the digest is None.
    """
    try:
        model, other = build(config, sample), build(dataclasses.replace(config, seed=config.seed ^ 1), sample)
        digest = weights_digest(model)
        if not _follow(subseed(config.seed, "weights"), model, other):
            _check_same(build(config, sample), digest)
    except BuildError:
        return None, []
    shared = {id(variable) for variable in model.variables} & {id(variable) for variable in other.variables}
    law(not shared, "two calls return the same weights", WAY_OUT)
    is_same = weights_digest(other) == digest and _is_random(model)
    notes = ["its initial weights are the same for every seed"] * is_same
    laws = ModelLaws(_called(lambda: inference.judged(model, main_output(config.loss))), sample, config.precision)
    notes += [*_called(laws.check), *_ignored(model)]
    way_out = "draw nothing else at random, or keep it in weights, made by add_weight(…, trainable=False)"
    law(_is_alike(laws, config, other), "two calls differ in more than initial weights", way_out)
    _check_marks(config, sample, laws)
    return digest, notes


def _check_marks(config: "TrialConfig", sample: "Sample", laws: ModelLaws) -> None:
    """Validate that fields marked with VARIABLE change variables alone, since trials that differ in them share a graph.

    With the variables of a model that has other values in these fields, a model computes the same.
    """
    given: Any = config.model
    marked = [field.name for field in dataclasses.fields(given) if field.metadata.get("variable")]
    if not marked:
        return
    try:
        others = {name: getattr(given, name) / 2 + 0.25 for name in marked}  # in [0, 1) if that was
        other = build(dataclasses.replace(config, model=dataclasses.replace(given, **others)), sample)
    except Exception:  # the user's own rules allow no such values
        return
    finding = f"the mark VARIABLE of {listed(marked)} is wrong, since it changes more than initial values of variables"
    law(_is_alike(laws, config, other), finding, "declare the field in its class without that mark")


def _is_alike(laws: ModelLaws, config: "TrialConfig", other: Any) -> bool:
    return _called(lambda: laws.hold_alike(inference.judged(other, main_output(config.loss))))


def check_again(config: "TrialConfig", sample: "Sample", digest: str | None) -> None:
    """Check that building others has not changed the model of a trial, or raise a ConfigError."""
    with contextlib.suppress(BuildError):
        _check_same(build(config, sample), digest)


def output_shapes(config: "TrialConfig", sample: "Sample") -> Any:
    """Return the shapes of the outputs of a trial's model as it returns them, each without the batch.

    Raises:
        BuildError: `build` raises an exception.
        ConfigError: The loss does not take several outputs of such a model.
    """
    model = build(config, sample)
    inference.judged(model, main_output(config.loss))
    return tf.nest.map_structure(lambda one: tf.TensorShape(one.shape[1:]), model.output)


def _check_same(model: Any, digest: str | None) -> None:
    same = digest is None or weights_digest(model) == digest
    law(same, "two calls with one seed return different initial weights", WAY_OUT)


def calls(config: "TrialConfig", data: "Shaped") -> list[LayerCall]:
    """Return the calls of layers in a call of a trial's model with one image."""
    try:
        model = build(config, data)
    except BuildError as error:
        raise ConfigError(f"it raises {first_cause(error)}") from error
    return _called(lambda: record_calls(model, tf.zeros((1, *data.image_shape)))[1])


def build(config: "TrialConfig", data: "Shaped") -> Any:
    """Return the model as a trial builds it, with its weights.

    Raises:
        BuildError: `build` raises an exception.
        ConfigError: It returns no model for the images, or has changed what it shares with other models.
    """
    pid = os.getpid()
    with tensorflow_runtime.precision(config.precision):
        before = _shared(config)
        tensorflow_runtime.seed_everything(subseed(config.seed, "weights"))
        try:
            model = cast(Model, config.model).build(data.image_shape, data.num_classes)
        except (Exception, SystemExit) as error:  # whatever the user's code raises
            raise BuildError from error
        finally:
            refused_exits.end_copy(pid)
        _check_kind(model, before, _shared(config))
        return _called(lambda: with_weights(model, data.image_shape))


def _check_kind(model: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    changed = ", ".join(f"{name} to {after[name]}" for name in before if after[name] != before[name])
    law(not changed, f"it sets {changed}", "leave that alone: a trial has its own `precision` and `seed`")
    law(model is not None, "it returns None", "end it with `return model`")
    found = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
    law(isinstance(model, keras.Model), f"it returns {found}", "return a keras.Model")
    dtypes = [one.dtype for one in getattr(model, "inputs", None) or [] if not one.dtype.startswith("float")]
    law(not dtypes, f"its input is {', '.join(dtypes)}", "leave the dtype of keras.Input alone")


def weights_digest(model: Any) -> str:
    """Return a digest of the initial values of a model's variables, apart from seeds."""
    digest = hashlib.sha256()
    for variable in model.variables:
        if variable.name != "seed_generator_state":
            digest.update(f"{variable.shape} {variable.dtype}".encode() + variable.numpy().tobytes())
    return digest.hexdigest()


def _called(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's layers raise
        cause = KERAS_FRAME.sub("", first_cause(error))
        raise ConfigError(f"a call of it fails ({cause}): build it for `image_shape` and any batch") from error


def _shared(config: "TrialConfig") -> dict[str, Any]:
    """Return what a `build` could change for later models, by name."""
    return {
        "the dtype policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "the image data format": keras.config.image_data_format(),
        "functions to run eagerly": tf.config.functions_run_eagerly(),
        "eager execution": tf.executing_eagerly(),
        "the compilation by XLA": tf.config.optimizer.get_jit() or "off",
        "its own fields": repr(config.model),
    }


def _follow(seed: int, model: Any, other: Any) -> bool:
    """Return whether initial weights are what initializers of another model draw by numbers of Keras after this seed.

    Two calls with this seed then return the same ones, and no third model has to be built to know that.
    """
    random.seed(seed % 2**32)
    numbers = {None, *(keras.initializers.RandomNormal().seed for _ in model.variables)}
    known = set()
    for (layer, variable), (same, _) in zip(_variables(model), _variables(other), strict=False):
        names = [name for name in vars(layer) if name.endswith("_initializer")]  # a depthwise `kernel` has another one
        for name in {f"{variable.name}_initializer"}.intersection(names) or names:
            drawn_by, initializer = getattr(getattr(layer, name), "seed", None), vars(same).get(name)
            if type(initializer).__module__.startswith("keras.") and drawn_by in numbers:
                if drawn_by is not None:
                    initializer = initializer.from_config({**initializer.get_config(), "seed": drawn_by})
                if np.array_equal(initializer(variable.shape, variable.dtype), variable):
                    known.add(id(variable))
    return all(id(one) in known for one in model.variables if one.name != "seed_generator_state")


def _variables(model: Any) -> Iterator[tuple[Any, Any]]:
    for layer in model.layers:
        yield from _variables(layer) if hasattr(layer, "layers") else ((layer, one) for one in layer.variables)


def _is_random(model: Any) -> bool:
    kernels = [weight.numpy() for weight in model.trainable_variables if len(weight.shape) > 1]
    return any(kernel.min() < kernel.max() for kernel in kernels)


def _ignored(model: Any) -> list[str]:
    methods = ("compute_loss", "fit", "train_step", "test_step")
    own = [name for name in methods if not getattr(type(model), name).__module__.startswith("keras.")]
    ignored = ["`compile`"] * bool(model.compiled) + [f"`{name}`" for name in own]
    return [f"the sweep trains it and ignores its {listed(ignored)}"] if ignored else []
