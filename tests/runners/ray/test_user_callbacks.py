import copy
import csv
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.logger import CSVLoggerCallback, JsonLoggerCallback

from mnist_sweep import RayTune, Softmax, Sweep, TrialConfig, grid, run, trial_id
from mnist_sweep.results.row_json import to_json
from mnist_sweep.runners.ray.user_callbacks import ShownTrial, UserCallback, cleared_tune_folder
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.events import Notice
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import POINT, MakeRow
from tests.runners.users_models import Ending
from tests.sweep.conftest import Events

BASE = TrialConfig(model=Softmax(), num_steps=4, evaluate_every=2)


class Recording(tune.Callback):  # type: ignore[misc]  # Ray brings no types
    """A callback that writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def setup(self, **info: Any) -> None:
        self.heard.append("setup")

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
        self.heard.append((str(trial), result["step"], result["val_accuracy"], result.get("test_accuracy")))
        assert trial.config["batch_size"] == result["config"]["batch_size"]
        assert result["training_iteration"] == 1 + len([one for one in self.heard if one[0] == str(trial)][:-1])
        assert all(one.status in ("PENDING", "RUNNING", "TERMINATED") for one in trials)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        self.heard.append((trial.trial_id, trial.last_result["status"]))

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        self.heard.append((trial.trial_id, "failed"))


class Failing(tune.Callback):  # type: ignore[misc]  # Ray brings no types
    def on_trial_result(self, **info: Any) -> None:
        raise LookupError("no such table")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_callbacks_of_tune_see_trials_as_the_sweep_names_them_and_cannot_end_a_run(tmp_path: Path) -> None:
    recording, events = Recording(), Events()
    callbacks = [Failing(), recording, CSVLoggerCallback(), JsonLoggerCallback()]
    trials = grid(BASE, {"batch_size": [10, 20]})
    runner = RayTune(callbacks=callbacks)
    outcome = run(Sweep(name="heard", trials=trials), results=tmp_path, runner=runner, listeners=[events])
    assert outcome.complete
    assert recording.heard[0] == "setup"
    for row in outcome.rows:
        curve = [(row.trial_id, point.step, point.val_accuracy, None) for point in row.history]
        whole = [*curve, (row.trial_id, row.steps, row.val_accuracy, row.test_accuracy), (row.trial_id, "ok")]
        assert [one for one in recording.heard if one[0] == row.trial_id] == whole
        folder = outcome.folder / "tune" / row.trial_id
        with (folder / "progress.csv").open() as file:
            assert [float(line["val_accuracy"]) for line in csv.DictReader(file)][:2] == [one[2] for one in curve]
        assert json.loads((folder / "params.json").read_text()) == row.config
    failures = [event.text for event in events.of(Notice) if "Failing" in event.text]
    assert len(failures) == 1
    assert failures[0].startswith("the callback Failing failed, the run continues: LookupError: no such table (test_")


@pytest.mark.usefixtures("ray_session")
@pytest.mark.slow
def test_a_failed_trial_is_an_error_for_a_callback(tmp_path: Path) -> None:
    recording = Recording()
    trial = TrialConfig(model=Ending("raise"), num_steps=4, evaluate_every=2)
    outcome = run(Sweep(name="failed", trials=[trial]), results=tmp_path, runner=RayTune(callbacks=[recording]))
    assert outcome.num_failed == 1
    assert recording.heard[-1] == (outcome.rows[0].trial_id, "failed")


def test_files_of_callbacks_go_to_the_storage_if_that_is_a_folder(tmp_path: Path) -> None:
    assert cleared_tune_folder(Artifacts(storage=str(tmp_path)), ["new"]) == tmp_path / "tune"
    assert cleared_tune_folder(Artifacts(storage="s3://bucket/sweep"), ["new"]) is None
    assert cleared_tune_folder(None, ["new"]) is None


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_a_trial_that_runs_again_is_logged_once(tmp_path: Path) -> None:
    trials = grid(BASE, {"batch_size": [10, 20]})
    kept, again = (tmp_path / "heard" / "tune" / trial_id(trial) / "progress.csv" for trial in trials)
    for _ in range(2):
        outcome = run(
            Sweep(name="heard", trials=trials), results=tmp_path, runner=RayTune(callbacks=[CSVLoggerCallback()])
        )
        assert [len(path.read_text().splitlines()) for path in (kept, again)] == [4, 4]
        (outcome.folder / "rows" / f"{again.parent.name}.json").unlink()


def test_what_a_callback_does_not_hear_costs_nothing() -> None:
    silent = UserCallback(tune.Callback(), print, None)
    silent.on_step_begin(iteration=1, trials=None)
    assert silent.get_state() is None


class OnlyErrors(tune.Callback):  # type: ignore[misc]  # Ray brings no types
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        self.heard.append((trial.trial_id, trial.last_result["status"]))


class OneOfTune:
    checkpoint = None

    def __init__(self, row: TrialRow) -> None:
        self.config, self.local_path = {"trial": json.dumps({"id": row.trial_id, "flat": dict(row.config)})}, ""


def test_a_logger_of_json_has_a_folder_without_another_logger(make_row: MakeRow, tmp_path: Path) -> None:
    row = make_row(BASE)
    logger, shown = JsonLoggerCallback(), ShownTrial(OneOfTune(row), tmp_path)
    logger.log_trial_start(shown)
    logger.log_trial_end(shown)
    assert json.loads((tmp_path / row.trial_id / "params.json").read_text()) == row.config


def test_a_validation_that_a_resumed_trial_repeats_is_shown_once(make_row: MakeRow) -> None:
    shown = ShownTrial(OneOfTune(make_row(BASE)), None)
    points = [list(POINT._replace(step=step)) for step in (50, 100, 50, 100, 150)]
    results: list[dict[str, Any]] = [{"points": [point], "step": point[0], "timing": {}} for point in points]
    assert [shown.show(result) for result in results] == [True, True, False, False, True]


def test_a_result_names_the_value_that_trials_are_judged_by_and_no_other_objective(make_row: MakeRow) -> None:
    for judged in ({"val_accuracy": 0.5}, {"val_rmse": 2.0}):
        shown = ShownTrial(OneOfTune(make_row(BASE)), None)
        point = POINT._replace(val_accuracy=judged.get("val_accuracy"), val_objective=judged.get("val_rmse"))
        assert shown.show({"points": [list(point)], "step": point.step, "timing": {}, **judged})
        assert "val_objective" not in shown.last_result  # loggers warn of a None, or make a column of it
        assert judged.items() <= shown.last_result.items()


def test_a_trial_that_a_callback_sees_can_be_copied_and_pickled(make_row: MakeRow) -> None:
    shown = ShownTrial(OneOfTune(make_row()), None)
    for copied in (copy.copy(shown), copy.deepcopy(shown), pickle.loads(pickle.dumps(shown))):
        assert (str(copied), copied.config, copied.local_path) == (shown.trial_id, shown.config, "")


@pytest.mark.parametrize("status", [Status.OK, Status.FAILED])
def test_a_callback_of_errors_alone_hears_of_failed_trials(make_row: MakeRow, status: Status) -> None:
    row, callback = make_row(status=status), OnlyErrors()
    passing, trial = UserCallback(callback, print, None), OneOfTune(row)
    passing.on_trial_result(iteration=1, trials=[trial], trial=trial, result={"row": to_json(row), "done": True})
    passing.on_trial_complete(iteration=1, trials=[trial], trial=trial)
    assert callback.heard == ([(row.trial_id, "failed")] if status is Status.FAILED else [])
