"""A console that shows text from results as text, and what the views print alike: lines, and tables without boxes.

Names and values in a results folder may hold sequences that control a terminal, or reorder what stands in a line.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from mnist_sweep.text.lines import printable


class Terminal(Console):
    """A console that escapes non-printable characters in whatever it is given."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable; only Rich's own styles and controls reach the terminal."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield segment._replace(text="\n".join(map(printable, segment.text.split("\n"))))


def print_lines(console: Console, *lines: str, style: str = "") -> None:
    """Print each line without markup; it stays whole where the terminal is narrow."""
    for line in lines:
        console.print(Text(line), style=style, soft_wrap=True)


def plain_table(*columns: Column | str, **options: Any) -> Table:
    """Return a table without a box, with a title on the left if one is among the options of Rich."""
    return Table(*columns, title_justify="left", box=None, pad_edge=False, **options)


def numbers(*names: str) -> list[Column]:
    """Return columns of numbers, which are never cut."""
    return [Column(name, justify="right", no_wrap=True) for name in names]
