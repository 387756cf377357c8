"""Factors: the hyperparameters that vary in a table of trials, and their levels.

An axis of whole optimizers is one factor; a number that varies within one optimizer is a factor nested in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.results.csv_columns import fields_of, parse_cell
from mnist_sweep.text.names import short_names, value

if TYPE_CHECKING:
    import pandas as pd

FEW = 8  # distinct numbers up to which each is a level
NUM_BINS = 5
PER_BIN = 5  # settings that a bin needs
UNSET = "none"
Kind = Literal["category", "number"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factor:
    """A hyperparameter that varies among trials.

    Attributes:
        name: Its column, with the part's value it is nested in in brackets; joined columns are separated by ` + `.
        kind: Whether its levels are ordered numbers.
        labels: Its levels, formatted.
        codes: Index of the level of each trial, -1 for those that have none: intp `[trials]`.
        of: The part's value that it is nested in, or "" if it is in none.
        is_binned: Whether its levels are bins of numbers.
        short: Its name in tables and sentences, as everywhere else: `dropout`, or `learning_rate of adam`.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    codes: NDArray[np.intp]
    of: str = ""
    is_binned: bool = False
    short: str = ""

    @property
    def has_trend(self) -> bool:
        """Whether it has more than two levels, all numbers, so that a trend is more than a difference."""
        return self.kind == "number" and len(self.labels) > 2 and UNSET not in self.labels

    def among(self, rows: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the levels that occur in these rows, and the rows' codes among those levels."""
        codes = self.codes[rows]
        live = np.unique(codes[codes >= 0])
        return live, np.where(codes >= 0, np.searchsorted(live, codes), -1)


def find_factors(trials: "pd.DataFrame") -> list[Factor]:
    """Return the factors of a table; columns that always change together are joined to one factor."""
    columns = fields_of(trials)
    many = sum(_is_number(trials[name]) and trials[name].nunique() > FEW for name in columns)
    num_bins = max(2, min(NUM_BINS, trials["config_id"].nunique() // (PER_BIN * max(many, 1))))
    found = []
    for name in columns:
        part = name.partition(".")[0]
        if part == name or part not in trials or trials[part].nunique() == 1:
            found.append(_factor(trials, name, np.ones(len(trials), bool), num_bins))
            continue
        for given in trials[part].unique():
            factor = _factor(trials, name, trials[part].eq(given).to_numpy(bool), num_bins)
            found.append(replace(factor, name=f"{name} ({value(part, given)})", of=value(part, given)))
    joined = _joined([factor for factor in found if len(factor.labels) > 1])
    columns_of = [factor.name.partition(" (")[0].split(" + ") for factor in joined]
    short = short_names({name for names in columns_of for name in names})
    titles = [" + ".join(short[name] for name in names) for names in columns_of]
    suffixes = [f" of {factor.of}" if factor.of else "" for factor in joined]
    return [replace(one, short=title + of) for one, title, of in zip(joined, titles, suffixes, strict=True)]


def _factor(trials: "pd.DataFrame", name: str, rows: NDArray[np.bool_], num_bins: int) -> Factor:
    import pandas as pd

    values = trials[name].where(rows)
    if is_number := _is_number(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        distinct = np.unique(numbers[~np.isnan(numbers)])
        if is_binned := len(distinct) > FEW:
            bins = pd.qcut(numbers, num_bins, labels=False, duplicates="drop")
            codes = np.nan_to_num(bins, nan=-1).astype(np.intp)
            ends = [(numbers[codes == code].min(), numbers[codes == code].max()) for code in range(codes.max() + 1)]
            labels = [" to ".join(f"{end:.3g}" if abs(end) < 1000 else f"{end:.0f}" for end in pair) for pair in ends]
        else:
            codes = np.where(np.isnan(numbers), -1, np.searchsorted(distinct, numbers))
            labels = [value(name, number) for number in distinct.astype(values.dtype.name.lower())]
    else:
        codes, found = values.factorize()
        labels, is_binned = [value(name, parse_cell(cell)) for cell in found], False
    # A missing field is None if its version knows the field; a field that an older version does not know is no level.
    has = values.groupby(trials["version"], dropna=False).transform("count").gt(0).to_numpy(bool)
    if (unset := has & rows & values.isna().to_numpy(bool)).any():
        codes, labels = np.where(unset, len(labels), codes), [*labels, UNSET]
    kind: Kind = "number" if is_number else "category"
    return Factor(name=name, kind=kind, labels=tuple(labels), codes=codes, is_binned=is_binned)


def _is_number(values: "pd.Series[Any]") -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(values) and not is_bool_dtype(values)


def _joined(factors: Sequence[Factor]) -> list[Factor]:
    joined: list[Factor] = []
    for factor in factors:
        for number, other in enumerate(joined):
            if _change_together(other, factor):
                joined[number] = _both(other, factor)
                break
        else:
            joined.append(factor)
    return joined


def _change_together(a: Factor, b: Factor) -> bool:
    """Return whether the levels of two factors imply each other, or within one part those of one the other's."""
    nums = [len(np.unique(factor.codes)) for factor in (a, b)]
    num_both = len(np.unique(a.codes * (len(b.labels) + 1) + b.codes))
    parts = {(factor.of, factor.name.partition(".")[0]) for factor in (a, b)}
    same_part = len(parts) == 1 and not (a.is_binned or b.is_binned)
    return num_both == (max(nums) if same_part else min(nums)) and (same_part or nums[0] == nums[1])


def _both(a: Factor, b: Factor) -> Factor:
    has = (a.codes >= 0) & (b.codes >= 0)
    found, inverse = np.unique(np.stack([a.codes, b.codes])[:, has], axis=1, return_inverse=True)
    codes = np.full(len(has), -1)
    codes[has] = inverse
    names = [factor.name.partition(" (")[0] for factor in (a, b)]
    name = " + ".join(names) + (f" ({a.of})" if a.of else "")
    labels = tuple(f"{a.labels[one]} + {b.labels[other]}" for one, other in found.T)
    return replace(a, name=name, kind="category", labels=labels, codes=codes, is_binned=a.is_binned or b.is_binned)
