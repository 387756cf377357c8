"""Runs the config of a committed row again, and says whether the figures are the same, bit for bit.

A row may come from somebody else: code that it names by an import path runs only if the user names the script.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_sweep.errors import LedgerError, ResourceError, ScriptError, SweepError
from mnist_sweep.results import lookup
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.merging import COMPARED_FIELDS, RowDifference, differences
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.runners.trial import execute
from mnist_sweep.text.lines import shortened
from mnist_sweep.text.numbers import counted
from mnist_sweep.training import row_builder, runtime
from mnist_sweep.trials.config import REGISTRIES, TrialConfig, from_flat
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

MOST_THREADS = 1024


class _StopError(Exception):
    """The trial came as far as it did before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A trial that was run twice.

    Attributes:
        before: The committed row.
        after: The row of the second run; it is not committed.
        differences: Figures that the two do not share, bit for bit.
        environment: What else differs, by name: what it was then, and what it is now.
    """

    before: TrialRow
    after: TrialRow
    differences: tuple[RowDifference, ...]
    environment: Mapping[str, tuple[Any, Any]]

    @property
    def same(self) -> bool:
        """Whether every figure is the same, bit for bit."""
        return not self.differences

    @property
    def without_result(self) -> bool:
        """Whether one of the runs failed, so that there is nothing to compare."""
        return Status.FAILED in (self.before.status, self.after.status)


def replay(
    folder: Path,
    trial_id: str,
    *,
    code: Path | None = None,
    on_evaluation: Callable[[Evaluation], None] = lambda _: None,
) -> Replayed:
    """Run the trial of a row again, in this process, with as many threads as then; the results folder stays as it is.

    A trial that was stopped is stopped at the same step. A row of a GPU is run on the CPU where there is none.

    Args:
        folder: The results folder of its sweep.
        trial_id: Its id, or a beginning of at least 4 characters that no other trial there has.
        code: The script that defines the trial's own models or data sets, or a folder of such code; what the row names
            by an import path is then imported.
        on_evaluation: Called with each point of the new learning curve.

    Raises:
        LedgerError: There is no such trial, or more than one.
        RowError: The folder holds damaged rows.
        ScriptError: The trial needs code of its own, which is not given or cannot be used.
        ConfigError: This version does not know something that the config names.
        ResourceError: TensorFlow already runs in this process with other settings.
    """
    before = _row(folder, trial_id)
    config = _config(before, code)
    _configure(before.environment)
    after = from_json(to_json(_run(before, config, on_evaluation)))
    return Replayed(
        before=before,
        after=after,
        differences=tuple(differences(before, after)),
        environment=_changed(before, after),
    )


def show(replayed: Replayed, console: Console) -> None:
    """Print whether the trial came out the same, what differs and by how much, and what is not as it was."""
    before, after = replayed.before, replayed.after
    console.print(Text(_verdict(replayed)), soft_wrap=True)
    for row, when in ((before, "then"), (after, "now")):
        if row.status is Status.FAILED:
            console.print(
                Text(f"failed {when}: {shortened(row.error or 'no cause recorded')}", style="red"), soft_wrap=True
            )
    if replayed.differences and not replayed.without_result:
        console.print(_table_of_differences(replayed.differences))
    if not before.environment:
        console.print("environment: not recorded")
    elif not replayed.environment:
        console.print("environment: the same")
    for name, (then, now) in replayed.environment.items():
        console.print(Text(f"{name}: {_recorded(then)} then, {_recorded(now)} now"), soft_wrap=True)


def _row(folder: Path, trial_id: str) -> TrialRow:
    rows = lookup.find(Ledger(folder).rows(), trial_id, folder).rows
    if len(rows) > 1:
        raise LedgerError(
            f"{trial_id!r} names {counted(len(rows), 'trial')} of {folder}: write the seed too, "
            f"as in {rows[0].trial_id}."
        )
    return rows[0]


def _run(before: TrialRow, config: TrialConfig, on_evaluation: Callable[[Evaluation], None]) -> TrialRow:
    """Run a trial to its end, or to the step at which it was stopped."""
    points: list[Evaluation] = []

    def watch(point: Evaluation) -> None:
        points.append(point)
        on_evaluation(point)
        if before.status is Status.STOPPED and point.step >= (before.steps or 0):
            raise _StopError

    start = time.perf_counter()
    try:
        return execute(config, on_evaluation=watch)
    except _StopError:
        timing = row_builder.timing(time.perf_counter() - start, points[-1].seconds)
        return row_builder.stopped(
            config, points, parameters=before.parameters or 0, timing=timing, origin=row_builder.origin()
        )


def _config(row: TrialRow, code: Path | None) -> TrialConfig:
    own = [str(row.config.get(part)) for part in REGISTRIES if ":" in str(row.config.get(part))]
    if own and code is None:
        raise ScriptError(
            f"trial {row.trial_id} needs {shortened(', '.join(own))}, and no code of a results folder is run unasked: "
            "name the script that it came from with --script."
        )
    if own and code is not None:
        _let_import(code)
    try:
        return from_flat(row.config)
    except SweepError:
        raise
    except Exception as error:  # a class of the user's own may refuse its fields in any way
        raise ScriptError(
            f"the config of trial {row.trial_id} cannot be built with the code as it is now: "
            f"{row_builder.first_cause(error)}"
        ) from error


def _let_import(code: Path) -> None:
    if not code.exists():
        raise ScriptError(f"there is no sweep script {code}.")
    folder = str((code if code.is_dir() else code.parent).resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _configure(environment: Mapping[str, Any]) -> None:
    """Set TensorFlow up as it was for a row, as far as this machine can."""
    given = environment.get("threads")
    threads = given if isinstance(given, int) and 1 <= given <= MOST_THREADS else 1
    xla = environment.get("xla") is True
    if environment.get("device") == "GPU":
        try:
            runtime.configure(threads=threads, gpus=1, xla=xla)
        except ResourceError:
            pass
        else:
            return
    runtime.configure(threads=threads, xla=xla)


def _changed(before: TrialRow, after: TrialRow) -> dict[str, tuple[Any, Any]]:
    """Return what of the versions, the processor and the settings is not as it was, as far as it was recorded."""
    then = {"mnist_sweep": before.version, **before.environment}
    now = {"mnist_sweep": after.version, **(runtime.environment() if before.environment else {})}
    return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}


def _verdict(replayed: Replayed) -> str:
    before, after = replayed.before, replayed.after
    if replayed.without_result:
        return f"trial {before.trial_id}: {before.status} then, {after.status} now"
    points = len(before.history)
    what = f"{len(COMPARED_FIELDS)} figures and {counted(points, 'point')} of the learning curve"
    if replayed.same:
        return f"trial {before.trial_id}: the same, bit for bit, in {what}"
    steps = {difference.step for difference in replayed.differences if difference.step is not None}
    figures = sum(difference.step is None for difference in replayed.differences)
    first = f"; the first point at step {min(steps)}" if steps else ""
    return f"trial {before.trial_id}: not the same: of {what}, {figures} and {len(steps)} differ{first}"


def _recorded(value: Any) -> str:
    return "not recorded" if value is None else shortened(str(value))


def _table_of_differences(found: tuple[RowDifference, ...]) -> Table:
    """Return the differing figures of the whole trial, and of each column of the learning curve the first one."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("figure", "step", "then", "now", "difference", "relative"):
        table.add_column(name, justify="left" if name == "figure" else "right", overflow="fold")
    named = set()
    for difference in found:
        name, step, one, other = difference
        if step is None or name not in named:
            table.add_row(name, "end" if step is None else str(step), str(one), str(other), *_distance(one, other))
        if step is not None:
            named.add(name)
    return table


def _distance(one: Any, other: Any) -> tuple[str, str]:
    """Return the absolute and the relative difference of two numbers as texts; empty where there is none."""
    if not (isinstance(one, int | float) and isinstance(other, int | float)):
        return "", ""
    return f"{other - one:+.3g}", f"{abs(other - one) / abs(one):.3g}" if one else ""
