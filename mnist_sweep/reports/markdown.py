"""A report as Markdown, for a terminal or a pull request: the same text and tables, without figures."""

import re
from collections.abc import Iterator, Sequence

from mnist_sweep.reports.blocks import Block, Command, Facts, Images, Paragraph, Plot, Section, Table, cell_text
from mnist_sweep.reports.markup import clean
from mnist_sweep.text.lines import one_line

MAX_ROWS = 20
_SPECIAL = re.compile(r"([\\`*\[\]<>|$&]|(?<!\w)_|_(?!\w)|~(?=~))")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")


def render(title: str, sections: Sequence[Section]) -> str:
    """Return the Markdown of a report."""
    return "\n\n".join([f"# {inline(title)}", *(part for section in sections for part in _section(section))]) + "\n"


def inline(text: str) -> str:
    """Return plain text as Markdown, with text in backquotes as code."""
    parts = re.split(r"`([^`]*)`", _line(text))
    return "".join(f"`{part}`" if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _section(section: Section) -> Iterator[str]:
    yield f"## {inline(section.title)}"
    if section.finding:
        yield inline(section.finding)
    for block in section.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield inline(block.text)
        case Command():
            yield f"    {_line(block.text)}"
        case Facts():
            yield "\n".join(f"- {inline(term)}: {inline(fact)}" for term, fact in block.facts)
        case Table():
            yield from _table(block)
        case Plot():
            yield f"### {inline(block.title)}"
            yield inline(block.finding)
            yield from _table(block.table)
        case Images():
            yield "\n".join(f"- {inline(image.caption)}" for image in block.images)


def _table(table: Table) -> Iterator[str]:
    more = len(table.rows) - MAX_ROWS
    yield f"{inline(table.caption)}{f', first {MAX_ROWS} of {len(table.rows):,} rows' if more > 0 else ''}:"
    lines = [[_cell(column.title) for column in table.columns]]
    lines.append(["---:" if column.numeric else "---" for column in table.columns])
    lines += [
        [_cell(cell_text(cell, column.digits)) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows[:MAX_ROWS]
    ]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _escaped(_line(text))


def _escaped(text: str) -> str:
    """Escape what Markdown would interpret, and mentions, which would notify somebody."""
    return _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", text))


def _line(text: str) -> str:
    return one_line(clean(text))
