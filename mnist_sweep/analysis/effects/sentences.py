"""The wording of effects on the accuracy and on failures."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mnist_sweep.analysis.effects.anova import ALPHA
from mnist_sweep.analysis.effects.design import Design
from mnist_sweep.analysis.effects.factors import PER_BIN, Factor
from mnist_sweep.analysis.effects.marginal_means import MarginalMeans
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def effect_sentence(factor: Factor, labels: Sequence[str], means: MarginalMeans | None) -> str:
    """Return the effect of a factor in words.

    Args:
        factor: The factor.
        labels: Its levels with trials that ended well.
        means: Their marginal means, or None if they are not compared.
    """
    name = factor.short
    if means is None:
        one = f"only {labels[0]} has trials that ended well" if labels else "no trial ended well"
        return f"{name}: not compared, since {one if len(labels) < 2 else f'{len(labels)} values are too many'}"
    difference, low, high = means.difference
    if math.isnan(difference):
        return f"{name}: cannot be told apart from other hyperparameters that change with it"
    if means.best == means.worst:
        return f"{name}: no effect shown {_range(factor, labels)} (all have the same mean accuracy)"
    ends = f"{labels[means.best]} over {labels[means.worst]}"
    if math.isnan(low):
        return f"{name} {ends}: +{_points(difference)} points, but too few settings for an interval"
    interval = f"95% interval {_points(low, high - low)} to {_points(high, high - low)}"
    rises, falls = means.slope.low > 0, means.slope.high < 0
    trend, slope = factor.has_trend and (rises or falls), f"accuracy {'rises' if rises else 'falls'} as it rises"
    if low > 0:
        of = f", best and worst of {len(labels)}" if len(labels) > 2 else ""
        at_ends = {means.best, means.worst} == {0, len(labels) - 1}
        ending = f"; {slope}" if trend and at_ends else ""
        return f"{name} {ends}: +{_points(difference, high - low)} points, {interval}{of}{ending}"
    if trend:
        return f"{name}: {slope}, though no two levels are shown to differ ({ends}: {interval} points)"
    return f"{name}: no effect shown {_range(factor, labels)} ({ends}: {interval} points)"


def _range(factor: Factor, labels: Sequence[str]) -> str:
    if factor.kind == "category" and len(labels) > 2:
        return f"among {len(labels)} values"
    first, last = labels[0], labels[-1]
    if factor.is_binned:
        first, last = first.partition(" to ")[0], last.rpartition(" to ")[2]
    return f"between {first} and {last}"


def _points(accuracy: float, width: float = 1.0) -> str:
    """Return a difference of accuracies in points, with the digits that an interval of this width allows."""
    digits = 1 if width > 0.004 else 2
    return f"{round(100 * accuracy, digits) + 0.0:.{digits}f}"  # adding 0 turns -0.0 into 0.0


def interaction_sentence(a: Factor, b: Factor, share: float | None) -> str:
    """Return the interaction of two factors in words, with its share of the variance if it is significant."""
    if share is None:
        return f"{a.short} and {b.short}: no interaction shown"
    return f"{a.short} and {b.short}: what one does depends on the other ({share:.0%} of the variance)"


def failure_sentences(
    factor: Factor, kind: str, bad: "NDArray[np.bool_]", setting: "NDArray[np.intp]", *, num_tests: int
) -> Iterator[str]:
    """Yield a sentence for each level with significantly more failures than the others (Fisher's exact test, 5% level).

    A setting counts once, since its seeds may fail together, unless a level has too few settings for a test.

    Args:
        factor: The factor.
        kind: `failed` or `diverged`.
        bad: bool `[trials]`, which trials ended so.
        setting: Index of the setting of each trial: intp `[trials]`.
        num_tests: Tests to correct for (Bonferroni).
    """
    import numpy as np
    from scipy.stats import fisher_exact

    levels = range(len(factor.labels))
    _, first = np.unique(setting, return_index=True)
    by_setting = factor.codes[first], np.bincount(setting, bad) > 0
    enough = min(int((by_setting[0] == level).sum()) for level in levels) >= PER_BIN
    codes, badly = by_setting if enough else (factor.codes, bad)
    for level in levels:
        here, others = badly[codes == level], badly[(codes >= 0) & (codes != level)]
        table = [[int(part.sum()), int((~part).sum())] for part in (here, others)]
        if here.any() and fisher_exact(table, alternative="greater").pvalue * num_tests < ALPHA:
            trials, rest = bad[factor.codes == level], bad[(factor.codes >= 0) & (factor.codes != level)]
            counts = (
                f"{trials.sum():,} of {counted(len(trials), 'trial')}, the others in {rest.sum():,} of {len(rest):,}"
            )
            yield f"{factor.labels[level]} {kind} in {counts}"


def notes(
    trials: "pd.DataFrame", left_out: "pd.Series[str]", factors: Sequence[Factor], design: Design | None
) -> Iterator[str]:
    """Yield what limits the results.

    Args:
        trials: The trials that ended well.
        left_out: Status of the other trials.
        factors: The factors.
        design: The design of the analysis, if there is one.
    """
    if not factors:
        yield "No hyperparameter varies among these trials."
    if binned := [factor.short for factor in factors if factor.is_binned]:
        yield f"Compared in groups of about as many trials each, since they take many values: {', '.join(binned)}."
    for factor in factors:
        if " + " in factor.name:
            yield f"{factor.short} change only together: their effects cannot be told apart."
    if len(left_out):
        counts = ", ".join(f"{num:,} {status}" for status, num in left_out.value_counts().items())
        yield f"The means are of {counted(len(trials), 'trial')} that ended well; left out: {counts}."
        if Status.STOPPED.value in left_out.to_numpy():
            yield "Trials were stopped since they fell behind, so levels that lost many look better than they are."
    yield from _seed_notes(trials, design)


def _seed_notes(trials: "pd.DataFrame", design: Design | None) -> Iterator[str]:
    repeated = trials.groupby("config_id")["val_accuracy"].var(ddof=1).dropna()
    if len(repeated):
        scatter = _points(math.sqrt(repeated.mean()), 0)
        yield f"Seeds are noise: trials of one setting have a standard deviation of {scatter} points."
    elif len(trials):
        yield "Each setting has one seed, so what a seed does may be taken for an effect: run `--seeds 5` to see it."
    if len(repeated) and design and design.accuracy.shape[1] == 1:
        yield "Not all settings have the same seeds: each counts once, by the mean of its trials."
    if design and design.accuracy.shape[1] == 2:
        yield "Two seeds say little of how an effect varies between seeds, so the intervals are wide: run `--seeds 5`."
