"""What a race depends on besides its rows, kept in the sweep's results folder, so that its state can be read there."""

import dataclasses
import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.system.files import read_json, write_json
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import coerce, require, require_at_least

if TYPE_CHECKING:  # most folders have no race, and these need NumPy and SciPy
    from mnist_sweep.search.race import ByImage, Race
    from mnist_sweep.search.race_summary import RaceSummary

FILE = "race.json"
MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRace:
    """What a race depends on besides its rows.

    Attributes:
        settings: Ids of their configs, in the order in which their rows are taken; at least 2, no two alike.
        num_val: Images in the validation split, at least 1.
        known: When the race ends: the fields of `Known`.
        objective: What trials are judged by: the fields of `Measure`.
        first_seed: The first of its seeds, at least 0.
    """

    settings: tuple[str, ...]
    num_val: int
    known: Mapping[str, Any]
    objective: Mapping[str, Any]
    first_seed: int

    def __post_init__(self) -> None:
        coerce(self)
        require(1 < len(self.settings) == len({*self.settings}), "settings are 2 or more ids", settings=self.settings)
        require_at_least(1, num_val=self.num_val)
        require_at_least(0, first_seed=self.first_seed)
        self.race((), Path())  # whose own rules hold as well

    def race(self, rows: Iterable[TrialRow], folder: Path) -> "Race":
        """Return the state of the race, given its folder with the rows there."""
        from mnist_sweep.search.race import Known, Race

        known, measure = Known(**self.known), Measure(**self.objective)
        race = functools.partial(Race, self.settings, known, num_val=self.num_val, measure=measure)
        return race(rows=rows, by_image=by_image(folder), first_seed=self.first_seed)


def by_image(folder: Path) -> "ByImage":
    """Return what reads from a results folder what each validation image contributes to the value of a row."""
    from mnist_sweep.results import predictions

    return lambda row: predictions.image_values(folder, [row]).val[0]


def summary(folder: Path, rows: Iterable[TrialRow]) -> "RaceSummary | None":
    """Return the state of the race in a results folder with these rows; None if it has none.

    Raises:
        LedgerError: The race or the record of runs is damaged, or cannot be read.
    """
    saved = read(folder)
    if saved is None:
        return None
    from mnist_sweep.results import runs
    from mnist_sweep.search import race_summary

    records = runs.read(folder)
    return race_summary.summary(saved.race(rows, folder), records[-1].num_workers if records else 1)


def dropped(folder: Path, rows: Iterable[TrialRow]) -> Collection[str]:
    """Return the configs that the race in a results folder has dropped, given these rows; none if there is no race.

    Raises:
        LedgerError: The race is damaged, or cannot be read.
    """
    saved = read(folder)
    return saved.race(rows, folder).departures.keys() if saved else ()


def write(folder: Path, race: "Race") -> None:
    """Write a race durably into a results folder, which is made if necessary, unless the race is there already.

    Raises:
        LedgerError: The folder cannot be written.
    """
    given = SavedRace(
        settings=race.settings,
        num_val=race.num_val,
        known=dataclasses.asdict(race.known),
        objective=dataclasses.asdict(race.measure),
        first_seed=race.first_seed,
    )
    if read(folder) != given:
        write_json(folder / FILE, dataclasses.asdict(given), "race")


def read(folder: Path) -> SavedRace | None:
    """Return the race in a results folder, or None if there is none.

    Raises:
        LedgerError: The race is damaged, or cannot be read.
    """
    way_out = "delete it; the next run of the race writes it again"
    return read_json(folder / FILE, SavedRace, max_bytes=MAX_BYTES, way_out=way_out)
