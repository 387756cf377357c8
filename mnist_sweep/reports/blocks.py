"""What a report is made of, whatever it is written as: sections of text, facts, tables, charts and pictures.

Texts here are plain: whoever writes them as HTML, as Markdown or into a chart escapes them there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        title: Its heading, short.
        name: Its whole name, by which a filter may ask for it; the title if empty.
        numeric: Whether it holds numbers, which stand to the right.
        digits: Decimals shown of its numbers; None shows six significant figures.
    """

    title: str
    name: str = ""
    numeric: bool = False
    digits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns.

    Attributes:
        caption: What it shows.
        columns: Its columns.
        rows: A cell for each column, row by row; None is an empty cell.
        interactive: Whether readers of the page can sort, filter and page through it.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    interactive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A plot, and the same figures as a table for whoever cannot see it.

    Attributes:
        title: Its heading.
        finding: What it shows, in a sentence.
        figure: The plot, without colours of text and background.
        table: The figures behind it, or the most important of them.
        min_width: Least width at which it can be read, in pixels; 0 if it fits a phone.
        small: Whether it stands beside others like it.
    """

    title: str
    finding: str
    figure: "go.Figure"
    table: Table
    min_width: int = 0
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One small image.

    Attributes:
        png: Its PNG file.
        caption: What it shows; the text for whoever cannot see it.
    """

    png: bytes
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Small images in a row.

    Attributes:
        caption: What they show.
        pictures: The images.
    """

    caption: str
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Terms and what they are, as in a list of key figures.

    Attributes:
        facts: Pairs of a term and its value.
        key: Whether they are the key figures of the report, to be shown large.
    """

    facts: Sequence[tuple[str, str]]
    key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line for a terminal."""

    text: str


Block = Table | Chart | Pictures | Facts | Paragraph | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One question of the reader and its answer.

    Attributes:
        key: Its name in links: letters and `-`.
        title: Its heading.
        finding: The answer in words; empty if there is none.
        blocks: What stands behind it.
    """

    key: str
    title: str
    finding: str
    blocks: Sequence[Block] = ()


def written(cell: Cell, digits: int | None = None) -> str:
    """Return a cell as text: numbers with these decimals, or with six significant figures; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.{digits}f}" if digits is not None else f"{cell:g}"
    return f"{cell:,}" if isinstance(cell, int) and digits == 0 else str(cell)
