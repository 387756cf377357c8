"""The `status` of a results folder in a terminal: trials by status, the best configs, the failures by cause, a race."""

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mnist_sweep.analysis.folder_status import FolderStatus
from mnist_sweep.text.lines import listed, printable
from mnist_sweep.text.names import short_names, value
from mnist_sweep.text.numbers import counted

NUM_CAUSES = 10


def show(found: FolderStatus, console: Console) -> None:
    """Print the counts, the best configs, the failures by cause, the files, and a race."""
    for part in parts(found):
        console.print(part, soft_wrap=isinstance(part, Text))


def parts(found: FolderStatus) -> Iterator[RenderableType]:
    """Yield the parts of a status, the counts first."""
    counts = ", ".join(f"{number} {status}" for status, number in found.statuses.items() if number) or "none finished"
    yield Text(f"{counted(found.num_trials, 'trial')}: {counts}")
    if found.best:
        yield _best_table(found)
    if found.pareto_front:
        yield Text(f"Pareto front of {listed(found.objectives)}: configs {listed(found.pareto_front)}")
    for failure in found.failures[:NUM_CAUSES]:
        first, *more = failure.trial_ids
        others = f" and {len(more)} more" if more else ""
        yield Text(f"failed: {printable(failure.cause)}: {first}{others}", style="red")
    if rest := found.failures[NUM_CAUSES:]:
        number = counted(sum(len(failure.trial_ids) for failure in rest), "trial")
        yield Text(f"failed: {number} more, with {counted(len(rest), 'other cause')}", style="red")
    yield Text(f"{found.folder}/: {', '.join(found.files)}")
    yield from map(Text, found.notes)
    if found.race:
        from mnist_sweep.cli.views import race

        yield from race.parts(found.race)


def _best_table(found: FolderStatus) -> Table:
    """Return the table of configs, the selected one first: as trials if all have one seed, else as means over seeds."""
    best = found.best
    several = any(len(one.trial_ids) > 1 for one in best)
    ids = [one.config_id if several else one.trial_ids[0] for one in best]
    title = f"best by {'mean ' * several}validation {found.objective.title}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("config" if several else "trial", style="green", min_width=max(map(len, ids)))
    for name in ["seeds"] * several + ["val", "test", "seconds"]:
        table.add_column(name, justify="right", no_wrap=True)
    names = [name for name in found.fields if not (several and name == "seed")]
    for name in short_names(names).values():
        table.add_column(Text(name), overflow="fold")
    for one, name in zip(best, ids, strict=True):
        test = "" if one.test is None else f"{one.test:.4f}"
        seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
        numbers = [str(len(one.trial_ids))] * several + [f"{one.val:.4f}", test, seconds]
        values = (printable(value(key, one.values[key])) if key in one.values else "" for key in names)
        table.add_row(name, *numbers, *map(Text, values))
    return table
