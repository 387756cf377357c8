"""The parts of a report, independent of its format: sections of text, facts, tables, plots and images.

Texts are plain; `html`, `markdown` and `plotly_figures` escape them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Filters may use its full `name`, the title if empty. None as `digits` shows six significant ones.
    """

    title: str
    name: str = ""
    numeric: bool = False
    digits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of rows with one cell per column; None and NaN are empty cells.

    An interactive one can be sorted, filtered and paged on the HTML page.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    interactive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A Plotly figure without colours of text and background, and the most important data behind it as a table.

    Attributes:
        min_width: Smallest readable width in pixels; 0 if it fits a phone.
        small: Whether it is placed beside other small plots.
    """

    title: str
    finding: str
    figure: Any
    table: Table
    min_width: int = 0
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One small image: the content of its PNG file, and a caption, which is also its alternative text."""

    png: bytes
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """A gallery of small images."""

    caption: str
    images: Sequence[Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A list of pairs of a term and its value; the key metrics of the report are shown large."""

    facts: Sequence[tuple[str, str]]
    large: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of text; text in backquotes is code."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line to copy into a terminal."""

    text: str


Block = Table | Plot | Images | Facts | Paragraph | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the report, with its main finding in words; `key` is its anchor: lowercase letters and `-`."""

    key: str
    title: str
    finding: str
    blocks: Sequence[Block] = ()


def columns_of(*titles: str | tuple[str, int | None]) -> list[Column]:
    """Return columns of text by their titles, and of numbers by titles with decimals, None for six significant ones."""
    return [
        Column(title=one) if isinstance(one, str) else Column(title=one[0], numeric=True, digits=one[1])
        for one in titles
    ]


def cell_text(cell: Cell, digits: int | None = None) -> str:
    """Return a cell as text: a number with that many decimals or six significant digits, nothing for None and NaN."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float):
        return f"{cell:.{digits}f}" if digits is not None else f"{cell:g}"
    return f"{cell:,}" if isinstance(cell, int) and digits == 0 else str(cell)
