"""What a race depends on besides its rows, kept in the sweep's results folder, so that its state can be read there.

A race that is damaged, or cannot be read or written, raises LedgerError.
"""

import dataclasses
import functools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.system.atomic_files import read_json, write_json
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import require, require_at_least

if TYPE_CHECKING:  # most folders have no race, and these need NumPy and SciPy
    from mnist_sweep.search.race import ByImage, Race
    from mnist_sweep.search.race_summary import RaceSummary

FILE = "race.json"
MAX_BYTES, WAY_OUT = 4 << 20, "delete it; the next run of the race writes it again"


def write(folder: Path, race: "Race") -> None:
    """Write a race durably into a results folder, which is made if necessary, unless the race is there already."""
    content = {
        "settings": [*race.settings],
        "num_val": race.num_val,
        "known": dataclasses.asdict(race.known),
        "objective": dataclasses.asdict(race.measure),
        "first_seed": race.first_seed,
    }
    if read_json(folder / FILE, dict, max_bytes=MAX_BYTES, way_out=WAY_OUT) != content:
        write_json(folder / FILE, content, "race")


def read(folder: Path, rows: Iterable[TrialRow] = ()) -> "Race | None":
    """Return the state of the race in a results folder, given the rows there, or None if there is none.

    A race for new images goes as far as predictions are kept, which other runs may do without.
    """
    race = read_json(folder / FILE, _race, max_bytes=MAX_BYTES, way_out=WAY_OUT)
    if race is None:
        return None
    if race.args[1].images == "new":
        from mnist_sweep.results import predictions
        from mnist_sweep.search.race import value_of

        rows = [row for row in rows if math.isnan(value_of(row)) or predictions.are_kept(folder, [row])]
    return race(rows=rows, by_image=by_image(folder))


def _race(
    settings: Sequence[str], num_val: int, known: Mapping[str, Any], objective: Mapping[str, Any], first_seed: int
) -> "functools.partial[Race]":
    """Return what makes the race of the fields in a file."""
    from mnist_sweep.search.race import Known, Race

    ids = {one for one in settings if isinstance(one, str)}
    require(1 < len(ids) == len(settings), "settings are 2 or more ids", settings=settings)
    whole = isinstance(num_val, int) and isinstance(first_seed, int)
    require(whole, "num_val and first_seed are whole numbers", num_val=num_val, first_seed=first_seed)
    require_at_least(1, num_val=num_val)
    require_at_least(0, first_seed=first_seed)
    until, measure = Known(**known), Measure(**objective)
    until.check(measure)
    return functools.partial(Race, settings, until, num_val=num_val, measure=measure, first_seed=first_seed)


def by_image(folder: Path) -> "ByImage":
    """Return what reads from a results folder what each validation image contributes to the value of a row."""
    from mnist_sweep.results import predictions

    return lambda row: predictions.image_values(folder, [row]).val[0]


def summary(folder: Path, rows: Iterable[TrialRow]) -> "RaceSummary | None":
    """Return the state of the race in a results folder with these rows, in sentences as well; None if it has none."""
    race = read(folder, rows)
    if race is None:
        return None
    from mnist_sweep.results import runs
    from mnist_sweep.search import race_summary

    records = runs.read(folder)
    return race_summary.summary(race, records[-1].num_workers if records else 1)


def dropped(folder: Path, rows: Iterable[TrialRow]) -> Collection[str]:
    """Return the configs that the race in a results folder has dropped, given these rows; none if there is no race."""
    race = read(folder, rows)
    return race.departures.keys() if race else ()
