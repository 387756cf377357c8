"""Estimation of the effect of each hyperparameter on the accuracy, or another objective, on validation.

Means and intervals are those of `marginal_means`, shares of variance those of `fanova`. A trial that failed or
diverged has no value: it is counted and tested at its levels, and never treated as the worst. The seed is noise, not a
hyperparameter.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.analysis.effects import wording
from mnist_sweep.analysis.effects.design import RESOLUTION, Design, design_of_trials
from mnist_sweep.analysis.effects.effect import Effect, Effects, Interaction, Level
from mnist_sweep.analysis.effects.factors import Factor, find_factors
from mnist_sweep.analysis.effects.fanova import variance_shares
from mnist_sweep.analysis.effects.interactions import ALPHA, InteractionTest, fit_with_interactions
from mnist_sweep.analysis.effects.marginal_means import MarginalMeans, marginal_means
from mnist_sweep.analysis.inputs import NOTES, as_trials
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import measure_of
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("config_id", "seed", "status", "version")
LEVEL = 0.03  # of all hyperparameters together: at most 5% of sweeps then err where noise is not ideal
MAX_LEVELS = 50  # of a factor that is compared
NUM_INTERACTIONS = 5
MIN_SHARE = 0.005  # of an interaction: variation within bins of numbers can cause less
ENDED_BADLY = (Status.FAILED.value, Status.DIVERGED.value)
UNKNOWN = math.nan, math.nan, math.nan
UNCOMPARED = None, None, False


def effects(trials: "str | Path | pd.DataFrame") -> Effects:
    """Estimate the effect of each hyperparameter that varies among trials.

    A field of a part (`optimizer.learning_rate`) varies if it does among trials with the same value of the part; if the
    part varies as well, the field has an effect for each value of it.

    Args:
        trials: A results folder, or its trials as `read_trials` returns them.

    Raises:
        LedgerError: There is no trial; the folder holds damaged rows; or the DataFrame lacks a column.
    """
    trials = as_trials(trials, columns=NEEDED, splits=("val",))
    measure = measure_of(trials)
    if trials.empty:
        raise LedgerError("effects need trials, but the table has none: run the sweep first.")
    good = (trials["status"].eq(Status.OK.value) & trials[measure.val].notna()).to_numpy(bool)
    factors = find_factors(trials)
    usable = [factor for factor in factors if 1 < len(factor.among(good)[0]) <= MAX_LEVELS]
    design = _design(trials[good], usable, good) if usable else None
    means, shares, tests = _estimates(design, usable)
    significant = significant_over_all([mean.pvalue for mean in means])
    known = {factor.name: one for factor, *one in zip(usable, means, shares, significant, strict=True)}
    num_levels = sum(len(factor.labels) for factor in factors)
    found = [_effect(one, trials, good, num_levels, *known.get(one.name, UNCOMPARED)) for one in factors]
    pairs = [_interaction(test, usable) for test in tests]
    size = {one.name: 0.0 if math.isnan(one.difference) else one.difference for one in found}
    return Effects(
        effects=tuple(sorted(found, key=lambda one: (not one.significant, -size[one.name]))),
        interactions=tuple(pair for number, pair in enumerate(pairs) if pair.significant or number < NUM_INTERACTIONS),
        num_trials=int(good.sum()),
        left_out={str(status): int(num) for status, num in trials["status"][~good].value_counts().items()},
        notes=(*trials.attrs.get(NOTES, ()), *wording.notes(trials, good, factors, design, measure)),
        objective=measure,
    )


def _estimates(
    design: Design | None, factors: Sequence[Factor]
) -> tuple[list[MarginalMeans], list[float | None], list[InteractionTest]]:
    """Return the marginal means and the share of variance of each factor, and the tests of interactions."""
    if design is None:
        return [], [], []
    model, tests = fit_with_interactions(design)
    num_trends = max(1, sum(factor.has_trend for factor in factors))
    means = [marginal_means(model, number, num_trends=num_trends) for number in range(len(factors))]
    return means, variance_shares(design, [factor.kind for factor in factors]), tests


def significant_over_all(pvalues: Sequence[float]) -> list[bool]:
    """Return which p-values are significant over all of them at LEVEL (Holm 1979)."""
    order = np.argsort(pvalues)
    limits = LEVEL / np.arange(len(pvalues), 0, -1)
    found = np.zeros(len(pvalues), np.bool_)
    found[order] = np.logical_and.accumulate(np.asarray(pvalues)[order] <= limits)
    return found.tolist()


def _design(trials: "pd.DataFrame", factors: Sequence[Factor], rows: NDArray[np.bool_]) -> Design:
    measure = measure_of(trials)
    found = design_of_trials(
        measure.sign * trials[measure.val].to_numpy(np.float64),
        np.column_stack([factor.among(rows)[1] for factor in factors]),
        trials["config_id"].factorize()[0],
        trials["seed"].factorize()[0],
        is_sample=any(factor.is_binned for factor in factors),
        rounding=_rounding(trials) if measure.is_accuracy else 0.0,
    )
    return replace(found, limits=measure.score_limits)


def _rounding(trials: "pd.DataFrame") -> float:
    """Return the variance of rounding to whole validation images, taken for the smallest step if they are unknown."""
    import pandas as pd

    sizes = pd.to_numeric(trials.get("data.val_size", pd.Series(dtype="float64")), errors="coerce").dropna()
    if len(sizes):
        return float((1 / (12 * sizes**2)).mean())
    steps = np.diff(np.unique(trials["val_accuracy"].to_numpy(np.float64)))
    return float(steps[steps > RESOLUTION].min(initial=1.0) ** 2 / 12) if (steps > RESOLUTION).any() else 0.0


def _effect(
    factor: Factor,
    trials: "pd.DataFrame",
    good: NDArray[np.bool_],
    num_levels: int,
    means: MarginalMeans | None,
    share: float | None,
    significant: bool,
) -> Effect:
    live, measure = factor.among(good)[0].tolist(), measure_of(trials)
    known = zip(live, means.levels, strict=True) if means else ()
    intervals = {number: (measure.score(mean), *measure.flipped(*ends)) for number, (mean, *ends) in known}
    failures = {kind: trials["status"].eq(kind).to_numpy(bool) for kind in ENDED_BADLY}
    counts = [
        np.bincount(factor.codes[rows & (factor.codes >= 0)], minlength=len(factor.labels)).tolist()
        for rows in (good, *failures.values())
    ]
    levels = []
    for number, (label, n, failed, diverged) in enumerate(zip(factor.labels, *counts, strict=True)):
        mean, low, high = intervals.get(number, UNKNOWN)
        one = Level(value=label, n=n, mean=mean, low=low, high=high, num_failed=failed, num_diverged=diverged)
        levels.append(one)
    difference, low, high = means.difference if means else UNKNOWN
    labels = [factor.labels[number] for number in live]
    parts = [wording.effect_sentence(factor, labels, means, measure=measure, significant=significant)]
    if means and (apart := wording.confounded_levels(labels, means)):
        why = "" if math.isnan(difference) else ", confounded with other hyperparameters"
        parts.append(f"all means leave out {', '.join(apart)}{why}")
    setting = trials["config_id"].factorize()[0]
    for kind, rows in failures.items():
        parts += wording.failure_sentences(factor, kind, rows, setting, num_tests=num_levels * len(failures))
    return Effect(
        name=factor.name,
        title=factor.short,
        kind=factor.kind,
        levels=tuple(levels),
        share=None if math.isnan(difference) else share,  # confounded: it is not this one's alone
        difference=difference,
        low=low,
        high=high,
        significant=significant,
        sentence="; ".join(parts),
    )


def _interaction(test: InteractionTest, factors: Sequence[Factor]) -> Interaction:
    a, b = (factors[number] for number in test.factors)
    significant = test.pvalue < ALPHA and test.share >= MIN_SHARE
    sentence = wording.interaction_sentence(a, b, test.share if significant else None)
    return Interaction(names=(a.name, b.name), share=test.share, significant=significant, sentence=sentence)
