"""Model files: plain Keras loads them, and nothing but Keras' layers is built from one."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, ResNet, Softmax
from mnist_sweep.errors import LedgerError
from mnist_sweep.models import keras_file
from tests.conftest import Refused
from tests.system.test_npz import encrypted, with_method

pytestmark = pytest.mark.usefixtures("tf")
MODELS: list[Any] = [
    CNN(filters=(2, 3), kernel_size=3, units=4, dropout=0.5),
    Softmax(initializer="glorot_uniform"),
    ResNet(depth=8, filters=2),
]
IMAGES = np.random.default_rng(0).random((4, 8, 8, 1), dtype="float32")


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file.to_bytes(MODELS[0].build((8, 8, 1), 10)))
    return path


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the layers of a model file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def shaped(config: dict[str, Any], shape: Any) -> None:
    """Let a config take inputs of another shape."""
    config["config"]["layers"][0]["config"]["batch_shape"] = shape


def test_keras_alone_loads_each_file_as_the_same_function(tmp_path: Path) -> None:
    models = [hyperparameters.build((8, 8, 1), 10) for hyperparameters in MODELS]
    for number, model in enumerate(models):
        (tmp_path / f"{number}.keras").write_bytes(keras_file.to_bytes(model))
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import sys; sys.path = [path for path in sys.path if 'mnist_sweep' not in path]\n"
        "import keras, numpy as np\n"
        "models = [keras.saving.load_model(name) for name in sys.argv[1:]]\n"
        "np.save('outputs.npy', [model.predict(np.load('images.npy'), verbose=0) for model in models])\n"
        "assert 'mnist_sweep' not in sys.modules\n"
    )
    names = [f"{number}.keras" for number in range(len(models))]
    subprocess.run([sys.executable, "-P", "-c", code, *names], cwd=tmp_path, capture_output=True, check=True)
    for model, outputs in zip(models, np.load(tmp_path / "outputs.npy"), strict=True):
        np.testing.assert_allclose(outputs, model(IMAGES).numpy(), atol=1e-5)


def test_dropout_keeps_its_rate_in_keras_own_layer() -> None:
    import keras

    plain = keras_file.with_keras_layers(MODELS[0].build((8, 8, 1), 10))
    assert [layer.rate for layer in plain.layers if type(layer) is keras.layers.Dropout] == [0.5]


def test_probabilities_are_those_of_the_logits(model_file: Path) -> None:
    import keras

    logits = keras.saving.load_model(model_file)(IMAGES).numpy().astype("float64")
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(keras_file.probabilities(model_file, list(IMAGES)), shares, atol=1e-6)
    assert keras_file.image_shape(model_file) == (8, 8, 1)


def test_layers_larger_than_the_files_weights_are_refused_before_they_are_allocated(
    model_file: Path, refused: Refused
) -> None:
    def with_units(config: dict[str, Any]) -> None:
        layer = next(one for one in config["config"]["layers"] if one["class_name"] == "Dense")
        layer["config"]["units"] = 10**9

    rewrite(model_file, with_units)
    with refused(
        LedgerError, f"{model_file} cannot be loaded (its layers have", "(its layers have 12,000,000,", "and it holds"
    ):
        keras_file.probabilities(model_file, list(IMAGES))


@pytest.mark.parametrize("kernel_size", [0, -1, "a", None, [1] * 9, 10**30, {}])
def test_values_that_no_layer_can_have_are_one_line(model_file: Path, refused: Refused, kernel_size: Any) -> None:
    rewrite(model_file, lambda config: config["config"]["layers"][1]["config"].update(kernel_size=kernel_size))
    with refused(LedgerError, f"{model_file} cannot be loaded ("):
        keras_file.probabilities(model_file, list(IMAGES))


def test_a_config_that_unpacks_to_too_much_is_not_read(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (keras_file.MAX_CONFIG_BYTES + 1))
    with refused(LedgerError, f"{path} is not a model file (it unpacks to 17 MB, more than the 17 MB allowed)"):
        keras_file.image_shape(path)


def layer(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """Return what changes the first convolution in a config."""
    return lambda config: config["config"]["layers"][1].update(changes)


CODE = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None, "closure": None}}
KERAS = "keras.saving.load_model"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (layer(module="subprocess", class_name="Popen"), ["layers of subprocess", KERAS]),
        (layer(class_name="Lambda", config={"name": "conv1", "function": CODE}), ["a Lambda, which runs other code"]),
        (layer(class_name="TorchModuleWrapper"), ["a TorchModuleWrapper, which runs other code", KERAS]),
        (layer(class_name="TFSMLayer"), ["a TFSMLayer, which runs other code"]),
        (layer(class_name="StringLookup"), ["a StringLookup, which may read other files"]),
        (lambda config: config.update(module=2.5), ["layers of 2.5"]),
        (lambda config: config.update(module="a\nb"), ["layers of a b"]),
        (lambda config: config.update(module=["a"]), ["layers of ['a']"]),
        (lambda config: config["config"].update(layers=[3]), ["is not a model file"]),
        (lambda config: shaped(config, "a\n"), ["shape 'a\\n', expected images"]),
        (lambda config: shaped(config, [None, None, None, 1]), ["expected images"]),
        (lambda config: shaped(config, [None, 8, "8", 1]), ["expected images"]),
        (lambda config: shaped(config, [None, 8, 0, 1]), ["expected images"]),
    ],
)
def test_a_model_of_other_layers_or_inputs_is_not_built(
    model_file: Path, refused: Refused, change: Callable[[dict[str, Any]], None], says: list[str]
) -> None:
    rewrite(model_file, change)
    for use in (keras_file.image_shape, lambda path: keras_file.probabilities(path, [*IMAGES])):
        with refused(LedgerError, str(model_file), *says):
            use(model_file)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"PK\x03\x04 cut", encrypted(name="config.json"), with_method(99, name="config.json")],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, refused: Refused, content: bytes) -> None:
    (tmp_path / "bad.keras").write_bytes(content)
    with refused(LedgerError, "bad.keras is not a model file"):
        keras_file.image_shape(tmp_path / "bad.keras")
