"""The smallest difference that the validation images of a race can ever show for new images, however many seeds."""

import math

import numpy as np

from mnist_sweep.errors import LedgerError
from mnist_sweep.search.race import Race, value_of
from mnist_sweep.statistics.image_margins import ImageSums

MOST_SETTINGS, MOST_SEEDS = 10, 5  # whose predictions are read
DISAGREEMENT = 0.05  # share of images that two configs classify differently, where none has predictions


def smallest_difference(race: Race) -> float:
    """Return it for a typical pair of the best settings so far; NaN if what their images contribute was not kept."""
    rows = {name: [row for row in race.taken(name) if not math.isnan(value_of(row))] for name in race.settings}
    rows = {name: found[:MOST_SEEDS] for name, found in rows.items() if len(found) > 1}
    means = {name: race.measure.score(float(np.mean([*map(value_of, found)]))) for name, found in rows.items()}
    best = sorted(rows, key=lambda name: -means[name])[:MOST_SETTINGS]
    if len(best) < 2 or race.by_image is None:
        return math.nan
    sums = ImageSums(len(best), race.num_val)
    try:
        for number, name in enumerate(best):
            for row in rows[name]:
                sums.add(number, race.by_image(row))
    except LedgerError:
        return math.nan
    errors = sums.errors()[1][np.triu_indices(len(best), 1)]
    return race.margin_factor * float(np.median(errors))


def stated_difference(race: Race) -> float:
    """Return it for two configs that classify 5% of the images differently."""
    return race.margin_factor * math.sqrt(DISAGREEMENT / race.num_val)
