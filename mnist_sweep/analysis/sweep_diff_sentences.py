"""The result of comparing two sweeps, config by config, and its wording."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.text.notebook_html import html_repr
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    import pandas as pd

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
        low, high: Ends of its 95% t-interval over configs; NaN as for a config.
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
        what = f"{'test' if self.metric.startswith('test_') else 'validation'} {measure.title}"
        if compared and not any(change.difference for change in compared):
            yield f"Those in both have the same mean {what}."
        elif compared:
            ends = measure.delta_interval(self.low, self.high)
            mean = f"{measure.difference(self.mean, signed=True)} of {what} ({ends})"
            significant = "significant" if self.low > 0 or self.high < 0 else "not significant"
            verdict = "not testable" if math.isnan(self.low) else significant
            yield f"Averaged over those in both, the second differs from the first by {mean}: {verdict}."
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

    def to_frame(self) -> "pd.DataFrame":
        """Return one line for each config in both sweeps, with the attributes of `Change` as columns."""
        import pandas as pd

        return pd.DataFrame(self.changes, columns=Change._fields)

    def _repr_html_(self) -> str:
        return html_repr((self.sentence, *self.notes), Change._fields, self.changes)
