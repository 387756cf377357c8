"""The commands that answer what a sweep has shown, each with its uncertainty."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mnist_sweep.cli.results import FOLDER

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--format", "format_", type=click.Choice(["html", "md"]), default="html", show_default=True)
def report(folder: Path, format_: Literal["html", "md"]) -> int:
    """Write the report: one page that needs no network, or Markdown."""
    from mnist_sweep.reports.background import aside
    from mnist_sweep.reports.writer import write_report

    gc.disable()  # as in rows_of
    with aside() as ask:
        click.echo(write_report(folder, format=format_, ask=ask))
    return 0


@click.command(
    epilog="""\b
Examples:
  mnist-sweep compare results/quickstart 860ce0bafd68-0 2ecfa7ace730-0     two trials
  mnist-sweep compare results/deep_mnist 1abd711fcdcf 0126d12adeb5         two configs, over their seeds
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("a")
@click.argument("b")
def compare(folder: Path, a: str, b: str) -> int:
    """Say whether the difference between A and B is real.

    A and B are trials of DIR, or configs, which are compared over their seeds.
    """
    from rich.console import Console

    from mnist_sweep.analysis import comparison
    from mnist_sweep.cli.views import comparison as view

    view.show(comparison.compare(folder, a, b), Console())
    return 0


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
def effects(folder: Path) -> int:
    """Say what each hyperparameter does to the result.

    Writes DIR/effects.csv, too.
    """
    from rich.console import Console

    from mnist_sweep.analysis.effects import estimation
    from mnist_sweep.cli.views import effects as view
    from mnist_sweep.results.tables import write_table

    found = estimation.effects(_trials(folder))
    path = write_table(folder / "effects.csv", found.to_frame())
    view.show(found, Console())
    click.echo(path)
    return 0


@click.command()
@click.argument("a", metavar="DIR", type=FOLDER)
@click.argument("b", metavar="DIR", type=FOLDER)
def diff(a: Path, b: Path) -> int:
    """Show which configs two sweeps share, and how they differ."""
    from rich.console import Console

    from mnist_sweep.analysis import sweep_diff
    from mnist_sweep.cli.views import diff as view

    view.show(sweep_diff.diff(_trials(a), _trials(b)), Console())
    return 0


def _trials(folder: Path) -> "pd.DataFrame":
    """Return the trials of a results folder, from its rows."""
    from mnist_sweep.cli.results import rows_of
    from mnist_sweep.results.frames import trials_frame

    return trials_frame(rows_of(folder, with_history=False))
