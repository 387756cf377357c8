"""A report as Markdown, for a terminal or a pull request: the same words and tables, no pictures."""

import re
from collections.abc import Iterator, Sequence

from mnist_sweep.reports.blocks import Block, Chart, Command, Facts, Paragraph, Pictures, Section, Table, written
from mnist_sweep.reports.markup import clean
from mnist_sweep.text.lines import one_line

MAX_ROWS = 20
_SPECIAL = re.compile(r"([\\`*\[\]<>|$&]|(?<!\w)_|_(?!\w)|~(?=~))")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")


def render(title: str, sections: Sequence[Section]) -> str:
    """Return the Markdown of a report."""
    return "\n\n".join([f"# {text(title)}", *(part for section in sections for part in _section(section))]) + "\n"


def text(plain: str) -> str:
    """Return plain text as Markdown that shows it; what stands in backquotes is shown as code."""
    parts = re.split(r"`([^`]*)`", one_line(clean(plain)))
    return "".join(_code(part) if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _section(section: Section) -> Iterator[str]:
    yield f"## {text(section.title)}"
    if section.finding:
        yield text(section.finding)
    for block in section.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield text(block.text)
        case Command():
            yield f"    {one_line(clean(block.text))}"
        case Facts():
            yield "\n".join(f"- {text(term)}: {text(fact)}" for term, fact in block.facts)
        case Table():
            yield from _table(block)
        case Chart():
            yield f"### {text(block.title)}"
            yield text(block.finding)
            yield from _table(block.table)
        case Pictures():
            yield "\n".join(f"- {text(picture.caption)}" for picture in block.pictures)


def _table(table: Table) -> Iterator[str]:
    more = len(table.rows) - MAX_ROWS
    yield f"{text(table.caption)}{f', the first {MAX_ROWS} of {len(table.rows):,}' if more > 0 else ''}:"
    lines = [[_cell(column.title) for column in table.columns]]
    lines.append(["---:" if column.numeric else "---" for column in table.columns])
    lines += [
        [_cell(written(cell, column.digits)) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows[:MAX_ROWS]
    ]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(plain: str) -> str:
    """Return plain text as a cell, whatever it holds, backquotes too."""
    return _escaped(one_line(clean(plain)))


def _escaped(plain: str) -> str:
    """Return plain text that Markdown leaves as it is, and that notifies nobody who is called by such a name."""
    return _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", plain))


def _code(plain: str) -> str:
    return f"`{plain}`"
