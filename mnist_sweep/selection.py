"""The config that validation selects, how sure one can be of it, and what its figures are worth on new data.

Selection looks at validation only. The best of many is partly the luckiest of many, so its validation accuracy is too
high by an amount that is estimated here; its test accuracy was not chosen by, and stands for what to expect.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.contenders import (
    Drop,
    Noise,
    drop_on_other_images,
    drop_with_other_seeds,
    seed_noise,
    worse_by_images,
    worse_by_seeds,
)
from mnist_sweep.errors import LedgerError
from mnist_sweep.fields import require
from mnist_sweep.figures import interval, percent, percent_interval, points
from mnist_sweep.labels import counted, on_other_images
from mnist_sweep.rows import Status
from mnist_sweep.stats import half_width_of_mean, wilson_interval, within

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

BY_SEEDS = (
    "Leads over the seeds that configs share, by the pair's own variance where it is larger than that of all, against "
    "the largest lead of equal configs at 5%, simulated with variances as unlike as those seen (Wright and Simon 2003; "
    "Berger and Boos 1994)."
)
BY_IMAGES = (
    "Tukey's range test with the binomial error of each validation accuracy, corrected for all pairs at 5% "
    "(Tukey 1953; Hayter 1984)."
)
BY_NOTHING = "No test: no seeds that configs share and that vary, and how many images validation has is not known."
OF_ONE = "No test: one config."
SMALL_DROP = 0.00005
SMALLEST_VARIANCE = 1e-20  # of accuracies; a smaller one is that of rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The config with the best mean validation accuracy over its seeds; accuracies are shares in [0, 1].

    A figure that does not exist is NaN.

    Attributes:
        config_id: The selected config.
        n: Its seeds that ended well.
        val_mean: Its mean validation accuracy.
        val_low: Lower end of the 95% interval of that mean: of the t distribution over seeds, within [0, 1]; Wilson's
            for one seed, or for several that are all alike and leave nothing to judge by.
        val_high: Upper end of it.
        test_mean: Its mean test accuracy.
        test_low: Lower end of the 95% interval of that mean.
        test_high: Upper end of it.
        num_compared: Configs that it was selected from, itself included.
        expected_drop: By how much its validation accuracy is too high because it was selected by it; with other seeds
            where configs have several, else on other images.
        expected_drop_low: Lower end of the 95% interval of that drop, which leaves an accuracy in [0, 1].
        expected_drop_high: Upper end of it.
        no_worse: Configs that are not shown to be worse than it, best first; it is the first.
        method: The test behind `no_worse`, its correction and its source.
        sentences: All of this in plain words.
    """

    config_id: str
    n: int
    val_mean: float
    val_low: float
    val_high: float
    test_mean: float
    test_low: float
    test_high: float
    num_compared: int
    expected_drop: float
    expected_drop_low: float
    expected_drop_high: float
    no_worse: tuple[str, ...]
    method: str
    sentences: tuple[str, ...]


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
    return replace(found, sentences=(*_about(found), *_left_out(trials, good, int(alone.sum()), best)))


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


def _about(found: Selection) -> Iterator[str]:
    """Yield what is selected, what it is worth on new data, and what else might do as well."""
    test, seeds = _told_mean(found.test_mean, found.test_low, found.test_high), counted(found.n, "seed")
    val = _told_mean(found.val_mean, found.val_low, found.val_high)
    yield f"Selected by validation among {counted(found.num_compared, 'config')}: {found.config_id}, {seeds}."
    yield f"On validation {val}; on test, which nothing was chosen by, {test}."
    if found.num_compared == 1:
        return
    yield _about_drop(found)
    equals, others = len(found.no_worse) - 1, found.num_compared - 1
    if found.method == BY_NOTHING:
        yield "Whether any config is worse cannot be tested: run each with several seeds, as with `--seeds 3`."
    elif not equals:
        yield f"It is better than {'the other config' if others == 1 else f'each of the {others:,} others'}."
    else:
        none = "The other config is not" if others == 1 else f"None of the {others:,} others is"
        some = f"Of the {others:,} others, {equals:,} {'is' if equals == 1 else 'are'} not"
        yield f"{none if equals == others else some} shown to be worse."
    if found.n == 1:
        yield "With one seed, how much results vary from seed to seed is not seen: `--seeds 3` or more shows it."


def _about_drop(found: Selection) -> str:
    new = "images" if found.method == BY_IMAGES else "seeds"
    if math.isnan(found.expected_drop):
        return "How much of its lead is luck cannot be told."
    told = interval(found.expected_drop_low, found.expected_drop_high)
    if found.expected_drop < SMALL_DROP:
        if len(found.no_worse) == 1:
            return f"It leads so clearly that selecting it did not flatter it: expect the same with new {new}."
        return (
            "Those that may be as good have the same accuracy, or nearly so: expect about the same on validation with "
            f"new {new} ({told})."
        )
    return (
        f"Being the best of {found.num_compared:,} is partly luck: expect about {points(found.expected_drop)} points "
        f"less on validation with new {new} ({told})."
    )


def _left_out(trials: "pd.DataFrame", good: "pd.DataFrame", num_alone: int, best: str) -> Iterator[str]:
    """Yield what had no part in the selection, and why, and what makes those that had one unlike."""
    if note := on_other_images(str(name) for name in good if good[name].nunique(dropna=False) > 1):
        yield note
    bad = trials.drop(good.index)
    if len(bad):
        counts = bad["status"].value_counts()
        statuses = [f"{counts[name]:,} {name}" for name in map(str, Status) if name in counts]
        yield f"Left out, not having ended well: {counted(len(bad), 'trial')} ({', '.join(statuses)})."
    of_best = int((bad["config_id"] == best).sum())
    if of_best:
        yield f"Of the selected config too, {counted(of_best, 'trial')} did not end well."
    if num_alone:
        yield f"Left out, having one good seed where most have several: {counted(num_alone, 'config')}."


def _told_mean(mean: float, low: float, high: float) -> str:
    return f"{percent(mean)} ({percent_interval(low, high)})"
