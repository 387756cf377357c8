"""The commands that analyse a results folder: `report`, `compare`, `verdict`, `next`, `effects`, `diff`."""

import gc
import shlex
from pathlib import Path
from typing import Literal

import click

from mnist_sweep.cli.answer import Answer, answering
from mnist_sweep.cli.exit_status import ExitStatus
from mnist_sweep.cli.options import FOLDER, PATH, SCRIPT
from mnist_sweep.cli.streams import echo
from mnist_sweep.errors import LedgerError
from mnist_sweep.system.atomic_files import is_read_only

WITHIN = click.option(
    "--within",
    type=click.FloatRange(0, min_open=True),
    metavar="POINTS",
    help="Largest difference that does not matter: in percentage points (default: 0.5), or in the objective's unit.",
)


@click.command(
    epilog="""\b
Examples:
  mnist-sweep report results/deep_mnist
  mnist-sweep report results/deep_mnist --compare results/fast_mnist
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--format", "format_", type=click.Choice(["html", "md"]), default="html")
@click.option("--output", metavar="FILE", type=PATH, help="Write to FILE instead of a file in DIR.")
@click.option("--compare", "other", metavar="OTHER", type=FOLDER, help="Compare DIR with OTHER instead.")
@WITHIN
@answering
def report(
    folder: Path, format_: Literal["html", "md"], output: Path | None, other: Path | None, within: float | None
) -> Answer:
    """Write the report of DIR: one offline HTML page, or Markdown.

    With --compare, write comparison.html on two sweeps: which has the better config, and how they differ.
    """
    from mnist_sweep.reports import background
    from mnist_sweep.reports.writer import write_comparison, write_report

    if within is not None and other is None:
        raise click.UsageError("--within goes with --compare only.")
    gc.disable()  # as in rows_of
    if other is not None:
        file, compared = write_comparison(folder, other, format=format_, output=output, within=within)
        return Answer(value={"file": file, "verdict": compared.judged}, show=lambda: echo(file))
    with background.executor(folder) as submit:
        file = write_report(folder, format=format_, output=output, submit=submit, keep_newer=output is None)
    return Answer(value={"file": file}, show=lambda: echo(file))


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
@answering
def compare(folder: Path, a: str, b: str) -> Answer:
    """Test whether the difference between A and B is significant.

    A and B are ids of trials in DIR, or of configs, which are compared over their seeds; or unique beginnings of ids.
    """
    from mnist_sweep.analysis import comparison
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import comparison_table as view

    found = comparison.compare(folder, a, b)
    return Answer(value=found, show=lambda: view.show(found, Terminal()))


@click.command(
    epilog="""\b
Example:
  mnist-sweep verdict results/deep_mnist 1abd711fcdcf 0126d12adeb5 --json
Exit status: 0 one is better; 3 they are equivalent; 4 undecided; 2 bad usage.
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("a")
@click.argument("b")
@WITHIN
@answering
def verdict(folder: Path, a: str, b: str, within: float | None) -> Answer:
    """Decide whether A or B is better, for a program to act on.

    A and B are ids of configs in DIR, judged over their seeds, or of trials, judged as trained models.
    """
    from mnist_sweep.analysis import judgement

    found = judgement.verdict(folder, a, b, within=within, in_points=True)
    statuses = {"better": ExitStatus.OK, "equivalent": ExitStatus.EQUIVALENT, "undecided": ExitStatus.UNDECIDED}
    return Answer(value=found, show=lambda: echo(found.sentence, *found.notes), status=statuses[found.outcome])


@click.command(
    "next",
    epilog="""\b
Examples:
  mnist-sweep next results/deep_mnist --budget 2h
  mnist-sweep next results/deep_mnist --budget 20 --script sweeps/deep_mnist.py
""",
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--budget", metavar="TIME|N", help="Limit for the runs together: a time such as 90min or 2h, or N trials."
)
@click.option("--script", type=SCRIPT, help="Sweep script; default: that of the last run, with its options.")
@WITHIN
@answering
def propose(folder: Path, budget: str | None, script: Path | None, within: float | None) -> Answer:
    """Propose what to run next, with the commands.

    First what was interrupted, then more seeds of the configs that may be the best, or more trials of a search.
    """
    from mnist_sweep.analysis.next_run_budget import next_runs

    gc.disable()  # as in rows_of
    found = next_runs(folder, budget=budget, within=within, script=script, in_points=True)

    def show() -> None:
        for run in found.runs:
            echo(f"{run.reason}: {run.cost}")
            if run.command:
                echo(f"  {shlex.join(run.command)}")
        nothing = "nothing to run: more runs are not expected to show a difference that matters"
        echo(*found.notes, *([] if found.runs or found.notes else [nothing]))

    return Answer(value=found, show=show)


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@answering
def effects(folder: Path) -> Answer:
    """Estimate the effect of each hyperparameter on the objective.

    Also writes DIR/effects.csv, unless DIR is read-only.
    """
    from mnist_sweep.analysis.effects import effects_of_trials
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import effects as view
    from mnist_sweep.results.csv_io import write_table

    gc.disable()  # as in rows_of
    found, file = effects_of_trials.effects(folder), None
    try:
        file = write_table(folder / "effects.csv", found.to_frame())
    except LedgerError as error:
        if not is_read_only(error):
            view.show(found, Terminal())  # which cost more than the table that is lost
            raise
        echo(f"note: {error}", err=True)

    def show() -> None:
        view.show(found, Terminal())
        if file:
            echo(file)

    return Answer(value=found, show=show)


@click.command()
@click.argument("a", metavar="DIR", type=FOLDER)
@click.argument("b", metavar="OTHER", type=FOLDER)
@answering
def diff(a: Path, b: Path) -> Answer:
    """Compare the configs and results of DIR and OTHER."""
    from mnist_sweep.analysis import sweep_diff
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import diff as view

    gc.disable()  # as in rows_of
    found = sweep_diff.diff(a, b)
    return Answer(value=found, show=lambda: view.show(found, Terminal()))
