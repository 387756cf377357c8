"""The importance of each hyperparameter, as Optuna's fANOVA has it (Hutter, Hoos and Leyton-Brown 2014)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_sweep.analysis.effects.design import RESOLUTION, Array, Codes, Design

FOREST = {"n_trees": 16, "seed": 0}
FOREST_SETTINGS = 300  # a random sample if there are more: fANOVA's time is quadratic


def variance_shares(design: Design, kinds: Sequence[str]) -> list[float | None]:
    """Return the share of the variance between settings that each factor explains, in [0, 1]; None where it is unknown.

    The share of a nested factor is among the settings that have it. `kinds` are `number` or `category` for each factor.
    """
    means, has = design.accuracy.mean(axis=1), design.codes >= 0
    places, forest_of = np.unique(has, axis=1, return_inverse=True)
    limit = FOREST_SETTINGS // max(1, sum(not rows.all() for rows in places.T))
    found: list[float | None] = [None] * len(kinds)
    for number, rows in enumerate(places.T):
        varies = has[rows].all(axis=0) & (np.ptp(design.codes[rows], axis=0) > 0)
        inside, most = np.flatnonzero(varies).tolist(), FOREST_SETTINGS if rows.all() else limit
        shares = _fanova(means[rows], design.codes[np.ix_(rows, inside)], [kinds[factor] for factor in inside], most)
        for factor, share in zip(inside, shares, strict=True):
            if forest_of[factor] == number:
                found[factor] = share
    return found


def _fanova(means: Array, codes: Codes, kinds: Sequence[str], limit: int) -> list[float | None]:
    import optuna

    rows = np.random.default_rng(0).permutation(len(means))[:limit]
    if np.ptp(means[rows]) < RESOLUTION:
        return [None] * len(kinds)
    nums = codes.max(axis=0) + 1
    distributions: dict[str, Any] = {
        str(factor): optuna.distributions.IntDistribution(0, num - 1)
        if kind == "number"
        else optuna.distributions.CategoricalDistribution(range(num))
        for factor, (kind, num) in enumerate(zip(kinds, nums, strict=True))
    }
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # no message for the new study
    study = optuna.create_study(direction="maximize")
    optuna.logging.set_verbosity(verbosity)
    values = [dict(zip(distributions, map(int, codes[row]), strict=True)) for row in rows]
    study.add_trials(
        optuna.trial.create_trial(params=params, distributions=distributions, value=float(means[row]))
        for row, params in zip(rows, values, strict=True)
    )
    try:
        found = optuna.importance.FanovaImportanceEvaluator(**FOREST).evaluate(study)
    except RuntimeError:  # its trees split no values whose variance is as small as the rounding of their squares
        return [None] * len(kinds)
    return [min(float(found[name]), 1.0) for name in distributions]
