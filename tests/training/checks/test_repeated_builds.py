"""What `build` may return, and leave behind."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, VARIABLE, Digits, TrialConfig
from mnist_sweep.errors import ConfigError
from mnist_sweep.training.checks import repeated_builds, sample
from mnist_sweep.trials.config import Precision

pytestmark = pytest.mark.usefixtures("tf", "nothing_kept")
DIGITS = sample.draw(Digits().load())


MAKE: list[Callable[[int], Any]] = []


@dataclass(frozen=True)
class Built:
    """A model whose `build` is one of the functions in `MAKE`: no row can store a function."""

    number: int

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        return MAKE[self.number](num_classes)


def unbuilt(num_classes: int, **options: Any) -> Any:
    from keras import Sequential, layers

    return Sequential([layers.Flatten(), layers.Dense(num_classes, **options)])


def pretrained(num_classes: int) -> Any:
    import keras

    keras.utils.set_random_seed(7)
    return unbuilt(num_classes)


def overwritten(num_classes: int) -> Any:
    model = unbuilt(num_classes)
    model.build((None, 8, 8, 1))
    model.set_weights([np.linspace(0, 1, weight.size).reshape(weight.shape) for weight in model.get_weights()])
    return model


def trial(make: Callable[[int], Any]) -> TrialConfig:
    MAKE.append(make)
    return TrialConfig(model=Built(len(MAKE) - 1))


def test_a_model_without_weights_gets_them_from_the_seed_of_its_trial() -> None:
    models = [repeated_builds.build(replace(trial(unbuilt), seed=seed), DIGITS) for seed in (0, 0, 1)]
    assert [len(model.trainable_variables) for model in models] == [2, 2, 2]
    first, again, other = map(repeated_builds.weights_digest, models)
    assert first == again != other


def test_weights_that_no_seed_changes_are_noted_unless_they_are_constants() -> None:
    for make in (pretrained, overwritten):
        assert repeated_builds.check(trial(make), DIGITS)[1] == ["its initial weights are the same for every seed"]
    zeros = trial(lambda num_classes: unbuilt(num_classes, kernel_initializer="zeros"))
    assert repeated_builds.check(zeros, DIGITS)[1] == []


def test_a_third_model_is_built_only_if_a_weight_is_not_what_an_initializer_draws_by_the_seed() -> None:
    import keras

    built: list[str] = []

    def counted(num_classes: int, **options: Any) -> Any:
        built.append("model")
        return keras.Sequential([keras.layers.DepthwiseConv2D(2), unbuilt(num_classes, **options)])

    chosen = keras.initializers.GlorotUniform(seed=3)
    for initializer, num_models in ("glorot_uniform", 2), ("zeros", 2), (chosen, 3):
        built.clear()
        repeated_builds.check(trial(partial(counted, kernel_initializer=initializer)), DIGITS)
        assert len(built) == num_models


def masked(num_classes: int) -> Any:
    import keras

    mask = keras.ops.convert_to_tensor(np.random.rand(8, 8, 1) < 0.5, "float32")
    return keras.Sequential([keras.layers.Lambda(lambda images: images * mask), unbuilt(num_classes)])


def shuffled(num_classes: int) -> Any:
    import keras
    import tensorflow as tf

    places = np.random.default_rng().permutation(64)
    pixels = keras.layers.Lambda(lambda images: tf.gather(images, places, axis=1))
    return keras.Sequential([keras.layers.Flatten(), pixels, unbuilt(num_classes)])


def wide(num_classes: int) -> Any:
    import keras

    return keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(random.randrange(1, 1000)), unbuilt(num_classes)]
    )


@pytest.mark.parametrize("make", [masked, shuffled, wide])
def test_what_a_call_draws_besides_initial_weights_is_refused_since_seeds_share_a_graph(
    make: Callable[[int], Any],
) -> None:
    with pytest.raises(ConfigError, match=r"two calls differ in more than initial weights: .*trainable=False"):
        repeated_builds.check(trial(make), DIGITS)


def test_an_exception_in_build_is_left_to_the_trial() -> None:
    def fail(num_classes: int) -> Any:
        raise SystemExit("no GPU")

    assert repeated_builds.check(trial(fail), DIGITS) == (None, [])
    with pytest.raises(ConfigError, match=r"it raises SystemExit: no GPU \(test_repeated_builds\.py:\d+\)"):
        repeated_builds.calls(trial(fail), DIGITS)


def test_settings_that_build_changes_are_refused_and_set_back() -> None:
    import keras
    import tensorflow as tf

    def build(num_classes: int) -> Any:
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("mixed_bfloat16")
        keras.config.set_image_data_format("channels_first")
        tf.compat.v1.disable_eager_execution()
        return unbuilt(num_classes)

    with pytest.raises(ConfigError, match=r"it sets .* mixed_bfloat16, floatx to float64, .* eager execution"):
        repeated_builds.check(trial(build), DIGITS)
    assert (keras.config.floatx(), keras.config.image_data_format()) == ("float32", "channels_last")
    assert keras.config.dtype_policy().name == "float32"
    assert tf.executing_eagerly()
    assert repeated_builds.check(trial(unbuilt), DIGITS)[0]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_the_precision_of_a_trial_is_not_taken_for_one_that_build_sets(precision: Precision) -> None:
    assert repeated_builds.check(replace(trial(unbuilt), precision=precision), DIGITS)[0]


def test_an_error_of_a_layer_is_one_line_without_what_keras_puts_around_it() -> None:
    import keras

    fixed = trial(lambda num_classes: keras.Sequential([keras.Input((3, 3, 1)), *unbuilt(num_classes).layers]))
    with pytest.raises(ConfigError) as refused:
        repeated_builds.check(fixed, DIGITS)
    assert "found shape=(8, 8, 8, 1)" in str(refused.value) or "received input with shape" in str(refused.value)
    assert not {"\n", "\x1b", "•"} & set(str(refused.value))
    assert "Exception encountered" not in str(refused.value)


def test_a_model_that_others_have_changed_since_is_found_out() -> None:
    width = [4]

    def build(num_classes: int) -> Any:
        return unbuilt(num_classes, bias_initializer="zeros" if width[0] == 4 else "ones")

    digest, _ = repeated_builds.check(trial(build), DIGITS)
    repeated_builds.check_again(trial(build), DIGITS, digest)
    width[0] = 5
    with pytest.raises(ConfigError, match="different initial weights: create new layers"):
        repeated_builds.check_again(trial(build), DIGITS, digest)


def test_the_layers_of_an_unbuilt_model_are_known() -> None:
    flatten, dense = repeated_builds.calls(trial(unbuilt), DIGITS)
    assert (tuple(flatten.outputs.shape), len(dense.weights)) == ((1, 64), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt(CNN):
    """Inherits the mark of `dropout`, but not the layer that keeps it in a weight."""

    filters: tuple[int, ...] = (2,)
    units: int = 16

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        model = CNN.build(self, image_shape, num_classes)
        x = keras.layers.Dropout(self.dropout)(model.get_layer("hidden").output)
        return keras.Model(model.input, keras.layers.Dense(num_classes)(x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped(Rebuilt):
    """Keeps `dropout` in a weight, and a scale in no layer, but without a mark."""

    scale: float = field(default=1.0)

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        model = CNN.build(self, image_shape, num_classes)
        return keras.Model(model.input, keras.layers.Rescaling(self.scale)(model.output))


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Wrapped):
    scale: float = field(default=1.0, metadata=VARIABLE)


def test_a_field_is_marked_only_if_all_that_it_changes_is_kept_in_weights() -> None:
    for model in (CNN(filters=(2,), units=16), Wrapped(), Wrapped(dropout=0.3)):
        repeated_builds.check(TrialConfig(model=model), DIGITS)
    for model in (Rebuilt(), Rebuilt(dropout=0.3), Marked()):
        with pytest.raises(ConfigError, match=r"the mark VARIABLE of .* is wrong, since it changes more than"):
            repeated_builds.check(TrialConfig(model=model), DIGITS)
