"""The commands on a results folder: `status`, `table`, `mend`, `merge`, `replay` and `predict`."""

import gc
from pathlib import Path

import click

from mnist_sweep.cli.options import PATH, TRACEBACK
from mnist_sweep.cli.streams import echo
from mnist_sweep.errors import SweepError, no_rows
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.text.lines import one_line
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import TrialRow


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
def status(folder: Path) -> None:
    """Show the status of the trials in DIR, and the best of them.

    The sweep script is not needed.
    """
    from mnist_sweep.cli.views import status as overview
    from mnist_sweep.cli.views.terminal import Terminal

    overview.show(rows_of(folder, with_history=False), folder, Terminal())


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
def table(folder: Path) -> None:
    """Rebuild the CSV tables in DIR from its rows."""
    from mnist_sweep.results.csv_tables import write_tables

    rows = rows_of(folder)
    for path in write_tables(folder, rows):
        echo(path)
    for note in kinds.of_one_kind(rows)[1]:
        echo(note)


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
def mend(folder: Path) -> None:
    """Move damaged rows of DIR to DIR/damaged.

    The next run of the sweep runs those trials again.
    """
    from mnist_sweep.results.damaged_rows import move_damaged

    moved = move_damaged(folder)
    for file in moved:
        echo(f"{file.source} -> {file.target}: {file.cause}")
    kept = Ledger(folder).rows(with_history=False)
    echo(f"{counted(len(moved), 'file')} moved, {counted(len(kept), 'row')} intact")


@click.command(
    epilog="""\b
Example:
  mnist-sweep merge results/all machine1/deep_mnist machine2/deep_mnist
"""
)
@click.argument("into", metavar="DIR", type=PATH)
@click.argument("sources", metavar="FROM…", nargs=-1, required=True, type=PATH)
@click.option(
    "--force", is_flag=True, help="Merge unrelated sweeps, too; the column merged_from tells their rows apart."
)
def merge(into: Path, sources: tuple[Path, ...], *, force: bool) -> None:
    """Merge the rows of several results folders into DIR.

    DIR may be new. If two folders have different numbers for one trial, the conflict is reported and nothing is
    written.
    """
    from mnist_sweep.results.merging import merge as merge_folders

    merged = merge_folders(into, sources, force=force)
    copied = counted(merged.num_copied, "row")
    echo(f"{into}: {copied} copied, {merged.num_replaced} replaced, {merged.num_known} already there")
    for path in merged.left_out:
        echo(f"left out, since symbolic links may lead anywhere: {path}", err=True)


@click.command(
    epilog="""\b
Examples:
  mnist-sweep replay results/quickstart 860ce0bafd68-0
  mnist-sweep replay results/mine 3f0c --script my_sweep.py
Exit status: 0 if all numbers are the same bit for bit, 1 if some differ, 2 on a usage error.
"""
)
@click.argument("folder", metavar="DIR", type=PATH)
@click.argument("trial_id", metavar="TRIAL")
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Script that defines the trial's own model or data set, or lies beside the module that does.",
)
@TRACEBACK
def replay(folder: Path, trial_id: str, script: Path | None) -> int:
    """Run TRIAL again and compare it with its row, bit for bit."""
    from mnist_sweep.cli.views import replay as view
    from mnist_sweep.cli.views.terminal import Terminal
    from mnist_sweep.sweep import replay as replays

    replayed = replays.replay(folder, trial_id, code=script)
    view.show(replayed, Terminal())
    return 0 if replayed.identical else 1


@click.command(
    epilog="""\b
Examples:
  mnist-sweep predict results/deep_mnist photo.jpg scan.png
  mnist-sweep predict results/deep_mnist t10k-images-idx3-ubyte.gz --trial 3e245bb0b710-0
Exit status: 0 every image is classified; 2 some cannot be, or bad usage.
"""
)
@click.argument("folder", metavar="DIR", type=PATH)
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True, type=PATH)
@click.option("--trial", "name", help="Trial or config whose model is used, by a prefix of its id.")
@click.option("--top", type=click.IntRange(1), default=3, help="Number of classes shown for each image.")
def predict(folder: Path, images: tuple[Path, ...], name: str | None, top: int) -> int:
    """Classify each IMAGE with the best model in DIR.

    That is the model of the selected config's median seed. Images are PNG, JPEG or IDX files. The output shows how
    they were preprocessed.
    """
    from mnist_sweep.predict import classify as predictions
    from mnist_sweep.results import data_cards

    model = predictions.best_model(folder, name)
    card = data_cards.read(folder, model.row.config)
    answers = predictions.predict(model.file, images, card)
    echo(f"classified by the model of trial {model.row.trial_id}, {model.role}")
    for answer in answers:
        if isinstance(answer, SweepError):
            click.echo(f"error: {one_line(answer)}", err=True)
            continue
        names = card.names(len(answer.probabilities))
        ranked = sorted(zip(answer.probabilities, names, strict=True), key=lambda pair: -pair[0])[:top]
        shown = ", ".join(f"{name} {probability:.1%}" for probability, name in ranked)
        preprocessing = f" ({answer.preprocessing})" if answer.preprocessing else ""
        echo(f"{answer.name}: {shown}{preprocessing}")
    return 2 if any(isinstance(answer, SweepError) for answer in answers) else 0


def rows_of(folder: Path, *, with_history: bool = True) -> list[TrialRow]:
    """Return the rows of a results folder.

    Raises:
        LedgerError: There are none, or they cannot be read.
    """
    gc.disable()  # the process ends soon, and collections would take half its time
    rows = list(Ledger(folder).rows(with_history=with_history).values())
    if not rows:
        raise no_rows(folder)
    return rows
