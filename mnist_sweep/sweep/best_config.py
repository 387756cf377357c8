"""The best config of a sweep: the selected one, with its kept model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.results import saved_race
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.text.names import varying
from mnist_sweep.trials import ranking
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.value_format import Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class BestConfig:
    """The selected config: the one with the best mean value on validation over its seeds.

    Attributes:
        config: Its median seed's trial; the others differ in the seed only.
        values: The fields in which configs of the sweep differ, by name, with their JSON values.
        objective: What it is judged by.
        val: Its mean value on validation.
        test: Its mean value on test; None if it was not measured.
        trial_ids: Ids of its successful trials, best first.
        model: The kept model that is nearest to its median seed's, a `.keras` file; None if it has none.
    """

    config: TrialConfig
    values: Mapping[str, Any]
    objective: Measure
    val: float
    test: float | None
    trial_ids: tuple[str, ...]
    model: Path | None


def best_config(trials: Mapping[str, TrialConfig], folder: ResultsFolder) -> BestConfig | None:
    """Return the best config of a sweep's trials, by id, in its results folder; None if no trial succeeded."""
    rows = [folder.rows[name] for name in trials if name in folder.rows]
    dropped = saved_race.dropped(folder.path, rows)
    results = ranking.selected_first(ranking.by_config(rows).values(), dropped)
    if not results:
        return None
    names = [name for name in varying(row.config for row in rows) if name != "seed"]
    best, models = results[0], folder.ledger.models()
    median, kept = best.median_seed, best.nearest_to_median(models)
    return BestConfig(
        config=trials[median.trial_id],
        values={name: median.config[name] for name in names if name in median.config},
        objective=best.measure,
        val=best.val,
        test=best.test,
        trial_ids=tuple(row.trial_id for row in best.rows),
        model=models[kept.trial_id] if kept else None,
    )
