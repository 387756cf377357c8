"""The rows of a sweep as Ray Tune's `ResultGrid`, for scripts that read one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pyarrow.fs import LocalFileSystem
from ray.tune import Result, ResultGrid, TuneError

from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.trials.value_format import ACCURACY

RESULTS = ("val_loss", "train_loss", "steps", "parameters", "seconds_total")
Mode = Literal["min", "max"]


class RowGrid(ResultGrid):
    """A result for each row, without an experiment of Tune behind it.

    `metrics` hold the results of the row, its ids and status, and its flat form as `config`; `metrics_dataframe` is the
    learning curve, `error` the cause of a failure. There are no checkpoints: kept models are in `models/`.
    """

    def __init__(self, rows: Sequence[TrialRow], folder: Path) -> None:
        self._results, self._folder = [_result(row, folder) for row in rows], folder
        self._measure = rows[0].measure if rows else ACCURACY

    def get_best_result(
        self,
        metric: str | None = None,
        mode: Mode | None = None,
        scope: str = "last",
        filter_nan_and_inf: bool = True,
    ) -> Result:
        """Return the result with the best metric, by default the value on validation that trials are judged by.

        Raises:
            ValueError: The scope is neither `last` (the row) nor `all` (also every point of the learning curve), or the
                metric is another one and comes without a mode.
            RuntimeError: No result has the metric.
        """
        if scope not in ("last", "all"):
            raise ValueError(f"`scope` must be last or all, but got {scope!r}.")
        metric = metric or self._measure.val
        mode = mode or self._mode(metric)
        values = self.get_dataframe(metric if scope == "all" else None, mode).get(metric)
        if values is None or not values.notna().any():
            raise RuntimeError(f"no result has a value of {metric!r}.")
        return self[values.argmin() if mode == "min" else values.argmax()]

    def get_dataframe(self, filter_metric: str | None = None, filter_mode: Mode | None = None) -> pd.DataFrame:
        """Return a line for each result, with its curve's point of the best `filter_metric` if that is given.

        Raises:
            ValueError: As raised by `get_best_result`.
        """
        if filter_metric:
            filter_mode = filter_mode or self._mode(filter_metric)
        lines = []
        for one in self._results:
            curve, point = one.metrics_dataframe, {}
            if filter_metric in curve and curve[filter_metric].notna().any():
                column = curve[filter_metric]
                point = curve.loc[column.idxmin() if filter_mode == "min" else column.idxmax()].to_dict()
            lines.append({**one.metrics, **point})
        return pd.json_normalize(lines, sep="/", max_level=1)

    def _mode(self, metric: str) -> Mode:
        """Return which way a metric is better, which is known of what trials are judged by."""
        if metric not in (self._measure.val, self._measure.test):
            raise ValueError(f"state the mode of {metric!r}, max or min: trials are judged by {self._measure.val}.")
        return self._measure.mode

    @property
    def experiment_path(self) -> str:
        """The results folder."""
        return str(self._folder)

    @property
    def filesystem(self) -> LocalFileSystem:
        """The file system of the results folder."""
        return LocalFileSystem()

    @property
    def num_errors(self) -> int:
        """Number of failed trials."""
        return len(self.errors)

    @property
    def num_terminated(self) -> int:
        """Number of the others."""
        return len(self) - self.num_errors


def metrics_of(row: TrialRow) -> dict[str, Any]:
    """Return the results of a row, its ids, status and flat form."""
    metrics = {row.measure.val: row.val, row.measure.test: row.test}
    metrics |= {name: getattr(row, name) for name in RESULTS}
    names = {"trial_id": row.trial_id, "config_id": row.config_id, "status": row.status.value}
    return {**metrics, **names, "config": dict(row.config)}


def _result(row: TrialRow, folder: Path) -> Result:
    failure = TuneError(row.error or "no cause recorded") if row.status is Status.FAILED else None
    return Result(
        metrics=metrics_of(row),
        checkpoint=None,
        error=failure,
        path=str(folder),
        metrics_dataframe=_curve(row),
        best_checkpoints=[],
        _storage_filesystem=LocalFileSystem(),
    )


def _curve(row: TrialRow) -> pd.DataFrame:
    frame = pd.DataFrame(row.history, columns=Evaluation._fields)
    own = {"val_objective": row.measure.val}
    return frame.rename(columns=own) if row.objective else frame.drop(columns=[*own])
