"""The view of a race: who remains, who is out and by whom, and the answer."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mnist_sweep.search.race_summary import RaceSummary
from mnist_sweep.text.lines import printable
from mnist_sweep.text.numbers import counted

NUM_SHOWN = 10
MAX_LABEL = 24  # of a config that is kept in one line, also where the terminal is narrow


def parts(race: RaceSummary) -> Iterator[RenderableType]:
    """Yield the best configs that remain, the last ones that are out, and the answer."""
    remaining = [one for one in race.settings if one.remains]
    gone = race.settings[len(remaining) :]
    shown = [*remaining[:NUM_SHOWN], *gone[:NUM_SHOWN]]
    table = Table(title="race", title_justify="left", box=None, pad_edge=False, header_style="bold")
    longest = max((len(one.label) for one in shown), default=0)
    table.add_column("config", overflow="fold", no_wrap=longest <= MAX_LABEL)
    for name in ("val", "seeds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("collapsed", no_wrap=True)
    table.add_column("", overflow="fold")
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
