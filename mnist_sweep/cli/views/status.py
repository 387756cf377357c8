"""The `status` of a results folder in a terminal: trials by status, the best of them, the failures by cause."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_sweep.text.lines import printable
from mnist_sweep.text.names import value, varying
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status, TrialRow, rank, status_counts

NUM_BEST, NUM_CAUSES = 5, 10
STYLES = {Status.OK: "green", Status.STOPPED: "yellow", Status.DIVERGED: "yellow", Status.FAILED: "red"}


def show(rows: Sequence[TrialRow], folder: Path, console: Console) -> None:
    """Print the counts, the best trials by validation accuracy, the failures by cause, and the files."""
    console.print(Text(f"{counted(len(rows), 'trial')}: {status_counts(rows)}"))
    best = sorted((row for row in rows if row.status is Status.OK), key=rank)[:NUM_BEST]
    if best:
        names = [name for name in varying(row.config for row in rows) if name != "changes"]  # these are too wide
        console.print(_best_table(best, names))
    failures = [*_failures(rows).items()]
    for cause, trials in failures[:NUM_CAUSES]:
        others = f" and {len(trials) - 1} more" if len(trials) > 1 else ""
        console.print(Text(f"failed: {printable(cause)}: {trials[0]}{others}", style="red"), soft_wrap=True)
    if rest := failures[NUM_CAUSES:]:
        number = counted(sum(len(trials) for _, trials in rest), "trial")
        console.print(Text(f"failed: {number} more, with {counted(len(rest), 'other cause')}", style="red"))
    files = [path.name for path in sorted(folder.glob("*.csv"))]
    folders = [f"{name}/" for name in ("models", "logs") if (folder / name).is_dir()]
    console.print(Text(f"{folder}/: {', '.join([*files, 'rows/', *folders])}"), soft_wrap=True)


def _best_table(best: Sequence[TrialRow], names: Sequence[str]) -> Table:
    table = Table(
        title="best by validation accuracy", title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    table.add_column("trial", style=STYLES[Status.OK], min_width=max(len(row.trial_id) for row in best))
    for name in ["val", "test", "seconds"]:
        table.add_column(name, justify="right", no_wrap=True)
    for name in names:
        table.add_column(name.rpartition(".")[2], overflow="fold")
    for row in best:
        figures = [f"{row.val_accuracy:.4f}", f"{row.test_accuracy:.4f}", f"{row.seconds_total:.1f}"]
        config = [Text(printable(value(name, row.config[name])) if name in row.config else "") for name in names]
        table.add_row(row.trial_id, *figures, *config)
    return table


def _failures(rows: Sequence[TrialRow]) -> dict[str, list[str]]:
    causes = defaultdict(list)
    for row in rows:
        if row.status is Status.FAILED:
            causes[row.error or "no cause recorded"].append(row.trial_id)
    return dict(sorted(causes.items(), key=lambda cause: -len(cause[1])))
