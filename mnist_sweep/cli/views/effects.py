"""The view of `effects`: each effect in words, and the means of its levels."""

import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_sweep.analysis.effects.effect import Effects


def show(effects: Effects, console: Console) -> None:
    """Print the effects and significant interactions in words, the means of all levels, and the notes."""
    for effect in effects.effects:
        console.print(Text(effect.sentence, style="" if effect.significant else "dim"), soft_wrap=True)
    for pair in effects.interactions:
        if pair.significant:
            console.print(Text(pair.sentence), soft_wrap=True)
    if effects.effects:
        console.print(_means_table(effects))
    for note in effects.notes:
        console.print(Text(note), soft_wrap=True)


def _means_table(effects: Effects) -> Table:
    title = f"mean validation {effects.objective.title}, and share of its variance"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("hyperparameter", "level"):
        table.add_column(name, overflow="fold")
    levels = [level for effect in effects.effects for level in effect.levels]
    failures = {"failed": "num_failed", "diverged": "num_diverged"}
    failures = {name: field for name, field in failures.items() if any(getattr(level, field) for level in levels)}
    for name in ("n", "mean", "95% interval", *failures, "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for effect in effects.effects:
        for number, level in enumerate(effect.levels):
            name, share = (effect.title, effect.share) if number == 0 else ("", None)
            interval = "" if math.isnan(level.low) else f"{level.low:.4f} to {level.high:.4f}"
            mean = "" if math.isnan(level.mean) else f"{level.mean:.4f}"
            counts = [str(getattr(level, field) or "") for field in failures.values()]
            cells = str(level.n), mean, interval, *counts, "" if share is None else f"{share:.0%}"
            table.add_row(Text(name), Text(level.value), *cells)
    return table
