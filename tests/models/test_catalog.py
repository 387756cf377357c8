"""One contract for every model of MODELS."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import keras
import numpy as np
import pytest

from mnist_sweep.models.catalog import MODELS
from mnist_sweep.training import tensorflow_runtime

SIZES: dict[str, dict[str, Any]] = {"cnn": {"filters": (2, 3), "units": 4}, "resnet": {"depth": 8, "filters": 2}}
IMAGES = np.random.default_rng(0).random((4, 8, 8, 1), dtype="float32")


@pytest.fixture(autouse=True)
def _seeded(tf: Any) -> None:
    tensorflow_runtime.seed_everything(0)


def small(cls: Any, **options: Any) -> Any:
    """Return a model with few weights, where it has sizes to choose, and with those of the options that it knows."""
    names = {field.name for field in dataclasses.fields(cls)}
    sizes = next(SIZES.get(name, {}) for name, one in MODELS.items() if one is cls)
    return cls(**sizes, **{name: value for name, value in options.items() if name in names})


ALL = [MODELS[name] for name in sorted(MODELS)]
EVERY_START = [
    small(cls, initializer=initializer)
    for cls in ALL
    for initializer in get_args(get_type_hints(cls).get("initializer", str)) or [None]
]


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("image_shape", [(28, 28, 1), (8, 8, 1), (32, 32, 3), (9, 7, 2)], ids=str)
@pytest.mark.parametrize("num_classes", [2, 10])
def test_model_maps_images_to_logits(cls: Any, image_shape: tuple[int, int, int], num_classes: int) -> None:
    model = small(cls).build(image_shape, num_classes)
    assert model.input_shape == (None, *image_shape)
    assert model.output_shape == (None, num_classes)
    assert model(np.zeros((5, *image_shape), "float32")).shape == (5, num_classes)


@pytest.mark.parametrize("cls", ALL)
def test_outputs_are_logits_and_no_probabilities(cls: Any) -> None:
    keras.utils.set_random_seed(0)  # few units may all be dead otherwise
    outputs = small(cls, initializer="glorot_uniform").build((8, 8, 1), 10)(IMAGES).numpy()
    assert (outputs < 0).any()
    assert not np.allclose(outputs.sum(axis=1), 1)


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_weights_are_float32_whatever_the_arithmetic(cls: Any, policy: str) -> None:
    with tensorflow_runtime.precision(policy):
        model = small(cls, initializer="glorot_uniform", dropout=0.5).build((8, 8, 1), 10)
    outputs = model(IMAGES, training=True)
    assert outputs.dtype == policy.removeprefix("mixed_")
    assert np.isfinite(outputs.numpy().astype("float32")).all()
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}


@pytest.mark.parametrize("cls", ALL)
def test_inference_has_no_randomness(cls: Any) -> None:
    model = small(cls, initializer="glorot_uniform", dropout=0.5).build((8, 8, 1), 10)
    np.testing.assert_array_equal(model(IMAGES).numpy(), model(IMAGES).numpy())


@pytest.mark.parametrize("hyperparameters", EVERY_START, ids=str)
def test_the_global_seed_alone_decides_the_initial_weights(hyperparameters: Any) -> None:
    kernels = []
    for seed in (1, 1, 2):
        tensorflow_runtime.seed_everything(seed)
        kernels.append(hyperparameters.build((8, 8, 1), 10).trainable_variables[0].numpy())
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert (kernels[0] != kernels[2]).any() == (getattr(hyperparameters, "initializer", "") != "zeros")


@pytest.mark.parametrize("hyperparameters", EVERY_START, ids=str)
def test_training_graph_holds_no_operation_with_a_state_of_its_own(hyperparameters: Any) -> None:
    import tensorflow as tf

    model = hyperparameters.build((8, 8, 1), 10)
    graph = tf.function(lambda images: model(images, training=True)).get_concrete_function(IMAGES).graph
    assert [node.name for node in graph.as_graph_def().node if "seed2" in node.attr] == []
    captured = {id(tensor) for tensor in graph.external_captures}
    assert captured <= {id(variable.value.handle) for variable in model.variables}


@pytest.mark.parametrize("cls", ALL)
def test_saved_model_is_the_same_function(cls: Any, tmp_path: Path) -> None:
    import keras

    model = small(cls, initializer="glorot_uniform", dropout=0.5).build((8, 8, 1), 10)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(IMAGES).numpy(), model(IMAGES).numpy())


@pytest.mark.parametrize("cls", ALL)
def test_model_is_a_frozen_value(cls: Any) -> None:
    assert cls() == cls()
    assert hash(cls()) == hash(cls())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(cls(), dataclasses.fields(cls)[0].name, None)


def test_hyperparameters_and_their_check_load_no_framework() -> None:
    code = (
        "import sys\n"
        "from mnist_sweep.models.catalog import MODELS\n"
        "for cls in MODELS.values():\n"
        "    getattr(cls(), 'check', lambda *_: None)((28, 28, 1), 10)\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
