"""Two sweeps side by side: which configs are in one, the other, or both, and how far apart their accuracies are."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mnist_sweep.results.frames import ID_COLUMNS, RESULT_COLUMNS, parse_cell
from mnist_sweep.statistics.intervals import half_width_of_mean, within
from mnist_sweep.text.names import label, varying
from mnist_sweep.text.numbers import counted, interval, percent, points
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.table import Table

FALSE_DISCOVERIES = 0.05
NUM_SHOWN = 20
SMALLEST_CHANGE = 1e-9
ONE_SEED = "Configs with one seed in common have no interval of their own: `--seeds 3` or more gives one."
NO_SEED = "Configs with no seed that ended well in both sweeps have no difference."


class Change(NamedTuple):
    """How far a config's accuracy in the second sweep is from that in the first.

    Attributes:
        config_id: The config.
        label: What sets it apart from the other configs, for people.
        n: Seeds that ended well in both sweeps.
        mean_a: Mean accuracy over those seeds in the first sweep; NaN if there are none.
        mean_b: The same in the second.
        difference: Mean accuracy in the second less that in the first.
        low: Lower end of its 95% t-interval, paired over seeds; NaN where n is below 2, or where
            all seeds differ by the same amount, which leaves nothing to judge by.
        high: Upper end of it.
        shown: Whether it is a difference, at a false discovery rate of 5% over all configs (Benjamini and Hochberg
            1995).
    """

    config_id: str
    label: str
    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Two sweeps, compared config by config.

    Attributes:
        only_a: Configs of the first sweep alone, in the order of its table.
        only_b: Configs of the second sweep alone.
        both: Those of both, the largest change first.
        mean: Mean change of the configs that have one, each counted once; NaN if none has.
        low: Lower end of its 95% t-interval over configs; NaN where there are fewer than two, or all change by the same
            amount, which leaves nothing to judge by.
        high: Upper end of it.
        measure: What is compared, `val_accuracy` or `test_accuracy`.
        sentence: The conclusion.
        notes: What it does not cover.
    """

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    both: tuple[Change, ...]
    mean: float
    low: float
    high: float
    measure: str
    sentence: str
    notes: tuple[str, ...]


def diff(
    a: "pd.DataFrame", b: "pd.DataFrame", *, measure: Literal["val_accuracy", "test_accuracy"] = "val_accuracy"
) -> Diff:
    """Return two sweeps compared config by config, over the seeds that ended well in both.

    Args:
        a: Trials of the first sweep, as `read_trials` or `trials_frame` give them.
        b: Trials of the second one.
        measure: What is compared.
    """
    ids_a, ids_b = dict.fromkeys(a["config_id"]), dict.fromkeys(b["config_id"])
    both = tuple(_changes(a, b, [name for name in ids_a if name in ids_b], measure))
    mean, low, high = _mean([change.difference for change in both if change.n])
    found = Diff(
        only_a=tuple(name for name in ids_a if name not in ids_b),
        only_b=tuple(name for name in ids_b if name not in ids_a),
        both=both,
        mean=mean,
        low=low,
        high=high,
        measure=measure,
        sentence="",
        notes=tuple(_notes(both)),
    )
    return replace(found, sentence=" ".join(_sentences(found)))


def show(found: Diff, console: "Console") -> None:
    """Print the conclusion, the largest changes, and the configs that only one sweep has."""
    from rich.text import Text

    console.print(Text(found.sentence), soft_wrap=True)
    changed = [change for change in found.both if change.n and change.difference]
    if changed:
        console.print(_table(changed[:NUM_SHOWN]))
    if len(changed) > NUM_SHOWN:
        console.print(f"and {counted(len(changed) - NUM_SHOWN, 'smaller change')}")
    for names, which in ((found.only_a, "first"), (found.only_b, "second")):
        if names:
            console.print(Text(f"only in the {which}: {', '.join(_first(names))}"), soft_wrap=True)
    for note in found.notes:
        console.print(Text(note), soft_wrap=True)


def _changes(a: "pd.DataFrame", b: "pd.DataFrame", ids: list[str], measure: str) -> list[Change]:
    """Return the changes of configs, the largest first."""
    import numpy as np

    pairs = _good(a, measure).merge(_good(b, measure), on=["config_id", "seed"], suffixes=("_a", "_b"))
    pairs["change"] = pairs[f"{measure}_b"] - pairs[f"{measure}_a"]
    groups = pairs.groupby("config_id")
    means = groups[[f"{measure}_a", f"{measure}_b", "change"]].mean().reindex(ids)
    n, std = groups.size().reindex(ids, fill_value=0).to_numpy(), groups["change"].std(ddof=1).reindex(ids).to_numpy()
    mean = means["change"].to_numpy(np.float64)
    half = np.where((std > SMALLEST_CHANGE) | (mean == 0), half_width_of_mean(std, n), np.nan)
    labels = _labels(a, b)
    figures = zip(ids, n, means[f"{measure}_a"], means[f"{measure}_b"], mean, half, _shown(mean, std, n), strict=True)
    changes = [
        Change(name, labels[name], int(num), one, other, change, *within(change - width, change + width), bool(shown))
        for name, num, one, other, change, width, shown in figures
    ]
    return sorted(changes, key=lambda change: (not change.n, -abs(change.difference), change.config_id))


def _good(trials: "pd.DataFrame", measure: str) -> "pd.DataFrame":
    found: pd.DataFrame = trials.loc[trials["status"] == Status.OK.value, ["config_id", "seed", measure]].dropna()
    return found


def _shown(mean: "NDArray[Any]", std: "NDArray[Any]", n: "NDArray[Any]") -> "NDArray[np.bool_]":
    """Return which mean changes are differences: bool `[num_configs]`; none is without any variation to judge by."""
    import numpy as np
    from scipy.stats import false_discovery_control, t

    shown, tested = np.zeros(len(mean), np.bool_), (n > 1) & (std > SMALLEST_CHANGE)
    if tested.any():
        ratio = np.abs(mean[tested]) * np.sqrt(n[tested]) / std[tested]
        shown[tested] = false_discovery_control(2 * t.sf(ratio, n[tested] - 1)) <= FALSE_DISCOVERIES
    return shown


def _labels(*frames: "pd.DataFrame") -> dict[str, str]:
    """Return what sets each config apart from the others of all these trials."""
    import pandas as pd

    flats: dict[str, dict[str, Any]] = {}
    for frame in frames:
        table = frame.drop_duplicates("config_id").set_index("config_id")
        table = table[[name for name in table.columns if name not in ID_COLUMNS | RESULT_COLUMNS]]
        for config_id, values in zip(table.index, table.astype(object).to_numpy(), strict=True):
            cells = zip(table.columns, values, strict=True)
            given = {name: parse_cell(cell) for name, cell in cells if not pd.isna(cell)}
            flats.setdefault(str(config_id), given)
    names = varying(flats.values())
    return {config_id: label(flat, names) for config_id, flat in flats.items()}


def _mean(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of the differences of configs, and the ends of its 95% t-interval."""
    import numpy as np

    if not differences:
        return math.nan, math.nan, math.nan
    mean, num = float(np.mean(differences)), len(differences)
    std = float(np.std(differences, ddof=1)) if num > 1 else math.nan
    half = float(half_width_of_mean(std, num)) if std > SMALLEST_CHANGE or mean == 0 else math.nan
    return mean, *within(mean - half, mean + half)


def _sentences(found: Diff) -> Iterator[str]:
    yield (
        f"{counted(len(found.both), 'config')} in both, {len(found.only_a):,} only in the first, "
        f"{len(found.only_b):,} only in the second."
    )
    compared = [change for change in found.both if change.n]
    split = {"val_accuracy": "validation", "test_accuracy": "test"}[found.measure]
    if compared and not any(change.difference for change in compared):
        yield f"Those in both have the same mean accuracy on {split}, to the last digit."
    elif compared:
        verdict = "a difference" if found.low > 0 or found.high < 0 else "no difference shown"
        yield (
            f"Over those in both, the second is {points(found.mean, signed=True)} points from the first on {split} "
            f"({interval(found.low, found.high)}): {verdict}."
        )
    several = [change for change in compared if change.n > 1 and change.difference]
    if several:
        yield f"Config by config, {sum(change.shown for change in several):,} of {len(several):,} are shown to differ."


def _notes(both: Sequence[Change]) -> Iterator[str]:
    if any(change.n == 0 for change in both):
        yield NO_SEED
    if any(change.n == 1 and change.difference for change in both):
        yield ONE_SEED


def _table(changes: Sequence[Change]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("config", no_wrap=True)
    for name in ("n", "first", "second", "difference", "95% interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("setting", overflow="fold")
    for change in changes:
        ends = f"{points(change.low)} to {points(change.high)}" if change.low == change.low else ""
        figures = percent(change.mean_a), percent(change.mean_b), points(change.difference, signed=True), ends
        style = "bold" if change.shown else ""
        table.add_row(change.config_id, str(change.n), *figures, Text(change.label), style=style)
    return table


def _first(names: Sequence[str]) -> list[str]:
    return [*names[:NUM_SHOWN], *[f"{len(names) - NUM_SHOWN:,} more"] * (len(names) > NUM_SHOWN)]
