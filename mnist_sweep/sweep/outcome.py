"""What a run left behind: its rows, the best config, and the same as objects of Optuna and Ray Tune."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.sweep.best_config import BestConfig
from mnist_sweep.text.names import varying
from mnist_sweep.text.numbers import clock, counted
from mnist_sweep.trials.row import Status, TrialRow, status_counts

if TYPE_CHECKING:
    from mnist_sweep.search.race_summary import RaceSummary


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
        """Return the rows as an `optuna.Study`, for its plots and dashboard; see `search.study_export`.

        Several objectives, as `("accuracy", "parameters")`, make a study whose `best_trials` are the Pareto front.
        """
        from mnist_sweep.search import study_export

        return study_export.to_study(self.rows, self.folder.name, objectives)

    def to_result_grid(self) -> Any:
        """Return the rows as a `ray.tune.ResultGrid`; see `runners.ray.result_grid`."""
        from mnist_sweep.runners.ray.result_grid import RowGrid

        return RowGrid(self.rows, self.folder)
