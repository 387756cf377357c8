"""The view of `effects`: each effect in words, and the means of its levels."""

import math

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from mnist_sweep.analysis.effects.effect import Effects
from mnist_sweep.cli.safe_console import numbers, plain_table, print_lines


def show(effects: Effects, console: Console) -> None:
    """Print the effects and significant interactions in words, the means of all levels, and the notes."""
    for effect in effects.effects:
        print_lines(console, effect.sentence, style="" if effect.significant else "dim")
    print_lines(console, *(pair.sentence for pair in effects.interactions if pair.significant))
    if effects.effects:
        console.print(_means_table(effects))
    print_lines(console, *effects.notes)


def _means_table(effects: Effects) -> Table:
    title, cell = f"mean validation {effects.objective.title}, and share of its variance", effects.objective.cell
    levels = [level for effect in effects.effects for level in effect.levels]
    failures = {"failed": "num_failed", "diverged": "num_diverged"}
    failures = {name: field for name, field in failures.items() if any(getattr(level, field) for level in levels)}
    folded = [Column(name, overflow="fold") for name in ("hyperparameter", "level")]
    table = plain_table(*folded, *numbers("n", "mean", "95% interval", *failures, "share"), title=title)
    for effect in effects.effects:
        for number, level in enumerate(effect.levels):
            name, share = (effect.title, effect.share) if number == 0 else ("", None)
            interval = "" if math.isnan(level.low) else f"{cell(level.low)} to {cell(level.high)}"
            mean = "" if math.isnan(level.mean) else cell(level.mean)
            counts = [str(getattr(level, field) or "") for field in failures.values()]
            cells = str(level.n), mean, interval, *counts, "" if share is None else f"{share:.0%}"
            table.add_row(Text(name), Text(level.value), *cells)
    return table
