"""Difference of two sweeps: which configs are in one, the other, or both, and how far apart their results are."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from mnist_sweep.analysis.inputs import NOTES, as_trials, distinct_kinds
from mnist_sweep.errors import IncomparableError
from mnist_sweep.results.csv_columns import fields_of, measure_of, parse_cell
from mnist_sweep.statistics.crossed_variance import CrossedVariance
from mnist_sweep.statistics.intervals import clip_interval, half_width_of_mean
from mnist_sweep.statistics.paired_tests import SMALLEST_STD
from mnist_sweep.statistics.two_way_residuals import seed_effects, to_table
from mnist_sweep.text.html_fragments import html_repr
from mnist_sweep.text.names import label, varying
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    import pandas as pd

FALSE_DISCOVERY_RATE = 0.05
MAX_SEEDS = 200  # that configs are crossed with
ONE_SEED = "Configs with one common seed have no interval: run `--seeds 3` or more to get one."
THESE_IMAGES = "Intervals are for these images: for new images, the differences vary more."
NO_SEED = "Configs with no seed that succeeded in both sweeps have no difference."


class Change(NamedTuple):
    """The difference of a config's results in two sweeps, the second minus the first.

    Attributes:
        config_id: The config.
        label: What distinguishes it from the other configs, as in `filters=8,16 adam`.
        n: Seeds that succeeded in both sweeps.
        mean_a: Mean value over those seeds in the first sweep; NaN if there are none.
        mean_b: The same in the second sweep.
        difference: Mean value in the second sweep minus that in the first.
        low, high: Ends of its 95% t-interval, paired over seeds; NaN where n is below 2, or all seeds differ by the
            same amount, which leaves no variance to test against.
        significant: Whether the difference is significant at a false discovery rate of 5% over all configs (Benjamini
            and Hochberg 1995).
    """

    config_id: str
    label: str
    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    significant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDiff:
    """Two sweeps, compared config by config.

    Attributes:
        only_a: Ids of the configs in the first sweep only, in the order of its table.
        only_b: Ids of the configs in the second sweep only.
        labels: What distinguishes each config from the others, by its id.
        changes: The configs in both, the largest difference first.
        mean: Mean difference of the configs that have one, each counted once; NaN if none has.
        low, high: Ends of its 95% interval over configs and seeds, which are crossed, as a seed may do the same to all
            configs; over configs alone where these share no seed, and over the seeds of a single one. NaN with one seed
            that they share, and as for a config.
        metric: What is compared, by its column.
        kind_notes: What differs between the data and the code that their rows were trained with, a line each.
        objective: What both are judged by.
    """

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    labels: Mapping[str, str]
    changes: tuple[Change, ...]
    mean: float
    low: float
    high: float
    metric: str
    kind_notes: tuple[str, ...] = ()
    objective: Measure = ACCURACY

    @property
    def sentence(self) -> str:
        """The conclusion."""
        return " ".join(self._sentences())

    @property
    def notes(self) -> tuple[str, ...]:
        """The limits of the conclusion."""
        no_seed = any(change.n == 0 for change in self.changes)
        one_seed = any(change.n == 1 and change.difference for change in self.changes)
        intervals = not all(math.isnan(low) for low in (self.low, *(change.low for change in self.changes)))
        return (*self.kind_notes, *(NO_SEED,) * no_seed, *(ONE_SEED,) * one_seed, *(THESE_IMAGES,) * intervals)

    def _sentences(self) -> Iterator[str]:
        both = f"{counted(len(self.changes), 'config')} in both sweeps"
        yield f"{both}, {len(self.only_a):,} only in the first, {len(self.only_b):,} only in the second."
        compared, measure = [change for change in self.changes if change.n], self.objective
        if compared and not any(change.difference for change in compared):
            yield f"{'Those in both have' if len(compared) > 1 else 'It has'} the same mean validation {measure.title}."
        elif compared:
            ends = measure.delta_interval(self.low, self.high)
            mean = f"{measure.difference(self.mean, signed=True)} of validation {measure.title} ({ends})"
            significant = "significant" if self.low > 0 or self.high < 0 else "not significant"
            verdict = "not testable" if math.isnan(self.low) else significant
            where = "Averaged over those in both" if len(compared) > 1 else "In it"
            yield f"{where}, the second differs from the first by {mean}: {verdict}."
        if several := [change for change in compared if change.n > 1 and change.difference]:
            num = sum(change.significant for change in several)
            differ = f"{num:,} of {len(several):,} {'differs' if num == 1 else 'differ'} significantly"
            yield f"Config by config, {differ} (false discovery rate 5%)."

    def __str__(self) -> str:
        return "\n".join((self.sentence, *self.notes))

    def __repr__(self) -> str:
        both = counted(len(self.changes), "config")
        configs = f"{both} in both, {len(self.only_a):,} and {len(self.only_b):,} in one"
        mean = self.objective.difference(self.mean, signed=True)
        return f"<SweepDiff of {self.metric}: {configs}; mean difference {mean}>"

    def _repr_html_(self) -> str:
        return html_repr((self.sentence, *self.notes), Change._fields, self.changes)


def diff(a: "str | Path | pd.DataFrame", b: "str | Path | pd.DataFrame") -> SweepDiff:
    """Compare two sweeps config by config by their values on validation, over the seeds that succeeded in both.

    Args:
        a: The first sweep: its results folder, or its trials as `read_trials` returns them.
        b: The second sweep, likewise.

    Raises:
        IncomparableError: The sweeps are judged by different objectives.
        LedgerError: A folder holds no rows or damaged ones, or a DataFrame lacks a column.
    """
    a, b = (as_trials(one, columns=("config_id", "seed", "status"), splits=("val",)) for one in (a, b))
    measure, other = measure_of(a), measure_of(b)
    if measure != other:
        titles = f"{measure.title} and {other.title}"
        raise IncomparableError(f"the two sweeps are judged by {titles}, which cannot be compared with each other.")
    ids_a, ids_b = dict.fromkeys(a["config_id"]), dict.fromkeys(b["config_id"])
    labels = _labels(a, b)
    pairs = _pairs(a, b, measure)
    changes = tuple(_changes(pairs, [name for name in ids_a if name in ids_b], measure, labels))
    mean, low, high = _mean(pairs, measure.largest_difference)
    return SweepDiff(
        only_a=tuple(name for name in ids_a if name not in ids_b),
        only_b=tuple(name for name in ids_b if name not in ids_a),
        labels=labels,
        changes=changes,
        mean=mean,
        low=low,
        high=high,
        metric=measure.val,
        objective=measure,
        kind_notes=tuple(_kind_notes(a, b)),
    )


def _kind_notes(a: "pd.DataFrame", b: "pd.DataFrame") -> Iterator[str]:
    if differ := kinds.differences(distinct_kinds(a), distinct_kinds(b)):
        yield f"The two sweeps were not trained with the same data and code: {'; '.join(differ)}."
    for which, frame in (("first", a), ("second", b)):
        yield from (f"Of the {which}, {note}" for note in frame.attrs.get(NOTES, ()))


def _pairs(a: "pd.DataFrame", b: "pd.DataFrame", measure: Measure) -> "pd.DataFrame":
    """Return the values of the trials that succeeded in both, and their change."""
    metric, columns = measure.val, ["config_id", "seed", measure.val]
    good = [one.loc[one["status"] == Status.OK.value, columns].dropna() for one in (a, b)]
    pairs = good[0].merge(good[1], on=["config_id", "seed"], suffixes=("_a", "_b"))
    return pairs.assign(change=pairs[f"{metric}_b"] - pairs[f"{metric}_a"])


def _changes(pairs: "pd.DataFrame", ids: list[str], measure: Measure, labels: Mapping[str, str]) -> list[Change]:
    """Return the changes of configs, the largest first."""
    metric, groups = measure.val, pairs.groupby("config_id")
    means = groups[[f"{metric}_a", f"{metric}_b", "change"]].mean().reindex(ids)
    n, std = groups.size().reindex(ids, fill_value=0).to_numpy(), groups["change"].std(ddof=1).reindex(ids).to_numpy()
    mean = means["change"].to_numpy(np.float64)
    numbers = means[f"{metric}_a"], means[f"{metric}_b"], mean, *_ends(mean, std, n, measure.largest_difference)
    lines = zip(ids, n, zip(*numbers, strict=True), _significant(mean, std, n), strict=True)
    changes = [Change(name, labels[name], int(num), *values, bool(sure)) for name, num, values, sure in lines]
    return sorted(changes, key=lambda change: (not change.n, -abs(change.difference), change.config_id))


def _ends(mean: Any, std: Any, n: Any, largest: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the 95% t-intervals of mean differences; NaN without any variance to test against."""
    half = np.where(std > SMALLEST_STD, half_width_of_mean(std, n), np.nan)
    return np.maximum(mean - half, -largest), np.minimum(mean + half, largest)


def _significant(mean: NDArray[Any], std: NDArray[Any], n: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which mean changes are significant: bool `[num_configs]`; none is without any variance to test against."""
    significant, tested = np.zeros(len(mean), np.bool_), (n > 1) & (std > SMALLEST_STD)
    if tested.any():
        ratio = np.abs(mean[tested]) * np.sqrt(n[tested]) / std[tested]
        pvalues = 2 * scipy.stats.t.sf(ratio, n[tested] - 1)
        significant[tested] = scipy.stats.false_discovery_control(pvalues) <= FALSE_DISCOVERY_RATE
    return significant


def _labels(*frames: "pd.DataFrame") -> dict[str, str]:
    import pandas as pd

    flats: dict[str, dict[str, Any]] = {}
    for frame in frames:
        table = frame.drop_duplicates("config_id").set_index("config_id")
        table = table[[name for name in fields_of(frame) if name != "seed"]]
        for config_id, cells in table.astype(object).to_dict("index").items():
            given = {str(name): parse_cell(cell) for name, cell in cells.items() if not pd.isna(cell)}
            flats.setdefault(str(config_id), given)
    names = varying(flats.values())
    return {config_id: label(flat, names) for config_id, flat in flats.items()}


def _mean(pairs: "pd.DataFrame", largest: float) -> tuple[float, float, float]:
    """Return the mean change of configs, each counted once, and the ends of its interval."""
    by_config = pairs.groupby("config_id")["change"].mean()
    mean, half = float(by_config.mean()), math.nan
    config, seed = (pairs[name].factorize()[0] for name in ("config_id", "seed"))
    num_shared = int((np.bincount(seed) > 1).sum())
    if not num_shared or seed.max() >= MAX_SEEDS:
        units = by_config if config.any() else pairs["change"]
        half = float(half_width_of_mean(units.std(ddof=1), len(units)))
    elif seed.any():
        half = _crossed(pairs["change"].to_numpy(np.float64), config, seed).half_width
    half = half if half > SMALLEST_STD else math.nan  # all are the same, which tells nothing of how they vary
    return mean, *clip_interval(mean - half, mean + half, largest)


def _crossed(change: NDArray[Any], config: NDArray[Any], seed: NDArray[Any]) -> CrossedVariance:
    """Return the variance over seeds crossed with configs; what is missing is imputed from both (Yates 1933)."""
    present, table = to_table(change, config, seed)
    of_seed = seed_effects(table[None], present)[0]
    of_config = (table - of_seed).mean(axis=1, where=present, keepdims=True)
    return CrossedVariance.of(np.where(present, table, of_config + of_seed).T)
