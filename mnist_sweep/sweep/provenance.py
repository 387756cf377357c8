"""The listener that records what a run was made with, and what `mnist-sweep plan` had predicted of it.

A damaged prediction, or a disk that cannot be written, raises LedgerError.
"""

import time
from collections.abc import Callable
from pathlib import Path

from mnist_sweep.results import runs, saved_plan
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from mnist_sweep.trials.events import Event, RunEnded, WorkersReady


class ProvenanceWriter:
    """Adds a line to `runs.jsonl` at the end of the run; `code` is the folder of the sweep script."""

    def __init__(
        self, folder: Path, remaining: RemainingTrials, *, runner: str, code: Path | None, notify: Callable[[str], None]
    ) -> None:
        self._folder, self._remaining, self._runner, self._code = folder, remaining, runner, code
        self._notify = notify
        self._plan = saved_plan.read(folder)
        self._start, self._num_workers = time.monotonic(), 0

    def on_event(self, event: Event) -> None:
        """Note how many trials run at a time; add the line when the run has ended."""
        match event:
            case WorkersReady(num_workers=num_workers):
                self._num_workers = num_workers
            case RunEnded(can_write=True, num_run=num_run):
                runs.append(self._folder, self._record(num_run))
                if self._code and (refusal := runs.git_refusal(self._code)):
                    self._notify(refusal)

    def _record(self, num_run: int) -> runs.RunRecord:
        data = {
            f"{getattr(source, '__name__', source)} {name}": split.sha256()
            for source, dataset in self._remaining.datasets.items()
            for name, split in dataset.splits.items()
        }
        return runs.describe_run(
            seconds=time.monotonic() - self._start,
            runner=self._runner,
            num_workers=self._num_workers,
            num_run=num_run,
            data=data,
            code=self._remaining.inputs.definitions(self._remaining.trials.values()),
            script_folder=self._code,
            predicted_seconds=self._predicted_seconds(num_run),
        )

    def _predicted_seconds(self, num_run: int) -> float | None:
        """Return what was predicted of this run; None if nothing was, or it has not run all of its trials."""
        ids = self._remaining.work_ids
        run, seconds = self._plan or (None, None)
        is_whole = num_run >= len(ids) and run == saved_plan.run_of(ids, self._runner, self._num_workers)
        return seconds if is_whole else None
