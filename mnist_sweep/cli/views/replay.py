"""The view of `replay`: whether a trial is reproduced, and what differs."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from mnist_sweep.cli.safe_console import plain_table, print_lines
from mnist_sweep.results.merging import COMPARED_FIELDS, RowDifference
from mnist_sweep.sweep.replay import Replay
from mnist_sweep.text.lines import shortened
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status


def show(replay: Replay, console: Console) -> None:
    """Print the verdict, causes of failure, the numbers that differ and by how much, and changes of the environment."""
    before, after = replay.before, replay.after
    print_lines(console, _verdict(replay))
    for row, when in ((before, "then"), (after, "now")):
        if row.status is Status.FAILED:
            cause = shortened(row.error or "no cause recorded")
            print_lines(console, f"failed {when}: {cause}", style="red")
    if replay.differences and not replay.any_failed:
        console.print(_table(replay.differences))
    if not before.environment:
        print_lines(console, "environment: not recorded")
    elif not replay.environment:
        print_lines(console, "environment: the same")
    for name, (then, now) in replay.environment.items():
        print_lines(console, f"{name}: {_recorded(then)} then, {_recorded(now)} now")


def _verdict(replay: Replay) -> str:
    before, after = replay.before, replay.after
    if replay.any_failed:
        return f"trial {before.trial_id}: {before.status} then, {after.status} now"
    num_compared = sum(getattr(before, name) is not None for name in COMPARED_FIELDS)
    what = f"{num_compared} numbers and {counted(len(before.history), 'point')} of the learning curve"
    if replay.identical:
        return f"trial {before.trial_id}: identical, bit for bit, in {what}"
    steps = {difference.step for difference in replay.differences if difference.step is not None}
    numbers = sum(difference.step is None for difference in replay.differences)
    first = f"; the first point at step {min(steps)}" if steps else ""
    return f"trial {before.trial_id}: not identical: of {what}, {numbers} and {len(steps)} differ{first}"


def _recorded(value: Any) -> str:
    return "not recorded" if value is None else shortened(str(value))


def _table(differences: Sequence[RowDifference]) -> Table:
    """Return the differing numbers of the whole trial, and the first one of each column of the learning curve."""
    columns = [
        Column(name, justify="right", overflow="fold") for name in ("step", "then", "now", "difference", "relative")
    ]
    table = plain_table(Column("number", overflow="fold"), *columns)
    seen = set()
    for name, step, one, other in differences:
        if step is None or name not in seen:
            table.add_row(name, "end" if step is None else str(step), str(one), str(other), *_distance(one, other))
        if step is not None:
            seen.add(name)
    return table


def _distance(one: Any, other: Any) -> tuple[str, str]:
    if not (isinstance(one, int | float) and isinstance(other, int | float)):
        return "", ""
    return f"{other - one:+.3g}", f"{abs(other - one) / abs(one):.3g}" if one else ""
