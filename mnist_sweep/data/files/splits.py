"""Splits of the user's own files: their names, and the images that are held out where files lack a split.

Images are held out class by class, drawn with a counter-based generator, so they are the same on every machine and
with every version of NumPy (as in `batches`).
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLITS = ("train", "val", "test")
# As Keras, torchvision, Hugging Face, MedMNIST and the files of MNIST call them.
WORDS = dict.fromkeys(("train", "training"), "train")
WORDS |= dict.fromkeys(("val", "valid", "validation", "dev"), "val")
WORDS |= dict.fromkeys(("test", "testing", "t10k", "eval", "evaluation"), "test")


def split_of(name: str) -> str | None:
    """Return the split that a word of a name stands for, as in `train-00000-of-00001`; None if no word does."""
    return next((WORDS[word] for word in re.split(r"[\W_]+", name.lower()) if word in WORDS), None)


def hold_out(labels: "NDArray[Any]", fractions: Mapping[str, float], seed: int) -> "dict[str, NDArray[np.intp]]":
    """Return the positions of the images of each of these splits, and of `train`, which keeps the others.

    Args:
        labels: Integers `[n]`; of floats, numbers to predict, all are one class.
        fractions: Share of each class that a split gets, rounded, but at least one image if three or more are there.
        seed: Seed of the draw.
    """
    import numpy as np

    labels = np.zeros(len(labels), np.uint8) if labels.dtype.kind == "f" else labels
    drawn: dict[str, list[NDArray[np.intp]]] = {name: [] for name in ("train", *fractions)}
    found, starts = np.unique(np.sort(labels), return_index=True)
    of_labels = np.split(np.argsort(labels, kind="stable"), starts[1:])  # in one pass, however many there are
    for label, places in zip(found, of_labels, strict=True):
        key = np.array([seed, label], np.uint64)
        places = places[np.argsort(np.random.Philox(key=key).random_raw(len(places)), kind="stable")]
        start = 0
        for name, fraction in fractions.items():
            number = max(int(len(places) * fraction + 0.5), len(places) >= 3)
            drawn[name].append(places[start : start + number])
            start += number
        drawn["train"].append(places[start:])
    return {name: np.sort(np.concatenate(parts)) for name, parts in drawn.items()}
