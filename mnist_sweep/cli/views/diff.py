"""The view of `diff`: the conclusion, the largest changes, and the configs of one sweep only."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from mnist_sweep.analysis.sweep_diff import Change, SweepDiff
from mnist_sweep.cli.safe_console import numbers, plain_table, print_lines
from mnist_sweep.text.lines import first_few
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.value_format import Measure

NUM_SHOWN = 20


def show(found: SweepDiff, console: Console) -> None:
    """Print the conclusion, the largest changes, the configs that are in one sweep only, and the notes."""
    print_lines(console, found.sentence)
    changes = [change for change in found.changes if change.n and change.difference]
    if changes:
        console.print(_table(changes[:NUM_SHOWN], found.objective))
    if len(changes) > NUM_SHOWN:
        print_lines(console, f"and {counted(len(changes) - NUM_SHOWN, 'smaller change')}")
    for names, which in ((found.only_a, "first"), (found.only_b, "second")):
        if names:
            named = [f"{name} ({found.labels[name]})" for name in names]
            print_lines(console, f"only in the {which}: {first_few(named, NUM_SHOWN)}")
    print_lines(console, *found.notes)


def _table(changes: Sequence[Change], measure: Measure) -> Table:
    columns = numbers("n", "first", "second", "difference", "95% interval")
    table = plain_table(Column("config", no_wrap=True), *columns, Column("hyperparameters", overflow="fold"))
    for change in changes:
        ends = f"{measure.delta(change.low)} to {measure.delta(change.high)}" if change.low == change.low else ""
        means = measure.text(change.mean_a), measure.text(change.mean_b)
        cells = *means, measure.delta(change.difference, signed=True), ends
        style = "bold" if change.significant else ""
        table.add_row(change.config_id, str(change.n), *cells, Text(change.label), style=style)
    return table
