"""Trained models as `.keras` files, which Keras loads without this package.

Such a file is a ZIP archive with the layers in JSON and the weights in HDF5. Only layers of Keras itself
are built from a file in a results folder, and nothing that it names is imported.
"""

import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import LedgerError
from mnist_sweep.models import inference
from mnist_sweep.system import npz
from mnist_sweep.text.lines import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIG = "config.json"


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
        LedgerError: The file is damaged, holds layers that are not Keras' own, or takes no images.
    """
    modules: set[str] = set()

    def with_module_noted(part: dict[str, Any]) -> dict[str, Any]:
        if "class_name" in part and part.get("module") is not None:
            modules.add(str(part["module"]))
        return part

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(CONFIG), object_hook=with_module_noted)
        shape = config["config"]["layers"][0]["config"]["batch_shape"]
    except (*npz.ZIP_ERRORS, IndexError, TypeError) as error:
        raise LedgerError(f"{path} is not a model file ({one_line(error)}).") from error
    foreign = {one_line(name) for name in modules if name.partition(".")[0] != "keras"}
    if foreign:
        raise LedgerError(
            f"{path} holds layers of {', '.join(sorted(foreign))}, which are not built from a results folder: "
            "load it in Python with keras.saving.load_model, if you trust it."
        )
    if not isinstance(shape, list) or len(shape) != 4 or not all(type(side) is int and side > 0 for side in shape[1:]):
        raise LedgerError(f"{path} takes an input of shape {shape!r}, expected images.")
    return shape[1], shape[2], shape[3]


def probabilities(path: Path, images: "Sequence[NDArray[np.float32]]") -> "NDArray[np.float64]":
    """Return the probability of each class for each image: float64 `[images, classes]`.

    Raises:
        LedgerError: As raised by `image_shape`, or Keras cannot load the file.
    """
    image_shape(path)
    import keras
    import numpy as np
    import tensorflow as tf

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, TypeError, ValueError) as error:
        raise LedgerError(f"{path} cannot be loaded ({one_line(error)}).") from error
    graph = tf.function(model, autograph=False)  # rounds as training's evaluation does, in bfloat16 too
    logits = inference.logits(graph, np.stack(images)).astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
