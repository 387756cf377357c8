"""Laws of the layers whose numbers are weights."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.training import tensorflow_runtime

ONES = np.ones((100, 1000), "float32")


@pytest.fixture(autouse=True)
def _seeded(tf: Any) -> None:
    tensorflow_runtime.seed_everything(0)


@pytest.fixture
def dropout(tf: Any) -> Any:
    """The class; importing it loads Keras."""
    from mnist_sweep.models.layers import Dropout

    return Dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_is_zeroed_and_the_rest_scaled_so_that_the_mean_stays(dropout: Any, rate: float) -> None:
    outputs = dropout(rate)(ONES, training=True).numpy()
    assert (outputs == 0).mean() == pytest.approx(rate, abs=0.01)
    np.testing.assert_allclose(outputs[outputs != 0], 1 / (1 - rate), rtol=1e-5)
    assert outputs.mean() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("rate", "options"), [(0.0, {"training": True}), (0.0, {"training": False}), (0.9, {"training": False}), (0.9, {})]
)
def test_identity_is_exact_without_a_rate_and_in_inference(dropout: Any, rate: float, options: dict[str, bool]) -> None:
    inputs = np.random.default_rng(0).normal(size=(50, 50)).astype("float32")
    np.testing.assert_array_equal(dropout(rate)(inputs, **options).numpy(), inputs, strict=True)


def test_rate_is_a_weight_that_can_be_assigned_under_a_traced_graph(tf: Any, dropout: Any) -> None:
    layer = dropout(0.5)
    traced = tf.function(lambda inputs: layer(inputs, training=True))
    shares = []
    for rate in (0.5, 0.0, 0.9):
        layer.rate.assign(rate)
        shares.append((traced(tf.constant(ONES)).numpy() == 0).mean())
    assert shares == pytest.approx([0.5, 0.0, 0.9], abs=0.01)
    assert traced.experimental_get_tracing_count() == 1


def test_rate_is_not_trained(dropout: Any) -> None:
    layer = dropout(0.25)
    assert layer.trainable_variables == []
    assert any(variable is layer.rate for variable in layer.non_trainable_variables)


def test_each_call_draws_anew_and_the_state_decides_what(dropout: Any) -> None:
    layer = dropout(0.5)
    state = layer.seed_generator.state.numpy()
    first, second = (layer(ONES, training=True).numpy() for _ in range(2))
    layer.seed_generator.state.assign(state)
    np.testing.assert_array_equal(layer(ONES, training=True).numpy(), first)
    assert (first != second).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_outputs_have_the_dtype_of_the_arithmetic_and_the_rate_stays_exact(dropout: Any, policy: str) -> None:
    layer = dropout(0.1, dtype=policy)
    outputs = layer(ONES, training=True)
    assert outputs.dtype == layer.compute_dtype == policy.removeprefix("mixed_")
    assert layer.rate.dtype == "float32"
    assert (outputs.numpy() == 0).mean() == pytest.approx(0.1, abs=0.01)


def test_gradient_flows_through_what_is_kept_and_is_scaled_alike(tf: Any, dropout: Any) -> None:
    inputs, layer = tf.constant(ONES), dropout(0.75)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    np.testing.assert_array_equal(tape.gradient(outputs, inputs).numpy(), outputs.numpy())


def test_config_makes_the_same_layer_again(dropout: Any) -> None:
    import keras

    layer = dropout(0.25, name="mine", dtype="mixed_bfloat16")
    copies = [
        dropout.from_config(layer.get_config()),
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer)),
    ]
    for copy in copies:
        assert type(copy) is dropout
        assert copy.get_config() == layer.get_config()
        assert (copy.name, copy.rate.numpy(), copy.compute_dtype) == ("mine", 0.25, "bfloat16")
