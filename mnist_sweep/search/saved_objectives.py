"""The several objectives of a search, kept in its results folder, so that readers of its rows show its Pareto front."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_sweep.system.atomic_files import read_json, write_json
from mnist_sweep.trials import kinds, ranking
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.trials.value_format import Measure, check_objectives

if TYPE_CHECKING:
    import pandas as pd

FILE = "objectives.json"
MAX_BYTES = 1 << 16


def write(folder: Path, names: tuple[str, ...]) -> None:
    """Write the objectives of a search durably into a results folder, unless it has them already; none are ().

    Raises:
        LedgerError: The folder cannot be written, or what it has is damaged.
    """
    if read(folder) != names:
        write_json(folder / FILE, {"names": names}, "list of objectives")


def read(folder: Path) -> tuple[str, ...]:
    """Return the objectives as in `Search`; empty for a sweep without several.

    Raises:
        LedgerError: They are damaged, or cannot be read.
    """
    way_out = "delete it; the next run of the search writes it again"
    return read_json(folder / FILE, _checked, max_bytes=MAX_BYTES, way_out=way_out) or ()


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    if names:
        check_objectives(names, Measure(names[0]))
    return tuple(names)


def with_front(summary: "pd.DataFrame", rows: Iterable[TrialRow], objectives: Sequence[str]) -> "pd.DataFrame":
    """Return the summary of rows with the mean of each cost, and whether no other config beats one in all means."""
    results = ranking.by_config(kinds.of_one_kind(rows)[0])
    for name in objectives[1:]:
        if f"{name}_mean" not in summary:
            means = {config_id: one.mean(name) for config_id, one in results.items()}
            summary[f"{name}_mean"] = summary["config_id"].map(means).astype("float64")
    front = ranking.pareto_front(results.values(), objectives)
    return summary.assign(pareto_front=summary["config_id"].isin(front))
