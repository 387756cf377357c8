"""The order of configs by what they are judged by on validation, and the trial that represents each.

A config is ranked by its mean over seeds, so that no lucky seed selects it, and represented by its median seed, which
is at most as good as half of them. The order is that of `select`; this module needs no pandas.
"""

import math
import operator
import statistics
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from mnist_sweep.trials.row import Status, TrialRow, rank
from mnist_sweep.trials.value_format import Measure

BEST_TRIAL = "the best trial"  # where configs have one seed
DIGITS = 12  # of a mean that count: equal means may differ by rounding


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """The successful trials of one config: their rows, best first, and their means on validation, the loss in nats."""

    rows: tuple[TrialRow, ...]
    val: float
    val_loss: float

    @property
    def config_id(self) -> str:
        """Its id."""
        return self.rows[0].config_id

    @property
    def measure(self) -> Measure:
        """What its trials are judged by."""
        return self.rows[0].measure

    @property
    def test(self) -> float | None:
        """Mean value on test; None if no trial has one."""
        return _mean(row.test for row in self.rows)

    @property
    def seconds(self) -> float | None:
        """Mean wall time of its trials, in seconds; None if no time is known."""
        return self.mean("seconds_total")

    def mean(self, name: str) -> float | None:
        """Return the mean of a field of its rows; None if no trial has it."""
        return _mean(getattr(row, name) for row in self.rows)

    @property
    def median_seed(self) -> TrialRow:
        """The row of its median seed; the lower one of two in the middle."""
        return self.rows[len(self.rows) // 2]

    def nearest_to_median(self, trial_ids: Container[str]) -> TrialRow | None:
        """Return the one of these trials that is nearest in rank to the median seed; None if none is its own."""
        middle = len(self.rows) // 2
        places = [place for place, row in enumerate(self.rows) if row.trial_id in trial_ids]
        return self.rows[min(places, key=lambda place: abs(place - middle))] if places else None

    def role(self, row: TrialRow) -> str:
        """Return which of the seeds a trial is, in words; empty if there is one seed."""
        if len(self.rows) == 1:
            return ""
        return "the median seed" if row.trial_id == self.median_seed.trial_id else "the kept seed nearest to the median"


def by_config(rows: Iterable[TrialRow]) -> dict[str, ConfigResult]:
    """Return the results of the configs that have successful trials with a value on validation, by their ids."""
    groups: dict[str, list[TrialRow]] = {}
    for row in rows:
        if row.status is Status.OK and row.val is not None:
            groups.setdefault(row.config_id, []).append(row)
    return {name: _result(group) for name, group in groups.items()}


def by_mean(result: ConfigResult) -> tuple[float, float, str]:
    """Return the sort key of configs, best first: mean value on validation, then mean loss, then id."""
    return -result.measure.score(rounded(result.val)), rounded(result.val_loss), result.config_id


def rounded(mean: float) -> float:
    """Return a mean of any size as it is compared with others."""
    return float(f"{mean:.{DIGITS - 1}e}")


def selected_first(results: Iterable[ConfigResult], dropped: Container[str] = ()) -> list[ConfigResult]:
    """Return configs as `select` ranks them: the selected one first.

    Where most configs have several seeds, those with one come last, so that one lucky seed cannot win; and after them
    those that a race has dropped, whose few seeds may have been the lucky ones.
    """
    results = list(results)
    few = min(2, statistics.median([len(result.rows) for result in results] or [0]))
    return sorted(results, key=lambda one: (one.config_id in dropped, len(one.rows) < few, by_mean(one)))


def representative(results: Iterable[ConfigResult], trial_ids: Container[str]) -> tuple[ConfigResult, TrialRow] | None:
    """Return the first config that has one of these trials, and its trial nearest to the median seed; None if none has.

    For models and predictions, of which not all are kept.
    """
    return next(((one, row) for one in results if (row := one.nearest_to_median(trial_ids))), None)


def pareto_optimal(points: Sequence[tuple[float, ...]]) -> list[int]:
    """Return the places of the points, in their order, that none beats by being nowhere larger.

    Equal points do not beat each other.
    """
    front: list[int] = []
    for place in sorted(range(len(points)), key=points.__getitem__):  # what beats a point comes before it
        one = points[place]
        others = (points[other] for other in reversed(front))
        if not any(other != one and all(map(operator.le, other, one)) for other in others):
            front.append(place)
    return front


def pareto_front(results: Iterable[ConfigResult], objectives: Sequence[str]) -> list[str]:
    """Return the ids of the configs that no other one beats in the means of several objectives, cheapest first.

    These are the value on validation and costs, as in `Search`; none are on the front of no objectives.
    """
    costs = objectives[1:]
    known = [one for one in results if costs and None not in [*map(one.mean, costs)]]
    points = [(*(one.mean(name) or 0.0 for name in costs), by_mean(one)[0]) for one in known]
    return [known[place].config_id for place in pareto_optimal(points)]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean_of(known) if known else None


def _mean_of(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def _result(rows: Iterable[TrialRow]) -> ConfigResult:
    best_first = tuple(sorted(rows, key=rank))
    values = [row.val or 0.0 for row in best_first]
    losses = [math.inf if row.val_loss is None else row.val_loss for row in best_first]
    return ConfigResult(best_first, _mean_of(values), _mean_of(losses))
