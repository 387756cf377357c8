"""Rows as runs of a project on Weights & Biases.

A run's id consists of the trial's id and the row's start time, so no row can have two runs in a project. Which rows
have one is recorded in the results folder: W&B keeps a folder for each run in `wandb/`, online and offline, and a file
`whole` there says that the run is complete, and in which project. A file of an older version names no project; its row
is sent once more. `WANDB_MODE=offline` needs neither an account nor a network; `wandb sync` uploads such runs.
"""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep.errors import ConfigError, TrackerError
from mnist_sweep.trackers import run_data
from mnist_sweep.trackers.protocol import cause
from mnist_sweep.trials.row import Status, TrialRow

FOLDER, COMPLETE = "wandb", "whole"
LOGIN_SECONDS = 10
# W&B gets no reports of its own errors, and nothing about this machine and process besides the row.
NO_TELEMETRY = {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
NO_CODE = {"disable_code": True, "disable_git": True, "save_code": False, "x_save_requirements": False}
NO_MACHINE = {"host": "", "x_disable_machine_info": True, "x_disable_meta": True, "x_disable_stats": True}
NO_OUTPUT = {"console": "off", "silent": True}
TIMEOUTS = {"init_timeout": 20.0, "finish_timeout": 30.0, "finish_timeout_raises": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class WandB:
    """A project on Weights & Biases.

    Attributes:
        project: Name of the project: 1 to 128 characters, without slashes, colons, `#`, `?` and `%`.
    """

    project: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^/\\#?%:\r\n]{1,128}", self.project):
            raise ConfigError(
                "the name of a W&B project must have 1 to 128 characters, none of them one of /\\#?%:, "
                f"but got {self.project!r}."
            )

    def connect(self, sweep: str, folder: Path) -> "Project":
        """Return a session for a sweep in the project; see `Tracker.connect`."""
        os.environ.update(NO_TELEMETRY)
        try:
            import wandb
        except ImportError as error:
            raise TrackerError(
                "the client of Weights & Biases is not installed: run `pip install 'mnist_sweep[wandb]'`."
            ) from error
        mode = wandb.setup().settings.mode
        if mode == "disabled":
            raise TrackerError("Weights & Biases is disabled: set WANDB_MODE to online or offline, or omit --wandb.")
        if mode != "offline":
            try:
                wandb.login(verify=True, timeout=LOGIN_SECONDS)
            except wandb.errors.Error as error:
                raise TrackerError(
                    f"Weights & Biases cannot be used ({cause(error)}); WANDB_MODE=offline needs neither an account "
                    "nor a network."
                ) from error
        return Project(self.project, sweep, folder)


class Project:
    """The runs of one sweep in a project: a config is a group, the sweep their job type; `folder` holds the results."""

    def __init__(self, project: str, sweep: str, folder: Path) -> None:
        self._project, self._sweep, self._folder = project, sweep, folder
        self.name = f"W&B project {project}"

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        """Return the rows without a complete run; see `Session.lacks`."""
        files = self._folder.glob(f"{FOLDER}/*run-*/{COMPLETE}")
        complete = {_id_of(path.parent) for path in files if path.read_bytes() == self._project.encode()}
        return [row for row in rows if run_id(row) not in complete]

    def log(self, row: TrialRow, fields: Sequence[str]) -> None:
        """Make the run of a row; see `Session.log`."""
        import wandb

        try:
            for path in self._folder.glob(f"{FOLDER}/*run-*"):
                if _id_of(path) == run_id(row) and not (path / COMPLETE).exists():
                    shutil.rmtree(path)
            tags = run_data.tags(row, self._sweep, fields)
            run = wandb.init(
                project=self._project,
                id=run_id(row),
                name=run_data.run_name(row.config, fields),
                group=tags["config"],
                job_type=self._sweep,
                tags=[row.status.value],
                config=run_data.params(row),
                dir=self._folder,
                reinit="create_new",
                resume="allow",
                settings=wandb.Settings(**NO_CODE, **NO_MACHINE, **NO_OUTPUT, **TIMEOUTS),
            )
            for point in run_data.curve(row):
                run.log(point.metrics, step=point.step)
            run.summary.update(run_data.final_metrics(row) | tags)
            run.finish(exit_code=0 if row.status in (Status.OK, Status.STOPPED) else 1)
            Path(run.dir).with_name(COMPLETE).write_bytes(self._project.encode())
        except (OSError, wandb.errors.Error) as error:  # a timeout is an OSError, too
            raise TrackerError(cause(error)) from error


def run_id(row: TrialRow) -> str:
    """Return the id of a row's run: the trial's id, and when it started in milliseconds, in base 16."""
    return f"{row.trial_id}-{run_data.milliseconds(row.started) or 0:x}"


def _id_of(folder: Path) -> str | None:
    """Return the id of the run in a folder; the folder's own name may add a number to it."""
    return next((path.stem.removeprefix("run-") for path in folder.glob("run-*.wandb")), None)
