"""Callbacks of Ray Tune that a user gives: what they see of trials whose messages are the runner's own.

A trial has its id and its fields as `trial_id` and `config`, and a folder `tune/<id>` in the run's storage, where
Tune's loggers write; one that runs again shows its whole curve again, and so begins with an empty folder. Each
validation is a result, as is the row, with the test accuracy. There are no checkpoints.
"""

import functools
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ray import tune

from mnist_sweep.results.row_json import from_json
from mnist_sweep.runners.ray.result_grid import metrics_of
from mnist_sweep.runners.ray.run_scheduler import ITERATION
from mnist_sweep.text.causes import first_cause
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.row import Evaluation, Status

FOLDER = "tune"
OF_TUNE = (
    *("time_this_iter_s", "time_total_s", "timestamp", "date", "done"),
    *("pid", "hostname", "node_ip", "experiment_tag"),
)


def cleared_tune_folder(artifacts: Artifacts | None, trial_ids: Iterable[str]) -> Path | None:
    """Delete what callbacks wrote of these trials, which run again; return where such files go.

    None stands for Tune's own folder, with which they end, as where artifacts are on a bucket.
    """
    if artifacts is None or "://" in artifacts.storage:
        return None
    for trial_id in trial_ids:
        shutil.rmtree(Path(artifacts.storage, FOLDER, trial_id), ignore_errors=True)
    return Path(artifacts.storage, FOLDER)


class ShownTrial:
    """One of Tune's trials, under the id and with the fields of ours."""

    def __init__(self, trial: Any, folder: Path | None) -> None:
        spec = json.loads(trial.config["trial"])
        self._trial, self.trial_id, self.config = trial, spec["id"], spec["flat"]
        self.evaluated_params, self.last_result = self.config, dict[str, Any]()
        self._folder = str(folder / self.trial_id) if folder else trial.local_path
        self.has_failed = False

    def __getattr__(self, name: str) -> Any:
        if name == "_trial":  # of a copy, before it has its attributes
            raise AttributeError(name)
        return getattr(self._trial, name)

    def __str__(self) -> str:
        return str(self.trial_id)

    @property
    def local_path(self) -> str:
        """The trial's folder, made when it is asked for: JsonLoggerCallback writes there before `init_local_path`."""
        Path(self._folder).mkdir(parents=True, exist_ok=True)
        return self._folder

    def init_local_path(self) -> None:
        """Leave the folder as it is."""

    def show(self, message: dict[str, Any]) -> bool:
        """Take the last result from a worker's message; return whether there is one."""
        found: dict[str, Any] = {}
        if "timing" in message:  # of a validation
            if message["step"] <= self.last_result.get("step", 0):  # again, since the trial was resumed
                return False
            judged = {name: value for name, value in message.items() if name.startswith("val_")}
            found = {**Evaluation(*message["points"][-1])._asdict(), **judged}
            del found["val_objective"]  # which has its name in `judged`
        elif "row" in message:
            row = from_json(message["row"])
            found, self.has_failed = {"step": row.steps, **metrics_of(row)}, row.status is Status.FAILED
        if found:
            of_tune = {name: message[name] for name in OF_TUNE if name in message}
            found[ITERATION] = self.last_result.get(ITERATION, 0) + 1  # Tune counts messages
            self.last_result = {**of_tune, **found, "trial_id": self.trial_id, "config": self.config}
        return bool(found)


class UserCallback:
    """Passes on to a callback what Tune reports; its first exception is reported by `note`, and none ends the run.

    The trials' folders are in `folder`; None means Tune's own.
    """

    def __init__(self, callback: Any, note: Callable[[str], None], folder: Path | None) -> None:
        self._callback, self._note, self._folder = callback, note, folder
        self._trials: dict[Any, ShownTrial] = {}
        self._has_failed = False

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that is never asked for

    def __getattr__(self, name: str) -> Any:
        if name == "setup" or name.startswith("on_"):
            return functools.partial(self._pass_on, name)
        return getattr(tune.Callback(), name)

    def _pass_on(self, name: str, **info: Any) -> None:
        if "trial" in info:
            shown = info["trial"] = self._shown(info["trial"])
            if "result" in info:
                if not shown.show(info["result"]):
                    return
                info["result"] = dict(shown.last_result)
            if name == "on_trial_complete" and shown.has_failed:
                name = "on_trial_error"
        hook = getattr(self._callback, name)
        if getattr(hook, "__func__", None) is getattr(tune.Callback, name):
            return  # which does nothing
        if "trials" in info:
            info["trials"] = [self._shown(one) for one in info["trials"]]
        try:
            hook(**info)
        except (Exception, SystemExit) as error:  # of the user's code
            name, is_first, self._has_failed = type(self._callback).__name__, not self._has_failed, True
            if is_first:
                self._note(f"the callback {name} failed, the run continues: {first_cause(error)}")

    def _shown(self, trial: Any) -> ShownTrial:
        if trial not in self._trials:
            self._trials[trial] = ShownTrial(trial, self._folder)
        return self._trials[trial]
