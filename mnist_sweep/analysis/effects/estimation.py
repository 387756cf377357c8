"""What each hyperparameter does to the validation accuracy, with its uncertainty, in numbers and in plain words.

Means and intervals are those of `anova`, shares of variance those of Optuna's fANOVA (Hutter, Hoos and Leyton-Brown
2014). A trial that failed or diverged has no accuracy: it is counted at its levels and tested there, and never a 0. The
seed is noise and no hyperparameter.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_sweep.analysis.effects import anova, sentences
from mnist_sweep.analysis.effects.anova import ALPHA
from mnist_sweep.analysis.effects.design import Design
from mnist_sweep.analysis.effects.design import design as design_of
from mnist_sweep.analysis.effects.effect import Effect, Effects, Interaction, Level
from mnist_sweep.analysis.effects.factors import Factor
from mnist_sweep.analysis.effects.factors import factors as factors_of
from mnist_sweep.analysis.effects.importance import shares as shares_of
from mnist_sweep.errors import LedgerError
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MANY = 50  # levels from which on a factor is left out
NUM_PAIRS = 5
MIN_SHARE = 0.005  # of an interaction; the spread within groups of numbers may pass for less
ENDED_BADLY = (Status.FAILED.value, Status.DIVERGED.value)
UNKNOWN = anova.Interval(math.nan, math.nan, math.nan)


def effects(trials: "pd.DataFrame") -> Effects:
    """Return what the hyperparameters of a table do, which `frames.trials_frame` or `table.read_trials` gives.

    A field of a part (`optimizer.learning_rate`) varies if it does among trials with the same value of the part; if the
    part varies as well, the field has an effect for each value of it.

    Raises:
        LedgerError: The table has no trial.
    """
    if trials.empty:
        raise LedgerError("effects need trials, but the table has none: run the sweep first.")
    ended = (trials["status"].eq(Status.OK.value) & trials["val_accuracy"].notna()).to_numpy(bool)
    factors = factors_of(trials)
    usable = [factor for factor in factors if 1 < len(factor.among(ended)[0]) <= MANY]
    design = _design(trials[ended], usable, ended) if usable else None
    model, pairs = anova.analyse(design) if design else (None, [])
    num_trends = sum(factor.has_trend for factor in usable)
    means = (
        [anova.means(model, number, num_trends=max(1, num_trends)) for number in range(len(usable))] if model else []
    )
    shares = shares_of(design, [factor.kind for factor in usable]) if design else []
    known = {factor.name: (mean, share) for factor, mean, share in zip(usable, means, shares, strict=True)}
    num_levels = sum(len(factor.labels) for factor in factors)
    found = [
        _effect(factor, trials, ended, *known.get(factor.name, (None, None)), num_levels=num_levels)
        for factor in factors
    ]
    together = [_interaction(pair, usable) for pair in pairs]
    return Effects(
        effects=tuple(sorted(found, key=_strength)),
        interactions=tuple(pair for number, pair in enumerate(together) if pair.shown or number < NUM_PAIRS),
        num_trials=int(ended.sum()),
        left_out={str(status): int(num) for status, num in trials["status"][~ended].value_counts().items()},
        notes=tuple(sentences.notes(trials[ended], trials["status"][~ended], factors, design)),
    )


def _design(trials: "pd.DataFrame", factors: Sequence[Factor], rows: "NDArray[np.bool_]") -> Design:
    import numpy as np

    return design_of(
        trials["val_accuracy"].to_numpy(np.float64),
        np.column_stack([factor.among(rows)[1] for factor in factors]),
        trials["config_id"].factorize()[0],
        trials["seed"].factorize()[0],
        is_sample=any(factor.is_binned for factor in factors),
        rounding=_rounding(trials),
    )


def _rounding(trials: "pd.DataFrame") -> float:
    """Return the variance of rounding to whole validation images; 0 if it is not known how many there are."""
    import pandas as pd

    sizes = pd.to_numeric(trials.get("data.val_size", pd.Series(dtype="float64")), errors="coerce").dropna()
    return float((1 / (12 * sizes**2)).mean()) if len(sizes) else 0.0


def _effect(
    factor: Factor,
    trials: "pd.DataFrame",
    ended: "NDArray[np.bool_]",
    means: anova.Means | None,
    share: float | None,
    *,
    num_levels: int,
) -> Effect:
    import numpy as np

    num = len(factor.labels)
    live = factor.among(ended)[0].tolist()
    intervals = dict(zip(live, means.levels, strict=True)) if means else {}
    badly = {kind: trials["status"].eq(kind).to_numpy(bool) for kind in ENDED_BADLY}
    counts = [np.bincount(factor.codes[rows & (factor.codes >= 0)], minlength=num) for rows in (ended, *badly.values())]
    levels = tuple(
        Level(
            value=label,
            n=n,
            **intervals.get(number, UNKNOWN)._asdict(),
            num_failed=num_failed,
            num_diverged=num_diverged,
        )
        for number, (label, n, num_failed, num_diverged) in enumerate(
            zip(factor.labels, *(c.tolist() for c in counts), strict=True)
        )
    )
    difference, low, high = means.difference if means else UNKNOWN
    said = [sentences.said(factor, [factor.labels[number] for number in live], means)]
    setting = trials["config_id"].factorize()[0]
    for kind, rows in badly.items():
        said += sentences.failures(factor, kind, rows, setting, num_tests=num_levels * len(badly))
    return Effect(
        name=factor.name,
        kind=factor.kind,
        levels=levels,
        share=share,
        difference=difference,
        low=low,
        high=high,
        shown=low > 0,
        sentence="; ".join(said),
    )


def _interaction(pair: anova.Pair, factors: Sequence[Factor]) -> Interaction:
    a, b = (factors[number] for number in pair.factors)
    sentence = f"{a.short} and {b.short}: no interaction shown"
    if shown := pair.p < ALPHA and pair.share >= MIN_SHARE:
        sentence = f"{a.short} and {b.short}: what one does depends on the other ({pair.share:.0%} of the variance)"
    return Interaction(names=(a.name, b.name), share=pair.share, shown=shown, sentence=sentence)


def _strength(effect: Effect) -> tuple[bool, float]:
    return not effect.shown, 0.0 if math.isnan(effect.difference) else -effect.difference
