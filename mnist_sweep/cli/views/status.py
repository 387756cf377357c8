"""The `status` of a results folder in a terminal: trials by status, the best configs, the failures by cause, a race."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

from mnist_sweep.analysis.folder_status import FolderStatus
from mnist_sweep.cli.safe_console import numbers, plain_table
from mnist_sweep.text.lines import listed, printable
from mnist_sweep.text.names import short_names, value
from mnist_sweep.text.numbers import counted

if TYPE_CHECKING:
    from mnist_sweep.search.race_summary import RaceSummary

NUM_CAUSES = 10
NUM_RACED = 10
MAX_LABEL = 24  # of a config of a race that is kept in one line, also where the terminal is narrow


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
        yield from race_parts(found.race)


def race_parts(race: "RaceSummary") -> Iterator[RenderableType]:
    """Yield the best configs of a race that remain, the last ones that are out, and the answer."""
    remaining = [one for one in race.settings if one.remains]
    shown = [*remaining[:NUM_RACED], *race.settings[len(remaining) :][:NUM_RACED]]
    longest = max((len(one.label) for one in shown), default=0)
    label = Column("config", overflow="fold", no_wrap=longest <= MAX_LABEL)
    others = Column("collapsed", no_wrap=True), Column(overflow="fold")
    table = plain_table(label, *numbers("val", "seeds"), *others, title="race")
    for one in shown:
        cells = (one.label, race.objective.text(one.val), str(one.num_seeds), one.collapsed, one.state)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    if race.num_trials:
        yield table
    if num_left := len(race.settings) - len(shown):
        yield Text(f"{counted(num_left, 'config')} more: the report lists all")
    yield from (Text(printable(sentence)) for sentence in race.sentences)
    if race.forecast:
        yield Text(f"to run: {race.forecast}")


def _best_table(found: FolderStatus) -> Table:
    """Return the table of configs, the selected one first: as trials if all have one seed, else as means over seeds."""
    best = found.best
    several = any(len(one.trial_ids) > 1 for one in best)
    ids = [one.config_id if several else one.trial_ids[0] for one in best]
    title = f"best by {'mean ' if several else ''}validation {found.objective.title}"
    names = [name for name in found.fields if not (several and name == "seed")]
    table = plain_table(
        Column("config" if several else "trial", style="green", min_width=max(map(len, ids))),
        *numbers(*(["seeds"] if several else []), "val", "test", "seconds"),
        *(Column(Text(name), overflow="fold") for name in short_names(names).values()),
        title=title,
    )
    for one, name in zip(best, ids, strict=True):
        test = "" if one.test is None else found.objective.cell(one.test)
        seeds = [str(len(one.trial_ids))] if several else []
        seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
        figures = [*seeds, found.objective.cell(one.val), test, seconds]
        values = (printable(value(key, one.values[key])) if key in one.values else "" for key in names)
        table.add_row(name, *figures, *map(Text, values))
    return table
