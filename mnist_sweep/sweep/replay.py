"""Replay of a committed row: runs its config again and compares every number bit for bit.

A row may come from somebody else: code that it names by an import path runs only if the user names the script.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mnist_sweep.errors import LedgerError, ResourceError, ScriptError, SweepError
from mnist_sweep.results import lookup
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.merging import RowDifference, differences
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.runners.trial import execute
from mnist_sweep.sweep import script
from mnist_sweep.sweep.inputs import RunInputs
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.lines import shortened
from mnist_sweep.text.numbers import counted
from mnist_sweep.training import reproducibility, row_builder, tensorflow_runtime
from mnist_sweep.trials import registry
from mnist_sweep.trials.config import REGISTRIES, TrialConfig, from_flat
from mnist_sweep.trials.kinds import UNKNOWN, kind_of
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

MOST_THREADS = 1024


class _StopError(Exception):
    """The trial has reached the step at which it was stopped before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A trial that was run twice: its committed row, that of the second run, and what differs.

    `differences` are numbers that differ between the two, bit for bit; `environment` the versions, hardware and
    settings that differ, by name: the values before and after.
    """

    before: TrialRow
    after: TrialRow
    differences: tuple[RowDifference, ...]
    environment: Mapping[str, tuple[Any, Any]]

    @property
    def identical(self) -> bool:
        """Whether every number is the same, bit for bit."""
        return not self.differences

    @property
    def any_failed(self) -> bool:
        """Whether one of the runs failed, so that there are no numbers to compare."""
        return Status.FAILED in (self.before.status, self.after.status)

    def __repr__(self) -> str:
        verdict = "identical" if self.identical else counted(len(self.differences), "difference")
        return f"<Replay of {self.before.trial_id}: {self.before.status} then, {self.after.status} now, {verdict}>"


def replay(folder: str | Path, trial_id: str, *, code: str | Path | None = None) -> Replay:
    """Run the trial of a row again in this process, with the same number of threads; the results folder is unchanged.

    A trial that was stopped is stopped at the same step. A row of a GPU is run on the CPU where there is no GPU.

    Args:
        folder: The results folder of its sweep.
        trial_id: Its id, or an unambiguous beginning of at least 4 characters.
        code: The script that defines the trial's own models or data sets, or a folder of such code. Without it, nothing
            that the row names by an import path is imported.

    Raises:
        LedgerError: There is no such trial, or more than one.
        RowError: The folder holds damaged rows.
        ScriptError: The trial needs code that is not given or cannot be used.
        ConfigError: The config names something that this version does not know.
        ResourceError: TensorFlow already runs in this process with other settings.
    """
    before, *others = lookup.find(Ledger(Path(folder)).rows(), trial_id, Path(folder)).rows
    if others:
        named = f"{trial_id!r} names {counted(1 + len(others), 'trial')} of {folder}"
        raise LedgerError(f"{named}: write the seed too, as in {before.trial_id}.")
    with registry.standing_for(_unnamed_definitions(before, None if code is None else Path(code))):
        config = _config(before)
        _configure(before.environment)
        after = _run(before, config)
        with contextlib.suppress(Exception):  # a user's data source may raise anything: it is the row's error as well
            digests = RunInputs().digests(config)
            after = replace(after, data_digest=digests.data, code_digest=digests.code)
        after = from_json(to_json(after))
    found, changed = tuple(differences(before, after)), _changed(before, after)
    return Replay(before=before, after=after, differences=found, environment=changed)


def _run(before: TrialRow, config: TrialConfig) -> TrialRow:
    points: list[Evaluation] = []

    def watch(point: Evaluation) -> None:
        points.append(point)
        if before.status is Status.STOPPED and point.step >= (before.steps or 0):
            raise _StopError

    start = time.perf_counter()
    try:
        return execute(config, on_evaluation=watch)
    except _StopError:
        timing, origin = row_builder.timing(time.perf_counter() - start, points[-1].seconds), row_builder.origin()
        return row_builder.stopped(config, points, parameters=before.parameters, timing=timing, origin=origin)


def _unnamed_definitions(row: TrialRow, code: Path | None) -> dict[str, Any]:
    """Make the user's code importable; return what stands for names that say nothing about where it is."""
    own = [name for part in REGISTRIES if ":" in (name := str(row.config.get(part)))]
    modules = {name.partition(":")[0] for name in own}
    unnamed = [name for name in own if name.partition(":")[0] in registry.UNNAMED_MODULES]
    if not own:
        return {}
    if code is None:
        source = "the cell that defines it, saved as a file," if unnamed else "the script that it came from"
        needs = f"trial {row.trial_id} needs {shortened(', '.join(own))}"
        not_run = "code named by a results folder is not run unasked"
        raise ScriptError(f"{needs}, and {not_run}: pass {source} with --script.")
    if not code.exists():
        raise ScriptError(f"there is no sweep script {code}.")
    script.let_import(code if code.is_dir() else code.parent)
    if code.is_dir() or not (unnamed or code.stem in modules):
        return {}
    module = script.import_script(code)
    lacking = [name for name in unnamed if not hasattr(module, name.partition(":")[2])]
    if lacking:
        raise ScriptError(f"{code} does not define {shortened(', '.join(lacking))}, which trial {row.trial_id} needs.")
    return {name: getattr(module, name.partition(":")[2]) for name in unnamed}


def _config(row: TrialRow) -> TrialConfig:
    try:
        return from_flat(row.config)
    except SweepError:
        raise
    except Exception as error:  # a class of the user's own may refuse its fields in any way
        what = f"the config of trial {row.trial_id} cannot be built with the code as it is now"
        raise ScriptError(f"{what}: {first_cause(error)}") from error


def _configure(environment: Mapping[str, Any]) -> None:
    """Configure TensorFlow as it was for a row, as far as this machine allows."""
    given = environment.get("threads")
    threads = given if isinstance(given, int) and 1 <= given <= MOST_THREADS else 1
    given = environment.get("backend")
    settings: dict[str, Any] = {"threads": threads, "xla": environment.get("xla") is True}
    settings |= {"backend": given} if given in tensorflow_runtime.BACKENDS else {}
    if environment.get("device") == "GPU":
        with contextlib.suppress(ResourceError):
            return tensorflow_runtime.configure(gpus=1, **settings)
    return tensorflow_runtime.configure(**settings)


def _changed(before: TrialRow, after: TrialRow) -> dict[str, tuple[Any, Any]]:
    """Return the versions, the hardware, the settings, data and code that differ, as far as they were recorded."""
    then = {"mnist_sweep": before.version, **before.environment}
    now = {"mnist_sweep": after.version, **(reproducibility.environment() if before.environment else {})}
    for name in ("data", "code"):
        was, became = (getattr(kind_of(row), f"{name}_digest") for row in (before, after))
        if was and became:  # neither is there of a built-in part in rows of versions before 0.5
            then[name], now[name] = None if was == UNKNOWN else was, became
    return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}
