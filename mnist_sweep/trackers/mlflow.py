"""Rows as runs of an MLflow server, in the experiment that has the sweep's name.

A run is complete once it is terminated, which is the last request. Runs that broke off before, and those of an older
row of the same trial, are deleted when the row is logged; MLflow keeps deleted runs until `mlflow gc`.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.errors import TrackerError
from mnist_sweep.text.secrets import without_secrets
from mnist_sweep.trackers import run_data
from mnist_sweep.trackers.protocol import cause
from mnist_sweep.trials.row import Status, TrialRow

PREFIX = "mnist_sweep."
STATUSES = {Status.OK: "FINISHED", Status.STOPPED: "KILLED", Status.DIVERGED: "FAILED", Status.FAILED: "FAILED"}
MAX_PAGE, MAX_PARAM, MAX_TAG = 1000, 6000, 5000  # limits of MLflow: runs of an answer, characters of a value
# MLflow retries for minutes by default; the user's own settings win.
TIMEOUTS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
NO_TELEMETRY = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MLflow:
    """An MLflow tracking server.

    Attributes:
        uri: Address of the server, such as `http://127.0.0.1:5000`, or of a store, such as `sqlite:///mlflow.db`.
    """

    uri: str

    def connect(self, sweep: str, folder: Path) -> "Experiment":
        """Return a session for the experiment of a sweep; see `Tracker.connect`."""
        os.environ.update(NO_TELEMETRY | {name: os.environ.get(name, value) for name, value in TIMEOUTS.items()})
        name = f"MLflow at {without_secrets([self.uri])[0]}"
        if "://" not in self.uri:
            raise TrackerError(
                "the address of MLflow must be a URL such as http://127.0.0.1:5000 or sqlite:///mlflow.db, "
                f"but got {self.uri!r}."
            )
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise TrackerError("MLflow's client is not installed: run `pip install 'mnist_sweep[mlflow]'`.") from error
        try:
            client = MlflowClient(self.uri)
            client.search_experiments(max_results=1)
        except MlflowException as error:
            raise TrackerError(f"{name} cannot be reached ({cause(error)}): start it, or correct --mlflow.") from error
        return Experiment(client, sweep, name)


class Experiment:
    """The runs of one sweep on an MLflow server, in the session of an MlflowClient."""

    def __init__(self, client: Any, sweep: str, name: str) -> None:
        self._client, self._sweep, self.name = client, sweep, name
        self._id: str | None = None
        self._runs: dict[str, dict[str, int | None]] = {}  # run id -> start in ms, None if incomplete; by trial id

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        """Return the rows without a complete run; see `Session.lacks`."""
        from mlflow.exceptions import MlflowException

        try:
            self._find_runs()
        except MlflowException as error:
            raise TrackerError(f"{self.name} cannot list its runs ({cause(error)}).") from error
        return [row for row in rows if not self._has(row)]

    def log(self, row: TrialRow, fields: Sequence[str]) -> None:
        """Make the run of a row; see `Session.log`."""
        from mlflow.exceptions import MlflowException

        try:
            self._log(row, fields)
        except MlflowException as error:
            raise TrackerError(cause(error)) from error

    def _find_runs(self) -> None:
        found = self._client.get_experiment_by_name(self._sweep)
        if found is None:
            return
        if found.lifecycle_stage == "deleted":
            raise TrackerError(f"the experiment {self._sweep!r} is deleted on {self.name}: restore it there first.")
        self._id, token = found.experiment_id, ""
        self._runs.clear()
        while token is not None:
            page = self._client.search_runs([self._id], max_results=MAX_PAGE, page_token=token or None)
            for run in page:
                trial_id = run.data.tags.get(f"{PREFIX}trial_id")
                started = run.info.start_time if run.info.status in STATUSES.values() else None
                self._runs.setdefault(trial_id, {})[run.info.run_id] = started
            token = page.token

    def _has(self, row: TrialRow) -> bool:
        started = run_data.milliseconds(row.started) or 0
        return any(other is not None and other >= started for other in self._runs.get(row.trial_id, {}).values())

    def _log(self, row: TrialRow, fields: Sequence[str]) -> None:
        runs = self._runs.setdefault(row.trial_id, {})
        for run_id in list(runs):
            self._client.delete_run(run_id)
            del runs[run_id]
        started = run_data.milliseconds(row.started)
        tags = {f"{PREFIX}{name}": text[:MAX_TAG] for name, text in run_data.tags(row, self._sweep, fields).items()}
        if self._id is None:
            found = self._client.get_experiment_by_name(self._sweep)
            self._id = found.experiment_id if found else self._client.create_experiment(self._sweep)
        name = run_data.run_name(row.config, fields)
        run_id = self._client.create_run(self._id, started, tags, name).info.run_id
        runs[run_id] = None
        self._client.log_batch(
            run_id, params=[*_params(row)], metrics=[*_metrics(row)]
        )  # in as many requests as needed
        ended = None if row.started is None else run_data.milliseconds(row.started + (row.seconds_total or 0.0))
        self._client.set_terminated(run_id, STATUSES[row.status], ended)
        runs[run_id] = started or 0


def _params(row: TrialRow) -> Iterator[Any]:
    from mlflow.entities import Param

    for name, value in run_data.params(row).items():
        yield Param(name, (value if isinstance(value, str) else json.dumps(value))[:MAX_PARAM])


def _metrics(row: TrialRow) -> Iterator[Any]:
    from mlflow.entities import Metric

    started, on_curve = row.started or 0.0, set()
    for point in run_data.curve(row):
        for name, value in point.metrics.items():
            on_curve.add(name)
            yield Metric(name, value, run_data.milliseconds(started + point.seconds), point.step)
    for name, value in run_data.final_metrics(row).items():
        if name not in on_curve:
            yield Metric(name, value, run_data.milliseconds(started + (row.seconds_total or 0.0)), row.steps or 0)
