"""The config that validation selects, how sure one can be of it, and what its figures are worth on new data.

Selection looks at validation only. The best of many is partly the luckiest of many, so its validation accuracy is too
high by an amount that is estimated here; its test accuracy was not chosen by, and stands for what to expect.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.analysis.selection_sentences import BY_IMAGES, BY_NOTHING, BY_SEEDS, OF_ONE, Selection, sentences
from mnist_sweep.errors import LedgerError
from mnist_sweep.statistics.intervals import half_width_of_mean, wilson_interval, within
from mnist_sweep.statistics.multiple_comparisons import (
    Drop,
    Noise,
    drop_on_other_images,
    drop_with_other_seeds,
    seed_noise,
    worse_by_images,
    worse_by_seeds,
)
from mnist_sweep.trials.row import Status
from mnist_sweep.validation import require

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SMALLEST_VARIANCE = 1e-20  # of accuracies; a smaller one is that of rounding


class _Verdict(NamedTuple):
    worse: "NDArray[np.bool_]"
    drop: Drop
    method: str


def select(trials: "pd.DataFrame", *, num_val: int | None = None) -> Selection:
    """Return the config that validation selects among trials.

    Where most configs have several seeds, those with one are left out: one lucky seed is not to win.

    Args:
        trials: What `read_trials` or `trials_frame` give.
        num_val: Images in the validation split; None takes what the trials' data sets say, if they say the same.

    Raises:
        LedgerError: No trial ended well.
        ConfigError: `num_val` is no number of images.
    """
    require(num_val is None or num_val >= 1, "num_val >= 1, or None", num_val=num_val)
    good = trials[(trials["status"] == Status.OK.value) & trials["val_accuracy"].notna()]
    good = good.sort_values(["config_id", "seed"])
    if good.empty:
        raise LedgerError("no trial ended well, so there is none to select: `mnist-sweep status DIR` shows the causes.")
    configs = _configs(good)
    alone = configs["n"] < min(2, configs["n"].median())
    configs, num_val = configs[~alone], _num_val(good) if num_val is None else num_val
    verdict = _verdict(good[good["config_id"].isin(configs.index)], configs, num_val)
    best, n = str(configs.index[0]), int(configs["n"].iloc[0])
    of_best = good[good["config_id"] == best]
    found = Selection(
        config_id=best,
        n=n,
        **_mean("val", of_best["val_accuracy"], _wilson(of_best["val_accuracy"].iloc[0], num_val)),
        **_mean(
            "test",
            of_best["test_accuracy"],
            (of_best["test_accuracy_low"].iloc[0], of_best["test_accuracy_high"].iloc[0]),
        ),
        num_compared=len(configs),
        expected_drop=verdict.drop.expected,
        expected_drop_low=max(verdict.drop.low, float(configs["mean"].iloc[0]) - 1),
        expected_drop_high=min(verdict.drop.high, float(configs["mean"].iloc[0])),
        no_worse=tuple(configs.index[~verdict.worse]),
        method=verdict.method,
        sentences=(),
    )
    return replace(found, sentences=tuple(sentences(found, trials, good, num_alone=int(alone.sum()))))


def _configs(good: "pd.DataFrame") -> "pd.DataFrame":
    """Return n, mean validation accuracy and loss of each config, best first; ties go to the smaller loss."""
    groups = good.groupby("config_id")
    table: pd.DataFrame = groups["val_accuracy"].agg(n="size", mean="mean").assign(loss=groups["val_loss"].mean())
    return table.sort_values(["mean", "loss", "config_id"], ascending=[False, True, True])


def _num_val(good: "pd.DataFrame") -> int | None:
    import pandas as pd

    column = good.get("data.val_size")
    if column is None or not pd.api.types.is_integer_dtype(column) or column.isna().any() or column.nunique() > 1:
        return None
    return int(column.iloc[0])


def _verdict(good: "pd.DataFrame", configs: "pd.DataFrame", num_val: int | None) -> _Verdict:
    """Return which configs are worse than the first, and its drop: by seeds if they are shared, else by images.

    Seeds that all differ by the same few images leave nothing to judge by.
    """
    import numpy as np
    import pandas as pd

    means = configs["mean"].to_numpy(np.float64)
    none = np.zeros(len(means), np.bool_)
    if len(means) == 1:
        return _Verdict(none, Drop(0.0, 0.0, 0.0), OF_ONE)
    accuracy, config = good["val_accuracy"].to_numpy(np.float64), configs.index.get_indexer(pd.Index(good["config_id"]))
    seed = np.unique(good["seed"].to_numpy(np.int64), return_inverse=True)[1]
    noise = seed_noise(accuracy, config, seed)
    if noise.degrees >= 1 and noise.variance > SMALLEST_VARIANCE:
        worse = worse_by_seeds(accuracy, config, seed, 0, noise)
        of_mean = Noise(noise.variance / int(configs["n"].iloc[0]), noise.degrees)
        return _Verdict(worse, drop_with_other_seeds(means, of_mean), BY_SEEDS)
    if num_val is None:
        return _Verdict(none, Drop(np.nan, np.nan, np.nan), BY_NOTHING)
    return _Verdict(worse_by_images(means, 0, num_val), drop_on_other_images(means, num_val), BY_IMAGES)


def _mean(name: str, accuracies: "pd.Series[float]", of_one: tuple[float, float]) -> dict[str, float]:
    """Return the mean of a config's accuracies with its interval, which is `of_one` where all are the same one."""
    mean, low, high = float(accuracies.mean()), *of_one
    if accuracies.nunique() > 1:
        half = float(half_width_of_mean(accuracies.std(ddof=1), len(accuracies)))
        low, high = within(mean - half, mean + half, least=0.0)
    return {f"{name}_mean": mean, f"{name}_low": low, f"{name}_high": high}


def _wilson(accuracy: float, num_images: int | None) -> tuple[float, float]:
    if num_images is None:
        return math.nan, math.nan
    low, high = wilson_interval(round(accuracy * num_images), num_images)
    return float(low), float(high)
