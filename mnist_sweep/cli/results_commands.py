"""The commands on a results folder: `status`, `table`, `mend`, `merge`, `replay`, `predict` and `watch`."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnist_sweep.cli.answer import Answer, answering
from mnist_sweep.cli.exit_status import ExitStatus
from mnist_sweep.cli.options import FOLDER, PATH, SCRIPT, TRACEBACK, count
from mnist_sweep.cli.streams import echo
from mnist_sweep.errors import LedgerError, SweepError, no_rows
from mnist_sweep.system.atomic_files import is_folder
from mnist_sweep.text.lines import one_line
from mnist_sweep.text.numbers import counted

if TYPE_CHECKING:
    from mnist_sweep.trials.row import TrialRow
    from mnist_sweep.watch.feed import Feed


@click.command(
    epilog="""\b
Examples:
  mnist-sweep status results/quickstart
  ssh -t machine mnist-sweep status results/quickstart --watch
Exit status with --watch: 0 the run is complete and no trial failed; 1 some failed, or it ended early.
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--watch", "is_watched", is_flag=True, help="Follow the run in DIR until it ends, or until Ctrl-C.")
@answering
def status(folder: Path, *, is_watched: bool) -> Answer:
    """Show the status of the trials in DIR, and the best of them.

    The sweep script is not needed. With --watch, a terminal shows the run until it ends; elsewhere, a line is printed
    for each trial that ends.
    """
    from mnist_sweep.analysis.folder_status import folder_status
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import status as view
    from mnist_sweep.sweep import live_run

    console, code, run = Terminal(), ExitStatus.OK, None
    if is_watched:
        from mnist_sweep.cli.views import status_watch

        code = ExitStatus.OK if status_watch.follow(_feed_of(folder), console) else ExitStatus.NOT_ALL
    try:
        run = live_run.read(folder)
    except LedgerError as error:  # the status is that of the rows
        echo(f"note: {one_line(error)}", err=True)
    rows = rows_of(folder, with_history=False, has_begun=run is not None)
    found = folder_status(rows, folder)

    def value() -> dict[str, Any]:
        from mnist_sweep.trials.json_value import json_value
        from mnist_sweep.watch.live_state import as_of, phase_of

        phase = phase_of(run, folder)
        return {**json_value(found), "phase": phase, "run": as_of(phase, run, {row.trial_id: row for row in rows})}

    return Answer(value=value, show=lambda: view.show(found, console), status=code)


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@answering
def table(folder: Path) -> Answer:
    """Rebuild the CSV tables in DIR from its rows."""
    from mnist_sweep.results.csv_io import table_versions, write_tables
    from mnist_sweep.trials import kinds

    before, rows = table_versions(folder), rows_of(folder)
    files, notes = write_tables(folder, rows, instead_of=before), kinds.of_one_kind(rows)[1]
    return Answer(value={"files": files, "notes": notes}, show=lambda: echo(*files, *notes))


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@answering
def mend(folder: Path) -> Answer:
    """Move damaged rows of DIR to DIR/damaged.

    The next run of the sweep repeats their trials.
    """
    from mnist_sweep.results.damaged_rows import move_damaged
    from mnist_sweep.results.ledger import Ledger

    moved = move_damaged(folder)
    lines = [f"{file.source} -> {file.target}: {file.cause}" for file in moved]
    num_intact = len(Ledger(folder).rows(with_history=False))
    lines.append(f"{counted(len(moved), 'file')} moved, {counted(num_intact, 'row')} intact")
    return Answer(value={"moved": moved, "num_intact": num_intact}, show=lambda: echo(*lines))


@click.command(
    epilog="""\b
Example:
  mnist-sweep merge results/all machine1/deep_mnist machine2/deep_mnist
"""
)
@click.argument("into", metavar="DIR", type=FOLDER)
@click.argument("sources", metavar="FROM…", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--force", is_flag=True, help="Merge unrelated sweeps, too; the column merged_from tells their rows apart."
)
@answering
def merge(into: Path, sources: tuple[Path, ...], *, force: bool) -> Answer:
    """Merge the rows of several results folders into DIR.

    DIR may be new. If two folders have different numbers for one trial, the conflict is reported and nothing is
    written.
    """
    from mnist_sweep.results.merging import merge as merge_folders

    merged = merge_folders(into, sources, force=force)
    for path in merged.left_out:
        echo(f"left out, since symbolic links may lead anywhere: {path}", err=True)
    copied, found = counted(merged.num_copied, "row"), f"{merged.num_known} already there"
    return Answer(value=merged, show=lambda: echo(f"{into}: {copied} copied, {merged.num_replaced} replaced, {found}"))


@click.command(
    epilog="""\b
Examples:
  mnist-sweep replay results/quickstart 860ce0bafd68-0
  mnist-sweep replay results/mine 3f0c --script my_sweep.py
Exit status: 0 if all numbers are the same bit for bit, 1 if some differ, 2 on a usage error.
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("trial_id", metavar="TRIAL")
@click.option(
    "--script",
    type=SCRIPT,
    help="Script that defines the trial's own model or data set, or is in the same folder as the module that does.",
)
@TRACEBACK
@answering
def replay(folder: Path, trial_id: str, script: Path | None) -> Answer:
    """Run TRIAL again and compare it with its row, bit for bit."""
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import replay as view
    from mnist_sweep.sweep import replay as replays

    replayed = replays.replay(folder, trial_id, code=script)
    status = ExitStatus.OK if replayed.identical else ExitStatus.NOT_ALL
    return Answer(value=replayed, show=lambda: view.show(replayed, Terminal()), status=status)


@click.command(
    epilog="""\b
Examples:
  mnist-sweep predict results/deep_mnist photo.jpg scan.png
  mnist-sweep predict results/deep_mnist t10k-images-idx3-ubyte.gz --trial 3e245bb0b710-0
Exit status: 0 every image is classified; 2 some cannot be, or bad usage.
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True, type=PATH)
@click.option("--trial", "name", metavar="ID", help="Use the model of this trial or config: its id, or a beginning.")
@count("--top", "Number of classes shown for each image.", default=3)
@answering
def predict(folder: Path, images: tuple[Path, ...], name: str | None, top: int) -> Answer:
    """Classify each IMAGE with the best model in DIR.

    That is the model of the selected config's median seed. Images are PNG, JPEG, BMP, GIF, TIFF, WebP or IDX files.
    The output shows how they were preprocessed.
    """
    from mnist_sweep.predict import classify as predictions
    from mnist_sweep.results import data_cards

    model = predictions.best_model(folder, name)
    card = data_cards.read(folder, model.row.config)
    answers = predictions.predict(model.file, images, card)
    good = [answer for answer in answers if not isinstance(answer, SweepError)]
    errors = [one_line(answer) for answer in answers if isinstance(answer, SweepError)]
    names = card.names(len(good[0].probabilities)) if good else []  # none of numbers
    echo(*(f"error: {error}" for error in errors), err=True)

    def show() -> None:
        verb = "predicted" if card.is_regression else "classified"
        echo(*([f"{verb} by the model of trial {model.row.trial_id}, {model.role}"] if good else []))
        for answer in good:
            preprocessing = f" ({answer.preprocessing})" if answer.preprocessing else ""
            echo(f"{answer.name}: {answer.text(names, top)}{preprocessing}")

    value = {"trial_id": model.row.trial_id, "model": model.file, "role": model.role, "classes": names}
    status = ExitStatus.REFUSED if errors else ExitStatus.OK
    return Answer(value={**value, "images": good, "errors": errors}, show=show, status=status)


@click.command(
    epilog="""\b
Examples:
  mnist-sweep watch results/quickstart
  ssh -L 24817:localhost:24817 machine mnist-sweep watch results/quickstart --port 24817
"""
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--host", default="127.0.0.1", help="Interface to serve; beyond loopback, --token is required.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 picks a free one. Default: DIR's own.")
@click.option(
    "--token",
    envvar="MNIST_SWEEP_TOKEN",
    show_envvar=True,
    help="Secret part of the address; default: your own for DIR. Other users see it in the list of processes.",
)
@answering
def watch(folder: Path, *, host: str, port: int | None, token: str | None) -> Answer:
    """Serve a live page of DIR to browsers, until Ctrl-C.

    It only reads DIR, so you can start and stop it at any time. Whoever has the printed address can read the page.
    """
    from mnist_sweep.watch import address as addresses
    from mnist_sweep.watch.server import serve

    feed = _feed_of(folder)
    listening, address = addresses.listen(folder, host=host, port=port, token=token)
    if host not in addresses.LOOPBACK:
        echo(f"note: {addresses.OPEN}", err=True)
    return Answer(
        value={"folder": folder, "url": address.url},
        show=lambda: echo(address.url),
        after=lambda: serve(feed, listening, address),
    )


def _feed_of(folder: Path) -> "Feed":
    """Return the feed of a results folder; it is a LedgerError if there is no such folder."""
    from mnist_sweep.watch.feed import Feed

    if not is_folder(folder):
        raise no_rows(folder)
    gc.set_threshold(100_000)  # collections would take half the time of reading many rows
    return Feed(folder)


def rows_of(folder: Path, *, with_history: bool = True, has_begun: bool = False) -> "list[TrialRow]":
    """Return the rows of a results folder; it is a LedgerError if there are none and no run into it has begun."""
    from mnist_sweep.results.ledger import Ledger

    gc.disable()  # the process ends soon, and collections would take half its time
    rows = list(Ledger(folder).rows(with_history=with_history).values())
    if not rows and not has_begun:
        raise no_rows(folder)
    return rows
