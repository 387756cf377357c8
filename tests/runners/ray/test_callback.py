"""What the driver makes of what Tune says of a lost trial."""

import json
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_sweep import Status, TrialConfig, TrialRow
from mnist_sweep.errors import ResourceError
from mnist_sweep.runners.ray.callback import TuneCallback
from mnist_sweep.trials.config import trial_id
from tests.runners.test_protocol import Notes

LACKING = """Failure # 1 (occurred at 2026-01-01_00-00-00)
The actor died because of an error raised in its creation task, ray::Trainable.__init__() (pid=7, ip=10.0.0.3, repr=…)
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
ModuleNotFoundError: No module named 'mnist_sweep'
"""


def lost(folder: Path, told: str) -> Any:
    """Return one of Tune's trials that was lost, and a messenger that has to tell of it."""
    (folder / "error").write_text(told)
    trial = TrialConfig()
    spec = json.dumps({"id": trial_id(trial)})
    tunes = SimpleNamespace(config={"trial": spec}, error_file=str(folder / "error"))
    return tunes, TuneCallback({trial_id(trial): trial}, Notes(), SimpleQueue(), shares_gpus=False)


@pytest.mark.parametrize("event", ["on_trial_recover", "on_trial_error"])
def test_a_node_that_lacks_a_package_ends_the_run_in_one_line_with_its_address(tmp_path: Path, event: str) -> None:
    trial, messenger = lost(tmp_path, LACKING)
    with pytest.raises(ResourceError, match=r"the node 10\.0\.0\.3 .*named 'mnist_sweep'.*: install ") as told:
        getattr(messenger, event)(1, [], trial)
    assert "\n" not in str(told.value)
    assert messenger.error is told.value


def test_a_worker_that_finds_its_node_unfit_ends_the_run_with_its_address(tmp_path: Path) -> None:
    trial, messenger = lost(tmp_path, "")
    said = {"lacks": "ModuleNotFoundError: No module named 'tensorflow'", "node": "10.0.0.3"}
    with pytest.raises(ResourceError, match=r"the node 10\.0\.0\.3 .*'tensorflow'"):
        messenger.on_trial_result(1, [], trial, said)


def test_a_worker_that_was_killed_is_tried_again(tmp_path: Path) -> None:
    trial, messenger = lost(tmp_path, "Failure # 1\nThe actor died unexpectedly before finishing this task.\n")
    messenger.on_trial_recover(1, [], trial)
    said = messenger._observer.heard[-1][2]
    assert said.startswith("is tried again, for the worker was lost: The actor died")


def test_a_trial_that_lost_its_last_worker_is_a_failed_row_of_no_worker(tmp_path: Path) -> None:
    trial, messenger = lost(tmp_path, "Failure # 3\nThe actor died unexpectedly before finishing this task.\n")
    rows: list[TrialRow] = []
    messenger._observer.finished = rows.append
    messenger.on_trial_error(1, [], trial)
    assert [(row.status, row.worker) for row in rows] == [(Status.FAILED, None)]


def test_what_ray_says_of_its_nodes_is_told_between_two_events() -> None:
    said: SimpleQueue[str] = SimpleQueue()
    notes = Notes()
    messenger = TuneCallback({}, notes, said, shares_gpus=False)
    said.put("the node 10.0.0.3 is lost")
    messenger.on_step_end(1, [])
    assert notes.heard == [("noted", None, "the node 10.0.0.3 is lost")]
