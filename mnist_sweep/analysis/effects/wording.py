"""The wording of effects on the accuracy, or another objective, and on failures."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray

from mnist_sweep.analysis.effects.design import Design
from mnist_sweep.analysis.effects.factors import PER_BIN, Factor
from mnist_sweep.analysis.effects.interactions import ALPHA
from mnist_sweep.analysis.effects.marginal_means import MarginalMeans
from mnist_sweep.statistics.selection_bias import has_collapses
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    import pandas as pd


COLLAPSED = (
    "A run lies far from the others of its config, as after a collapse: intervals of differences are wider than 95% "
    "needs, and do not tell how often levels collapse."
)
THESE_IMAGES = "Intervals are for these validation images: for new images, effects vary more."
TWO_SEEDS = "Two seeds say little about how effects vary between seeds, so intervals are wide: run `--seeds 3` or more."


def effect_sentence(
    factor: Factor,
    labels: Sequence[str],
    means: MarginalMeans | None,
    *,
    measure: Measure = ACCURACY,
    significant: bool = True,
) -> str:
    """Return the effect of a factor in words, given its levels with successful trials and their means, if compared.

    With all factors tested it may not be `significant` although its own interval is above 0.
    """
    name = factor.short
    if means is None:
        one = f"only {labels[0]} has successful trials" if labels else "no trial succeeded"
        return f"{name}: not compared: {f'{len(labels)} values are too many' if len(labels) > 1 else one}"
    difference, low, high = means.difference
    if math.isnan(difference):
        return f"{name}: confounded with other hyperparameters that change with it"
    if means.best == means.worst:
        return f"{name}: no significant effect {_range(factor, labels)} (all have the same mean {measure.title})"
    best, worst = labels[means.best], labels[means.worst]
    labels = [label for label in labels if label not in confounded_levels(labels, means)]
    if math.isnan(low):
        better = f"{best} is {_difference(difference, measure)} better than {worst}"
        return f"{name}: {better}, with too few configs for an interval"
    width, unit = high - low, f" {measure.delta_unit}".rstrip()
    interval = f"95% interval {_delta(low, measure, width)} to {_delta(high, measure, width)}"
    trend = factor.has_trend and (means.slope.low > 0 or means.slope.high < 0)
    slope = f"{measure.title} {'rises' if measure.score(means.slope.mean) > 0 else 'falls'} as it rises"
    is_steady = {best, worst} == {labels[0], labels[-1]}
    if low > 0:
        of = f"; best and worst of {len(labels)}" if len(labels) > 2 else ""
        ending = f"; {slope}" if trend and is_steady else ""
        better = f"{best} is {_difference(difference, measure, width)} better than {worst}"
        alone = "" if significant else "; not significant at the 3% level over all hyperparameters"
        return f"{name}: {better} ({interval}{of}){ending}{alone}"
    ends = f"({best} vs {worst}: {interval}{unit})"
    if trend:
        slope = slope if is_steady else f"{measure.title} is best at {best} and worst at {worst}"
        return f"{name}: {slope}, though no two levels differ significantly {ends}"
    return f"{name}: no significant effect {_range(factor, labels)} {ends}"


def confounded_levels(labels: Sequence[str], means: MarginalMeans) -> list[str]:
    """Return the levels without a mean, since they occur only with levels of other factors."""
    return [label for label, level in zip(labels, means.levels, strict=True) if math.isnan(level.mean)]


def _range(factor: Factor, labels: Sequence[str]) -> str:
    if factor.kind == "category" and len(labels) > 2:
        return f"among {len(labels)} values"
    first, last = labels[0], labels[-1]
    if factor.is_binned:
        first, last = first.partition(" to ")[0], last.rpartition(" to ")[2]
    return f"between {first} and {last}"


def _delta(difference: float, measure: Measure, width: float = 1.0) -> str:
    """Return a difference without its unit; of shares, with the digits that an interval of this width allows."""
    if not measure.is_share:
        return measure.delta(difference)
    digits = 1 if width > 0.004 else 2
    return f"{round(100 * difference, digits) + 0.0:.{digits}f}"  # adding 0 turns -0.0 into 0.0


def _difference(difference: float, measure: Measure, width: float = 1.0) -> str:
    return f"{_delta(difference, measure, width)} {measure.delta_unit}".rstrip()


def interaction_sentence(a: Factor, b: Factor, share: float | None) -> str:
    """Return the interaction of two factors in words, with its share of the variance if it is significant."""
    if share is None:
        return f"{a.short} and {b.short}: no significant interaction"
    return f"{a.short} and {b.short} interact: the effect of one depends on the other ({share:.0%} of the variance)"


def failure_sentences(
    factor: Factor, kind: str, bad: NDArray[np.bool_], setting: NDArray[np.intp], *, num_tests: int
) -> Iterator[str]:
    """Yield a sentence for each level with significantly more failures than the others (Fisher's exact test, 5% level).

    A setting counts once, since its seeds may fail together, unless a level has too few settings for a test. `bad` says
    which trials are `failed` or `diverged`, the `kind`, and `setting` gives the index of each trial's setting; the test
    is corrected for `num_tests` (Bonferroni).
    """
    levels, (_, first) = range(len(factor.labels)), np.unique(setting, return_index=True)
    enough = min(int((factor.codes[first] == level).sum()) for level in levels) >= PER_BIN
    codes, badly = (factor.codes[first], np.bincount(setting, bad) > 0) if enough else (factor.codes, bad)
    for level in levels:
        here, others = badly[codes == level], badly[(codes >= 0) & (codes != level)]
        table = [[int(part.sum()), int((~part).sum())] for part in (here, others)]
        if here.any() and scipy.stats.fisher_exact(table, alternative="greater").pvalue * num_tests < ALPHA:
            trials, rest = bad[factor.codes == level], bad[(factor.codes >= 0) & (factor.codes != level)]
            others = f"the other levels in {rest.sum():,} of {len(rest):,}"
            yield f"{factor.labels[level]} {kind} in {trials.sum():,} of {counted(len(trials), 'trial')}, {others}"


def notes(
    trials: "pd.DataFrame",
    good: NDArray[np.bool_],
    factors: Sequence[Factor],
    design: Design | None,
    measure: Measure = ACCURACY,
) -> Iterator[str]:
    """Yield what limits the results of the `good` ones of some trials."""
    left_out, trials = trials["status"][~good], trials[good]
    if not factors:
        yield "No hyperparameter varies among these trials."
    if binned := [factor.short for factor in factors if factor.is_binned]:
        yield f"Grouped into bins with about the same number of trials, for their many values: {', '.join(binned)}."
    for factor in factors:
        if " + " in factor.name:
            yield f"{factor.short} always change together: their effects are confounded."
    if len(left_out):
        counts = ", ".join(f"{num:,} {status}" for status, num in left_out.value_counts().items())
        yield f"The means are over {counted(len(trials), 'successful trial')}; left out: {counts}."
        if Status.STOPPED.value in left_out.to_numpy():
            yield "Trials that fell behind were stopped, so levels that lost many trials look better than they are."
    yield from _seed_notes(trials, design, measure)
    if design and has_collapses(design.accuracy):
        yield COLLAPSED
    if design:
        yield THESE_IMAGES


def _seed_notes(trials: "pd.DataFrame", design: Design | None, measure: Measure) -> Iterator[str]:
    repeated = trials.groupby("config_id")[measure.val].var(ddof=1).dropna()
    if len(repeated):
        std = _difference(math.sqrt(repeated.mean()), measure, 0)
        yield f"Seed-to-seed noise: the trials of one config have a standard deviation of {std}."
    elif len(trials):
        yield "Each config has one seed, so seed-to-seed noise may look like an effect: run `--seeds 5` to measure it."
    if len(repeated) and design and design.accuracy.shape[1] == 1:
        yield "Not all configs have the same seeds: each counts once, with the mean of its trials."
    if design and design.accuracy.shape[1] == 2:
        yield TWO_SEEDS
