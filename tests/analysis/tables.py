"""Tables of trials with given accuracies, and what is said of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mnist_sweep.analysis.selection_wording import Selection


def trials(accuracies: Mapping[str, Sequence[float] | NDArray[np.float64]], **given: Any) -> pd.DataFrame:
    """Return trials of these configs, one for each accuracy with the seeds from 0; NaN is a failure."""
    lines = [
        {"config_id": config, "seed": seed, "val_accuracy": accuracy, "test_accuracy": accuracy - 0.01}
        for config, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    common = {"val_loss": 1.0, "test_accuracy_low": 0.1, "test_accuracy_high": 0.2, "data.val_size": 300}
    frame = pd.DataFrame(lines).assign(**(common | given))
    return frame.assign(status=np.where(frame["val_accuracy"].isna(), "failed", "ok"))


def sweep(accuracies: Mapping[str, Sequence[float] | NDArray[np.float64]]) -> pd.DataFrame:
    """Return trials of these configs, whose labels are `units=97` for `a`; as in `trials`."""
    frame = trials(accuracies, data="digits", model="cnn")
    return frame.assign(**{"model.units": frame["config_id"].map(ord)})


def two_sweeps(
    draw: np.random.Generator, true: NDArray[np.float64], num_seeds: int = 5
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two sweeps of the same configs, the second of which is this much better."""
    names = [chr(ord("a") + number) for number in range(len(true))]
    a = draw.normal(0.95, 0.01, (len(true), num_seeds))
    b = a + true[:, None] + draw.normal(0, 0.002, a.shape)
    return sweep(dict(zip(names, a, strict=True))), sweep(dict(zip(names, b, strict=True)))


def text(found: Selection) -> str:
    """Return the sentences of a selection, each of which is whole."""
    assert all("nan" not in sentence and sentence.endswith(".") for sentence in found.sentences)
    return " ".join(found.sentences)
