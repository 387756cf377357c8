"""A report as one HTML page that needs no network and, by its own security policy, cannot reach one.

Text and the first rows of tables come before the scripts, so that they are visible while Plotly is still loading. It is
packed, so that the page fits into an e-mail; the policy allows the script that comes out.
"""

import base64
import functools
import gzip
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from markupsafe import Markup

from mnist_sweep.reports.blocks import Block, Command, Facts, Images, Paragraph, Plot, Section, Table, cell_text
from mnist_sweep.reports.markup import clean, element, join
from mnist_sweep.reports.plotly_figures import figure_json, script_json
from mnist_sweep.text.lines import listed
from mnist_sweep.text.numbers import counted

FIRST_ROWS = 25
_WORD = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+"  # of Hebrew, Arabic and their kin
RIGHT_TO_LEFT = re.compile(f"({_WORD}(?: {_WORD})*)")
NOUNS = {Plot: "plot", Table: "table", Images: "sheet"}

ScriptData = dict[str, str]  # the JSON that scripts read, without `<`, by the id of its element


def render(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Return the HTML page of a report."""
    plotly, packed = packed_plotly()
    scripts = {name: resource(f"{name}.js") for name in ("tables", "plots", "downloads", "page")}
    data: ScriptData = {}
    first, *others = sections
    links = [element("li", element("a", _name(section), href=f"#{section.key}")) for section in others]
    return Template(resource("page.html")).substitute(
        policy=content_security_policy([*scripts.values(), plotly]),
        title=join([title]),
        subtitle=inline(subtitle),
        style=resource("style.css"),
        first=_section(first, _blocks(first.blocks, data)),
        links=element("ul", *links),
        others="\n".join(_folded(section, data) for section in others),
        content="\n".join(f'<script type="application/json" id="{key}">{json}</script>' for key, json in data.items()),
        plotly=packed,
        **scripts,
    )


@functools.cache
def packed_plotly() -> tuple[str, str]:
    """Return Plotly's script, and its gzip file in base64, from which the page unpacks it: 2 MB instead of 4.8."""
    from plotly.offline import get_plotlyjs

    script = get_plotlyjs()
    return script, base64.b64encode(gzip.compress(script.encode(), 6, mtime=0)).decode()


def content_security_policy(scripts: Iterable[str]) -> str:
    """Return a Content-Security-Policy that allows these scripts, no other script, and no network access.

    Inline styles are allowed because Plotly sets them on its elements.
    """
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def inline(text: str) -> Markup:
    """Return plain text as HTML, with text in backquotes as code."""
    parts = re.split(r"`([^`]+)`", text)
    return join(element("code", part) if index % 2 else isolated(part) for index, part in enumerate(parts))


def isolated(text: str) -> Markup:
    """Return text as HTML in which words from right to left do not move the numbers and signs beside them."""
    parts = RIGHT_TO_LEFT.split(text)
    return join(element("bdi", part) if index % 2 else part for index, part in enumerate(parts))


def resource(name: str) -> str:
    """Return a script or style of the report by the name of its file."""
    return files("mnist_sweep.reports").joinpath(name).read_text(encoding="utf-8")


def _folded(section: Section, data: ScriptData) -> Markup:
    """Return a section whose blocks are folded behind a line that says what they are."""
    if not section.blocks:
        return _section(section, [])
    number = Counter(type(block) for block in section.blocks)
    parts = [counted(number[kind], noun) for kind, noun in NOUNS.items() if number[kind]]
    summary = element("summary", f"{_name(section)}: {listed(parts) if parts else 'details'}")
    return _section(section, [element("details", summary, *_blocks(section.blocks, data), class_="fold")])


def _section(section: Section, content: Iterable[Markup]) -> Markup:
    finding = [element("p", inline(section.finding), class_="finding")] if section.finding else []
    heading = element("h2", section.title, id=f"{section.key}-title")
    return element("section", heading, *finding, *content, id=section.key, aria_labelledby=f"{section.key}-title")


def _name(section: Section) -> str:
    return section.key.replace("-", " ").capitalize()


def _blocks(blocks: Sequence[Block], data: ScriptData) -> Iterator[Markup]:
    """Yield blocks as elements, consecutive small plots as one grid."""
    for small, group in itertools.groupby(blocks, key=lambda block: isinstance(block, Plot) and block.small):
        elements = [_block(block, data) for block in group]
        yield element("div", *elements, class_="plots") if small else join(elements)


def _block(block: Block, data: ScriptData) -> Markup:
    match block:
        case Paragraph():
            return element("p", inline(block.text))
        case Command():
            return element("pre", element("code", block.text))
        case Facts():
            return _facts(block)
        case Table():
            return _interactive(block, data) if block.interactive else _table(block)
        case Plot():
            return _plot(block, data)
        case Images():
            return _images(block)


def _facts(facts: Facts) -> Markup:
    pairs = [
        element("div", element("dt", term), element("dd", _fact(fact) if facts.large else fact))
        for term, fact in facts.facts
    ]
    return element("dl", *pairs, class_="metrics" if facts.large else "facts")


def _fact(fact: str) -> Markup:
    """Return a large fact, with its text in parentheses shown small."""
    main, bracket, rest = fact.partition(" (")
    return join([main, element("small", rest.removesuffix(")"))]) if bracket and rest.endswith(")") else join([fact])


def _table(table: Table) -> Markup:
    classes = ["number" if column.numeric else None for column in table.columns]
    titles = [column.title for column in table.columns]
    head = [element("th", title, scope="col", class_=name) for title, name in zip(titles, classes, strict=True)]
    rows = []
    for row in table.rows[: FIRST_ROWS if table.interactive else None]:
        first, *others = [cell_text(cell, column.digits) for cell, column in zip(row, table.columns, strict=True)]
        cells = [element("td", text, class_=name) for text, name in zip(others, classes[1:], strict=True)]
        rows.append(element("tr", element("th", first, scope="row", class_=classes[0]), *cells))
    parts = element("caption", table.caption), element("thead", element("tr", *head)), element("tbody", *rows)
    content = element("table", *parts, class_=None if table.interactive else "plain")
    return element("div", content, class_="scroll", tabindex=0, role="group", aria_label=table.caption)


def _interactive(table: Table, data: ScriptData) -> Markup:
    key = f"table{len(data)}"
    columns = [
        {"title": column.title, "name": column.name or column.title, "numeric": column.numeric, "digits": column.digits}
        for column in table.columns
    ]
    cells = [[*map(_rounded, column)] for column in zip(*table.rows, strict=True)]
    data[f"rows-{key}"] = script_json({"columns": columns, "cells": cells})
    return element("div", _table(table), class_="interactive", id=key)


def _rounded(cell: Any) -> Any:
    return float(f"{cell:.6g}") if isinstance(cell, float) else clean(cell) if isinstance(cell, str) else cell


def _plot(plot: Plot, data: ScriptData) -> Markup:
    key = f"plot{len(data)}"
    data[f"figure-{key}"] = figure_json(plot.figure)
    words = f"Plot: {plot.title}. The table below it has the same data."
    style = f"height:{plot.figure.layout.height}px;min-width:{plot.min_width}px"
    drawing = element("div", id=key, class_="plot", role="img", aria_label=words, style=style)
    if plot.min_width:
        drawing = element("div", drawing, class_="scroll", tabindex=0, role="group", aria_label=f"{plot.title}, plot")
    table = element("details", element("summary", "Show the data as a table"), _table(plot.table))
    return element("figure", element("h3", plot.title), element("p", inline(plot.finding)), drawing, table)


def _images(gallery: Images) -> Markup:
    items = []
    for image in gallery.images:
        source = f"data:image/png;base64,{base64.b64encode(image.png).decode()}"
        caption = element("span", isolated(image.caption), aria_hidden="true")
        items.append(element("li", element("img", src=source, alt=image.caption), caption))
    return element("figure", element("h3", gallery.caption), element("ul", *items, class_="images"))
