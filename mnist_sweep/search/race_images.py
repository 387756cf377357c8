"""The smallest difference that the validation images of a race can ever show for new images, however many seeds."""

import math

import numpy as np

from mnist_sweep.errors import LedgerError
from mnist_sweep.search.race import Race, accuracy_of
from mnist_sweep.statistics.image_margins import ImageCounts, margin_factor

MOST_SETTINGS, MOST_SEEDS = 10, 5  # whose predictions are read
DISAGREEMENT = 0.05  # share of images that two configs classify differently, where none has predictions


def smallest_difference(race: Race) -> float:
    """Return it for a typical pair of the best settings so far; NaN if their predictions were not kept."""
    rows = {name: [row for row in race.taken(name) if not math.isnan(accuracy_of(row))] for name in race.settings}
    rows = {name: found[:MOST_SEEDS] for name, found in rows.items() if len(found) > 1}
    best = sorted(rows, key=lambda name: -float(np.mean([accuracy_of(row) for row in rows[name]])))[:MOST_SETTINGS]
    if len(best) < 2 or race.correct is None:
        return math.nan
    counts = ImageCounts(len(best), race.num_val)
    try:
        for number, name in enumerate(best):
            for row in rows[name]:
                counts.add(number, race.correct(row))
    except LedgerError:
        return math.nan
    errors = counts.errors()[1][np.triu_indices(len(best), 1)]
    return _factor(race) * float(np.median(errors))


def stated_difference(race: Race) -> float:
    """Return it for two configs that classify 5% of the images differently."""
    return _factor(race) * math.sqrt(DISAGREEMENT / race.num_val)


def _factor(race: Race) -> float:
    return margin_factor(len(race.settings), race.num_val, race.known.error / 2)
