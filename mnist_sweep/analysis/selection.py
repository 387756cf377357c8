"""Selection of the best config by validation, with its uncertainty and its value on new data.

Selection looks at validation only. The best of many is partly the luckiest of many, so its value on validation is too
good by an amount that is estimated here; its value on test played no part and is the one to expect.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.analysis import selection_wording as wording
from mnist_sweep.analysis.inputs import DROPPED, NOTES, as_trials, successful
from mnist_sweep.analysis.selection_wording import Selection
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import measure_of
from mnist_sweep.statistics.intervals import half_width_of_mean, interval_of_sum, interval_of_value, wilson_interval
from mnist_sweep.statistics.multiple_comparisons import worse_over_images, worse_over_seeds
from mnist_sweep.statistics.selection_bias import SelectionBias, bias_over_images, bias_over_seeds, with_collapses
from mnist_sweep.statistics.two_way_residuals import error_variance, to_table
from mnist_sweep.trials.ranking import rounded
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import require_at_least

if TYPE_CHECKING:
    import pandas as pd

WILSON = ("test_accuracy_low", "test_accuracy_high")
NEEDED = ("config_id", "seed", "status", "val_loss", *WILSON)
NOTHING = "no trial succeeded, so there is no config to select: `mnist-sweep status DIR` shows the causes."
MIN_SEEDS = 2  # that a config must share with the best to be tested
Ends = tuple[float, float]
SMALLEST_VARIANCE = 1e-20  # of values; a smaller one is due to rounding


class _Verdict(NamedTuple):
    worse: NDArray[np.bool_]
    untested: NDArray[np.bool_]
    collapsed: NDArray[np.bool_]
    bias: SelectionBias
    method: str


def select(trials: "str | Path | pd.DataFrame", *, num_val: int | None = None) -> Selection:
    """Select the config with the best mean value on validation.

    Where most configs have several seeds, those with one are left out, so that one lucky seed cannot win. So are those
    that the race of a results folder has dropped.

    Args:
        trials: A results folder, or its trials as `read_trials` returns them.
        num_val: Images in the validation split; None takes it from the trials' data sets, if they all have the same.

    Raises:
        LedgerError: No trial succeeded; the folder holds no rows or damaged ones; or the DataFrame lacks a column.
        ConfigError: `num_val` is below 1.
    """
    require_at_least(1, num_val=num_val)
    trials = as_trials(trials, columns=NEEDED, splits=("val", "test"))
    measure = measure_of(trials)
    good = successful(trials, measure).sort_values(["config_id", "seed"])
    if good.empty:
        raise LedgerError(NOTHING)
    configs = _configs(good, measure)
    alone = configs["n"] < min(2, configs["n"].median())
    is_out = configs.index.isin(trials.attrs.get(DROPPED, ())) & ~alone
    configs, num_val = configs[~(alone | is_out)], _num_val(good) if num_val is None else num_val
    verdict = _verdict(good[good["config_id"].isin(configs.index)], configs, num_val, measure)
    best, mean = str(configs.index[0]), float(configs["mean"].iloc[0])
    least, most = measure.score_limits
    found = Selection(
        config_id=best,
        n=int(configs["n"].iloc[0]),
        **_means_of_best(good, configs, num_val, measure, verdict.method),
        num_compared=len(configs),
        selection_bias=verdict.bias.expected,
        selection_bias_low=max(verdict.bias.low, measure.score(mean) - most),
        selection_bias_high=min(verdict.bias.high, measure.score(mean) - least),
        tied=tuple(configs.index[~verdict.worse]),
        untested=tuple(configs.index[verdict.untested]),
        collapsed=tuple(configs.index[verdict.collapsed]),
        left_out=tuple(alone.index[alone]),
        method=verdict.method,
        sentences=(),
        objective=measure,
    )
    said = wording.sentences(found, trials, good, num_dropped=int(is_out.sum()))
    return replace(found, sentences=(*said, *trials.attrs.get(NOTES, ())))


def _means_of_best(
    good: "pd.DataFrame", configs: "pd.DataFrame", num_val: int | None, measure: Measure, method: str
) -> dict[str, float]:
    """Return the means of the first config; the interval of one trained model allows for its being the best of many."""
    found = _means(good[good["config_id"] == configs.index[0]], num_val, measure)
    if method != wording.ONE_SEED or num_val is None or not measure.is_accuracy:
        return found
    bias = bias_over_images(configs["mean"].to_numpy(np.float64), num_val)
    ends = {"low": found["val_mean"] - bias.high, "high": found["val_mean"] - bias.low}
    return found | {f"val_{images}{end}": value for images in ("", "new_") for end, value in ends.items()}


def config_means(trials: "pd.DataFrame", config_ids: Iterable[str]) -> list[dict[str, float]]:
    """Return the means of configs with their intervals, named as in `Selection`: `val_mean` to `test_new_high`."""
    measure = measure_of(trials)
    good = successful(trials, measure)
    groups, num_val = good.groupby("config_id"), _num_val(good)
    return [_means(groups.get_group(name), num_val, measure) for name in config_ids]


def _configs(good: "pd.DataFrame", measure: Measure) -> "pd.DataFrame":
    """Return n, mean value and loss on validation of each config, best first; ties go to the smaller loss."""
    groups = good.groupby("config_id")
    table: pd.DataFrame = groups[measure.val].agg(n="size", mean="mean").assign(loss=groups["val_loss"].mean())
    by = ["mean", "loss", "config_id"]  # as in trials.ranking
    order = table.assign(**{name: table[name].map(rounded) for name in by[:2]})
    return table.loc[order.sort_values(by, ascending=[measure.mode == "min", True, True]).index]


def _num_val(good: "pd.DataFrame") -> int | None:
    column = good.get("data.val_size")
    is_known = column is not None and column.dtype.kind in "iu" and column.notna().all() and column.nunique() == 1
    return int(column.iloc[0]) if column is not None and is_known else None


def _verdict(good: "pd.DataFrame", configs: "pd.DataFrame", num_val: int | None, measure: Measure) -> _Verdict:
    """Return which configs are worse than the first, or untested, and its bias: over the seeds that they share.

    One shared seed shows no noise of seeds, which would be taken for a lead: such a config is not tested. Seeds whose
    accuracies all differ by the same amount leave that of the images.
    """
    import pandas as pd

    means = measure.sign * configs["mean"].to_numpy(np.float64)
    none, unknown = np.zeros(len(means), np.bool_), SelectionBias(math.nan, math.nan, math.nan)
    if len(means) == 1:
        return _Verdict(none, none, none, SelectionBias(0.0, 0.0, 0.0), wording.ONE_CONFIG)
    score = measure.sign * good[measure.val].to_numpy(np.float64)
    config = configs.index.get_indexer(pd.Index(good["config_id"]))
    seed = np.unique(good["seed"].to_numpy(np.int64), return_inverse=True)[1]
    others, untested = np.arange(len(means)) > 0, np.bincount(config, np.isin(seed, seed[config == 0])) < MIN_SEEDS
    if untested[1:].all():
        method = wording.ONE_SEED if configs["n"].iloc[0] == 1 else wording.UNTESTABLE
        return _Verdict(none, others, none, unknown, method)
    untested &= others
    error = error_variance(score, config, seed)
    if error.df >= 1 and error.variance > SMALLEST_VARIANCE:
        worse = worse_over_seeds(score, config, seed, 0, error) & ~untested
        tied, (present, table) = ~(worse | untested), to_table(score, config, seed)
        collapsed = np.zeros_like(tied)
        collapsed[tied] = with_collapses(np.where(present, table, np.nan)[tied])
        if configs["n"].iloc[0] <= MIN_SEEDS:
            return _Verdict(worse, untested, collapsed, unknown, wording.OVER_SEEDS)
        kept = tied[config]
        codes = [np.unique(code[kept], return_inverse=True)[1] for code in (config, seed)]
        bias = bias_over_seeds(score[kept], codes[0], codes[1], best=0)
        return _Verdict(worse, untested, collapsed, bias, wording.OVER_SEEDS)
    if num_val is None or not measure.is_accuracy:
        return _Verdict(none, others, none, unknown, wording.UNTESTABLE)
    worse = worse_over_images(means, 0, num_val) & ~untested
    return _Verdict(worse, untested, none, bias_over_images(means, num_val), wording.OVER_IMAGES)


def _means(of_best: "pd.DataFrame", num_val: int | None, measure: Measure) -> dict[str, float]:
    """Return the means of a config's values on validation and test, with their intervals."""
    val, test = of_best[measure.val], of_best[measure.test]
    on_val, on_test = _over_images(of_best, float(val.mean()), num_val, measure)
    return _mean("val", val, on_val, measure) | _mean("test", test, on_test, measure)


def _mean(name: str, values: "pd.Series[float]", of_images: Ends, measure: Measure) -> dict[str, float]:
    """Return the mean of a config's values with its intervals, given that of the images alone, NaN if unknown.

    The errors of seeds and of images are added as if independent, the images' as if each seed classified the same ones
    correctly: wider than needed where seeds err on different images.
    """
    mean, these, new = float(values.mean()), of_images, of_images
    if values.nunique() > 1:
        half = float(half_width_of_mean(values.std(ddof=1), len(values)))
        these = mean - half, mean + half
        new = interval_of_sum(mean, these, of_images)
    ends = (*measure.clipped(*these), *measure.clipped(*new))
    names = ("mean", "low", "high", "new_low", "new_high")
    return {f"{name}_{end}": value for end, value in zip(names, (mean, *ends), strict=True)}


def _over_images(of_best: "pd.DataFrame", mean: float, num_val: int | None, measure: Measure) -> list[Ends]:
    """Return the ends of the intervals over images on validation and on test; NaN where they are unknown."""
    if not measure.is_accuracy:
        columns = [measure.val, measure.test, f"{measure.val}_error", f"{measure.test}_error"]
        found = of_best.reindex(columns=columns).mean().to_numpy(np.float64)
        lows, highs = interval_of_value(found[:2], found[2:], is_share=measure.is_share)
        return [*zip(lows.tolist(), highs.tolist(), strict=True)]
    low, high = (math.nan, math.nan) if num_val is None else wilson_interval(mean * num_val, num_val)
    on_test = of_best[[*WILSON]].mean()
    return [(float(low), float(high)), (float(on_test.iloc[0]), float(on_test.iloc[1]))]
