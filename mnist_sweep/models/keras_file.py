"""Trained models as `.keras` files, which Keras loads without this package.

Such a file is a ZIP archive with the layers in JSON and the weights in HDF5. Only layers of Keras itself are built from
a file in a results folder, but none that runs other code or reads other files, and nothing that it names is imported.
"""

import contextlib
import json
import math
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.errors import LedgerError
from mnist_sweep.models import inference
from mnist_sweep.system import npz
from mnist_sweep.system.atomic_files import open_regular
from mnist_sweep.text.lines import one_line, shortened
from mnist_sweep.text.numbers import size

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MAX_CONFIG_BYTES = 16 << 20
MAX_PACKED = 10  # times as large as the file: Keras does not compress its members
FOREIGN_CODE = {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"}
OTHER_FILES = {"IntegerLookup", "StringLookup", "TextVectorization"}
KERAS_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile),
)


def to_bytes(model: Any) -> bytes:
    """Return the `.keras` file of a model, made of Keras' own layers if the model is built in."""
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as folder:
        path = Path(folder) / "model.keras"
        with_keras_layers(model).save(path)
        return path.read_bytes()


def with_keras_layers(model: Any) -> Any:
    """Return a copy of a model with Keras' layers in place of ours, or the model itself if it has none of ours."""
    import keras

    from mnist_sweep.models.layers import BatchNormalization, Dropout

    def keras_layer(layer: Any) -> Any:
        if isinstance(layer, Dropout):
            return keras.layers.Dropout(float(layer.rate), name=layer.name)
        cls = keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)
        return cls.from_config(layer.get_config())

    if not any(isinstance(layer, BatchNormalization | Dropout) for layer in model.layers):
        return model
    copy = keras.models.clone_model(model, clone_function=keras_layer)
    for mine, other in zip(model.layers, copy.layers, strict=True):
        if not isinstance(mine, Dropout):
            other.set_weights(mine.get_weights())
    return copy


def image_shape(path: Path) -> tuple[int, int, int]:
    """Return the image shape of a file's model, without loading Keras.

    Raises:
        LedgerError: The file is damaged, holds layers that are not Keras' own or would run other code, or takes no
            images.
    """
    foreign: set[str] = set()

    def with_module_noted(part: dict[str, Any]) -> dict[str, Any]:
        module, name = str(part.get("module")), str(part.get("class_name"))
        if "class_name" in part and module != "None" and module.partition(".")[0] != "keras":
            foreign.add(f"layers of {one_line(module)}")
        if name in FOREIGN_CODE | OTHER_FILES:
            foreign.add(f"a {name}, which {'runs other code' if name in FOREIGN_CODE else 'may read other files'}")
        return part

    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            npz.require_size([archive.getinfo(CONFIG)], MAX_CONFIG_BYTES)
            npz.require_size(archive.infolist(), MAX_CONFIG_BYTES + MAX_PACKED * path.stat().st_size)
            config = json.loads(archive.read(CONFIG), object_hook=with_module_noted)
        shape = config["config"]["layers"][0]["config"]["batch_shape"]
    except (*npz.ZIP_ERRORS, IndexError, TypeError) as error:
        cause = one_line(getattr(error, "strerror", None) or error)
        raise LedgerError(f"{path} is not a model file ({cause}).") from error
    if foreign:
        way_out = "load it in Python with keras.saving.load_model, if you trust it"
        held = f"{path} holds {' and '.join(sorted(foreign))}"
        raise LedgerError(f"{held}: these are not built from a results folder; {way_out}.")
    if not isinstance(shape, list) or len(shape) != 4 or not all(type(side) is int and side > 0 for side in shape[1:]):
        raise LedgerError(f"{path} takes an input of shape {shape!r}, expected images.")
    return shape[1], shape[2], shape[3]


def probabilities(path: Path, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the probability of each class for each image: float64 `[images, classes]`.

    Raises:
        LedgerError: As raised by `outputs`.
    """
    logits = outputs(path, images)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def outputs(path: Path, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the outputs of a file's model for each image: float64 `[images, outputs]`.

    Raises:
        LedgerError: As raised by `image_shape`, or Keras cannot load the file.
    """
    image_shape(path)
    import keras
    import tensorflow as tf

    try:
        with zipfile.ZipFile(path) as archive:
            num_bytes = archive.getinfo(WEIGHTS).file_size
        with _no_more_weights_than(num_bytes):
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        graph = tf.function(model, autograph=False)  # rounds as training's evaluation does, in bfloat16 too
        return inference.logits(graph, np.stack(images)).astype(np.float64)
    except (*KERAS_ERRORS, tf.errors.OpError) as error:  # whatever a layer raises for values that no layer can have
        raise LedgerError(f"{path} cannot be loaded ({shortened(one_line(error))}).") from error


@contextlib.contextmanager
def _no_more_weights_than(num_bytes: int) -> Iterator[None]:
    """Let Keras' layers raise ValueError instead of allocating more weights than there are bytes for them in a file."""
    import keras

    number, add_weight = 0, keras.layers.Layer.add_weight

    def add_if_in_file(layer: Any, shape: Any = None, *arguments: Any, **options: Any) -> Any:
        nonlocal number
        number += math.prod(shape or ())
        if number > num_bytes:
            raise ValueError(f"its layers have {number:,} weights or more, and it holds {size(num_bytes)} of them")
        return add_weight(layer, shape, *arguments, **options)

    keras.layers.Layer.add_weight = add_if_in_file
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = add_weight
