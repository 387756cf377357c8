"""What a run left behind: its rows, the best config, and the same as objects of Optuna and Ray Tune."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.results import saved_race
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.text.names import varying
from mnist_sweep.text.numbers import clock, counted
from mnist_sweep.trials import ranking
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.measure import Measure
from mnist_sweep.trials.row import Status, TrialRow, status_counts

if TYPE_CHECKING:
    from mnist_sweep.search.race_summary import RaceSummary


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind.

    Attributes:
        folder: The sweep's results folder.
        rows: Rows of the sweep's trials, in their order; a trial without one is left out.
        num_trials: Trials of the sweep.
        num_run: Trials that this run ran.
        seconds: Wall time of this run, in seconds.
        out_of_time: Whether its time budget ended it.
        unsent: One line for each tracker that lacks rows: how many, why, and what to do.
        best: The selected config of these rows, with its kept model; None if no trial succeeded.
        race: What a run with `until` has decided; None for other runs.
    """

    folder: Path
    rows: tuple[TrialRow, ...] = field(metadata={"json": False})
    num_trials: int
    num_run: int
    seconds: float
    out_of_time: bool = False
    unsent: tuple[str, ...] = ()
    best: BestConfig | None = None
    race: "RaceSummary | None" = None

    @property
    def complete(self) -> bool:
        """Whether every trial has a row and none failed."""
        return len(self.rows) == self.num_trials and not self.num_failed

    @property
    def num_failed(self) -> int:
        """Trials that failed."""
        return sum(row.status is Status.FAILED for row in self.rows)

    @property
    def _summary(self) -> str:
        """What there is, in one line."""
        ran = f"ran {self.num_run:,} in {clock(self.seconds)}"
        return f"{counted(self.num_trials, 'trial')}: {status_counts(self.rows)}; {ran}"

    def __repr__(self) -> str:
        return f"<Outcome in {self.folder}: {self._summary}>"

    def _repr_html_(self) -> str:
        from mnist_sweep.sweep import notebook

        fields = varying(row.config for row in self.rows)
        sentences = [f"{self._summary}; in {self.folder}/", *self.unsent, *(self.race.sentences if self.race else ())]
        return notebook.outcome(self.rows, sentences, fields, self.race.dropped if self.race else ())

    def to_study(self, objectives: Sequence[str] = ()) -> Any:
        """Return the rows as an `optuna.Study`, for its plots and dashboard; see `search.optuna_study`.

        Several objectives, as `("accuracy", "parameters")`, make a study whose `best_trials` are the Pareto front.
        """
        from mnist_sweep.search import optuna_study

        return optuna_study.to_study(self.rows, self.folder.name, objectives)

    def to_result_grid(self) -> Any:
        """Return the rows as a `ray.tune.ResultGrid`; see `runners.ray.result_grid`."""
        from mnist_sweep.runners.ray.result_grid import RowGrid

        return RowGrid(self.rows, self.folder)


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
