"""What the live page shows of one trial: its whole row, its confusion matrix, and the command that runs it again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnist_sweep.errors import SweepError
from mnist_sweep.reports.plotly_figures import figure_json
from mnist_sweep.reports.sections import confusion_matrix
from mnist_sweep.results import predictions, runs
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.text.lines import one_line
from mnist_sweep.trials.json_value import json_value
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.watch.feed import READ, require_inside


def trial_details(folder: Path, trial_id: str, notices: Sequence[str] = ()) -> dict[str, Any]:
    """Return a trial's `row`, `confusion` (a figure, its text, or None), `command`, and the `notices` that name it.

    Raises:
        LedgerError: It has no row, or a damaged one; or a link leads out of the folder.
    """
    require_inside(folder, READ)
    row = Ledger(folder).row(trial_id)
    return {
        "row": json_value(row),
        "confusion": _confusion(folder, row),
        "command": _command(folder, row),
        "notices": [notice for notice in notices if trial_id in notice],
    }


def _confusion(folder: Path, row: TrialRow) -> dict[str, Any] | None:
    if not predictions.path_of(folder, row.trial_id).is_file():
        return None
    try:
        require_inside(folder, [Path("data") / f"{predictions.data_id(row.config)}.json"])
        plot = confusion_matrix.plot_of(folder, row)
    except SweepError as error:
        return {"text": one_line(error), "figure": None}
    return {"text": plot.finding, "figure": json.loads(figure_json(plot.figure))}


def _command(folder: Path, row: TrialRow) -> str:
    """Return the command that runs a trial again: to compare it bit for bit, or to replace a row that is not one."""
    if row.status is not Status.FAILED:
        return shlex.join(["mnist-sweep", "replay", str(folder), row.trial_id])
    recorded = runs.read(folder)
    words = runs.rerun_command(recorded[-1].command, folder) if recorded else ()
    words = words or ("mnist-sweep", "run", "SCRIPT")
    return shlex.join([*words, "--configs", row.config_id, "--retry", Status.FAILED.value])
