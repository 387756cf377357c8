"""The `status` of a results folder in a terminal: trials by status, the best configs, the failures by cause."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_sweep.text.lines import printable
from mnist_sweep.text.names import short_names, value, varying
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials import kinds, ranking
from mnist_sweep.trials.ranking import ConfigResult
from mnist_sweep.trials.row import Status, TrialRow, status_counts

NUM_BEST, NUM_CAUSES = 5, 10


def show(rows: Sequence[TrialRow], folder: Path, console: Console) -> None:
    """Print the counts, the best configs by validation accuracy, the failures by cause, and the files."""
    console.print(Text(f"{counted(len(rows), 'trial')}: {status_counts(rows)}"))
    of_one_kind, notes = kinds.of_one_kind(rows)
    if best := ranking.selected_first(ranking.by_config(of_one_kind).values())[:NUM_BEST]:
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
    for note in notes:
        console.print(Text(note), soft_wrap=True)


def _best_table(best: Sequence[ConfigResult], names: Sequence[str]) -> Table:
    """Return the table of configs, the selected one first: as trials if all have one seed, else as means over seeds."""
    several = any(len(one.rows) > 1 for one in best)
    ids = [one.config_id if several else one.rows[0].trial_id for one in best]
    title = f"best by {'mean ' * several}validation accuracy"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("config" if several else "trial", style="green", min_width=max(map(len, ids)))
    for name in ["seeds"] * several + ["val", "test", "seconds"]:
        table.add_column(name, justify="right", no_wrap=True)
    names = [name for name in names if not (several and name == "seed")]
    for name in short_names(names).values():
        table.add_column(Text(name), overflow="fold")
    for one, name in zip(best, ids, strict=True):
        numbers = [str(len(one.rows))] * several + [f"{one.val_accuracy:.4f}", *_test_and_seconds(one)]
        flat = one.rows[0].config
        table.add_row(name, *numbers, *(Text(printable(value(key, flat[key])) if key in flat else "") for key in names))
    return table


def _test_and_seconds(result: ConfigResult) -> list[str]:
    seconds = [row.seconds_total for row in result.rows if row.seconds_total is not None]
    test = "" if result.test_accuracy is None else f"{result.test_accuracy:.4f}"
    return [test, f"{sum(seconds) / len(seconds):.1f}" if seconds else ""]


def _failures(rows: Sequence[TrialRow]) -> dict[str, list[str]]:
    causes = defaultdict(list)
    for row in rows:
        if row.status is Status.FAILED:
            causes[row.error or "no cause recorded"].append(row.trial_id)
    return dict(sorted(causes.items(), key=lambda cause: -len(cause[1])))
