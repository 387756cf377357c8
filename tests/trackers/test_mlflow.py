"""Laws of rows as MLflow runs, on a real server with its SQLite store."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Local, MLflow, Status, TrialConfig, run
from mnist_sweep.errors import TrackerError
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.trackers.mlflow import NO_TELEMETRY
from mnist_sweep.trials.artifacts import Artifacts
from tests.conftest import Refused
from tests.trackers.conftest import MakeSweep, run_here

START_SECONDS = 120.0
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Server:
    """An MLflow server that can go away and come back with the same runs."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tracker(self) -> MLflow:
        return MLflow(uri=self.uri)

    def start(self) -> None:
        self.stop()
        store = f"sqlite:///{self.folder / 'mlflow.db'}"
        options = {"backend-store-uri": store, "host": "127.0.0.1", "port": str(self.port), "workers": "1"}
        command = [sys.executable, "-m", "mlflow", "server", *(f"--{name}={value}" for name, value in options.items())]
        settings = {**os.environ, **NO_TELEMETRY, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=settings, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_well():
            told = (self.folder / "log").read_text()[-2000:]
            assert self.process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.2)

    def is_well(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None

    def ask(self, what: str, **given: Any) -> Any:
        """Return what the REST API answers."""
        request = urllib.request.Request(f"{self.uri}/api/2.0/mlflow/{what}", json.dumps(given).encode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """Return step and value of each point of a metric."""
        query = urllib.parse.urlencode({"run_id": run_id, "metric_key": metric})
        with urllib.request.urlopen(f"{self.uri}/api/2.0/mlflow/metrics/get-history?{query}", timeout=30) as answer:
            return [(int(item["step"]), item["value"]) for item in json.load(answer)["metrics"]]

    def runs(self, experiment: str) -> dict[str, list[dict[str, Any]]]:
        """Return the runs of an experiment by the trial that they are of."""
        found = self.ask("experiments/search", max_results=100, filter=f"name = '{experiment}'").get("experiments", [])
        runs: dict[str, list[dict[str, Any]]] = {}
        for one in self.ask("runs/search", experiment_ids=[one["experiment_id"] for one in found]).get("runs", []):
            runs.setdefault(pairs(one["data"]["tags"])["mnist_sweep.trial_id"], []).append(one)
        return runs


def pairs(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in items}


def run_ids(runs: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {trial: [one["info"]["run_id"] for one in of_trial] for trial, of_trial in runs.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for package in ("mlflow", "aiohttp", "alembic", "flask", "flask_cors", "sqlalchemy"):
        pytest.importorskip(package, reason=f"MLflow's server needs {package}: pip install -e '.[test-all]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(tmp_path_factory.mktemp("mlflow"), free.getsockname()[1])
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_every_row_is_a_run_with_its_config_its_curve_and_its_results(
    server: Server, tmp_path: Path, make_sweep: MakeSweep
) -> None:
    outcome = run_here(make_sweep("whole"), tmp_path, server.tracker)
    runs = server.runs("whole")
    assert (outcome.unsent, sorted(runs)) == ((), sorted(row.trial_id for row in outcome.rows))
    for row in outcome.rows:
        [one] = runs[row.trial_id]
        params = pairs(one["data"]["params"])
        texts = {name: value for name, value in row.config.items() if isinstance(value, str)}
        assert texts.items() <= params.items()
        assert json.loads(params["optimizer.learning_rate"]) == row.config["optimizer.learning_rate"]
        metrics = pairs(one["data"]["metrics"])
        for name in ("val_accuracy", "val_loss", "test_accuracy", "train_loss", "parameters", "seconds_total"):
            assert metrics[name] == getattr(row, name)
        for name in ("train_loss", "val_accuracy", "learning_rate"):
            points = [(point.step, getattr(point, name)) for point in row.history]
            assert server.history(one["info"]["run_id"], name) == points
        tags = pairs(one["data"]["tags"])
        assert {tags[f"mnist_sweep.{name}"] for name in ("sweep", "status", "version")} == {"whole", "ok", row.version}
        settings = f"learning_rate={row.config['optimizer.learning_rate']}"
        assert (one["info"]["run_name"], tags["mnist_sweep.config"]) == (settings, f"{settings} {row.config_id}")
        assert one["info"]["status"] == "FINISHED"
        assert one["info"]["end_time"] >= one["info"]["start_time"] == round(1000 * (row.started or 0))


def test_a_second_run_and_a_longer_axis_log_no_trial_twice(
    server: Server, tmp_path: Path, make_sweep: MakeSweep
) -> None:
    run_here(make_sweep("twice"), tmp_path, server.tracker)
    before = run_ids(server.runs("twice"))
    run_here(make_sweep("twice"), tmp_path, server.tracker)
    assert run_ids(server.runs("twice")) == before
    run_here(make_sweep("twice", [0.05, 0.1, 0.2, 0.4]), tmp_path, server.tracker)
    after = run_ids(server.runs("twice"))
    assert (len(after), before.items() <= after.items()) == (4, True)


def test_rows_from_before_the_tracker_was_asked_for_are_logged(
    server: Server, tmp_path: Path, make_sweep: MakeSweep
) -> None:
    first = run_here(make_sweep("before"), tmp_path)
    again = run_here(make_sweep("before"), tmp_path, server.tracker)
    assert (again.num_run, again.unsent) == (0, ())
    assert sorted(server.runs("before")) == sorted(row.trial_id for row in first.rows)


def test_a_row_that_is_run_again_takes_the_place_of_its_run(
    server: Server, tmp_path: Path, make_sweep: MakeSweep, fickle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep("again", [0.1], model=[fickle()])
    run_here(sweep, tmp_path, server.tracker)
    [[failed]] = server.runs("again").values()
    assert failed["info"]["status"] == "FAILED"
    assert "not today" in pairs(failed["data"]["tags"])["mnist_sweep.error"]
    monkeypatch.setattr(fickle, "fails", False)
    run_here(sweep, tmp_path, server.tracker, retry=[Status.FAILED])
    [[ok]] = server.runs("again").values()
    assert (ok["info"]["status"], pairs(ok["data"]["tags"])["mnist_sweep.status"]) == ("FINISHED", "ok")


def test_a_run_that_broke_off_is_replaced_by_a_whole_one(server: Server, tmp_path: Path, make_sweep: MakeSweep) -> None:
    sweep = make_sweep("broken", [0.1])
    row = run_here(sweep, tmp_path).rows[0]
    experiment = server.ask("experiments/create", name="broken")["experiment_id"]
    tags = [{"key": "mnist_sweep.trial_id", "value": row.trial_id}]
    server.ask("runs/create", experiment_id=experiment, start_time=round(1000 * (row.started or 0)), tags=tags)
    run_here(sweep, tmp_path, server.tracker)
    [[whole]] = server.runs("broken").values()
    assert whole["info"]["status"] == "FINISHED"
    assert pairs(whole["data"]["metrics"])["test_accuracy"] == row.test_accuracy


def test_a_server_that_goes_away_loses_no_row_and_gets_the_rest_from_the_same_command(
    server: Server, tmp_path: Path, make_sweep: MakeSweep
) -> None:
    class Outage:
        """The local runner; the server is stopped after the first trial has its run."""

        def run(
            self,
            trials: Mapping[str, TrialConfig],
            datasets: Mapping[Any, Any],
            observer: Observer,
            *,
            num_proposals: int = 0,
            code: Sequence[Path] = (),
            artifacts: Artifacts | None = None,
        ) -> None:
            first, *others = trials
            Local(in_process=True).run({first: trials[first]}, datasets, observer, artifacts=artifacts)
            while not any(one["info"]["status"] == "FINISHED" for [one] in server.runs("outage").values()):
                time.sleep(0.1)
            server.stop()
            Local(in_process=True).run({name: trials[name] for name in others}, datasets, observer, artifacts=artifacts)

    try:
        outcome = run(make_sweep("outage"), results=tmp_path, runner=Outage(), listeners=[server.tracker])
    finally:
        server.start()
    assert (outcome.complete, outcome.num_run) == (True, 3)
    [line] = outcome.unsent
    assert "lacks 2 trials" in line
    assert "the same command sends the rest" in line
    before = run_ids(server.runs("outage"))
    assert len(before) == 1
    again = run_here(make_sweep("outage"), tmp_path, server.tracker)
    after = run_ids(server.runs("outage"))
    assert (again.num_run, again.unsent, before.items() <= after.items()) == (0, (), True)
    assert [len(runs) for runs in after.values()] == [1, 1, 1]


def test_a_server_that_is_not_there_stops_the_sweep_before_anything_is_written(
    tmp_path: Path, make_sweep: MakeSweep, refused: Refused
) -> None:
    pytest.importorskip("mlflow")
    with refused(TrackerError, f"MLflow at {NOWHERE} cannot be reached", "Connection refused"):
        run_here(make_sweep("none"), tmp_path / "results", MLflow(uri=NOWHERE))
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_in_one_line_that_the_server_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    quickstart = Path(__file__).parents[2] / "sweeps" / "quickstart.py"
    address = "http://user:hush@127.0.0.1:9"
    command = [sys.executable, "-m", "mnist_sweep", "run", str(quickstart), "--runner", "local", "--mlflow", address]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1), ended.stderr
    assert ended.stderr.startswith("error: MLflow at http://***@127.0.0.1:9 cannot be reached")
    assert "hush" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["", "mlruns", "127.0.0.1:5000"])
def test_what_is_no_address_is_refused(uri: str, tmp_path: Path, refused: Refused) -> None:
    with refused(TrackerError, "http://127.0.0.1:5000", repr(uri)):
        MLflow(uri=uri).connect("any", tmp_path)


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with refused(TrackerError, "pip install 'mnist_sweep[mlflow]'"):
        MLflow(uri=NOWHERE).connect("any", tmp_path)


def test_no_telemetry_is_sent(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    code = f"""
from pathlib import Path
from mnist_sweep import MLflow
from mnist_sweep.errors import TrackerError
try:
    MLflow(uri={NOWHERE!r}).connect("any", Path())
except TrackerError:
    from mlflow.telemetry import get_telemetry_client
    print(get_telemetry_client())
"""
    outside = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_CURRENT_TEST"}}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=outside, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "None"
