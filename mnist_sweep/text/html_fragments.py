"""HTML that a notebook shows of a value: sentences, a table and small plots, with everything escaped.

A plot is an SVG file inside the address of an image: it can neither run a script nor ask another host, and viewers that
remove SVG from a page, as GitHub's does, show it.
"""

import base64
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from mnist_sweep.text.lines import printable

MAX_ROWS = 60
WIDTH, HEIGHT, LEFT, RIGHT, ABOVE, BELOW = 480, 200, 48, 8, 8, 20  # of a plot and its margins, in pixels
STRIP_WIDTH, STRIP_HEIGHT = 160, 18
GREY, BLUE, BLACK = "#bbb", "#2b83ba", "#333"  # blue stands out from white and from black


def paragraphs(sentences: Iterable[str]) -> Markup:
    """Return each sentence as a paragraph."""
    return Markup("").join(Markup("<p>%s</p>\n") % printable(sentence) for sentence in sentences)


def table(columns: Iterable[object], rows: Sequence[Iterable[object]]) -> Markup:
    """Return a table, in which cells of `Markup` stay as they are; of a long table, the first and last rows."""
    half = MAX_ROWS // 2
    shown = rows if len(rows) <= MAX_ROWS else [*rows[:half], ["…"], *rows[-half:]]
    body = Markup("").join(_cells("td", row) for row in shown)
    return Markup("<table><thead>%s</thead><tbody>%s</tbody></table>\n") % (_cells("th", columns), body)


def html_repr(sentences: Iterable[str], columns: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return paragraphs and a table."""
    return str(paragraphs(sentences) + table(columns, [*rows]))


def curves(lines: Sequence[Sequence[tuple[float, float]]], title: str) -> Markup:
    """Return a plot of lines through points (x, y), at least one; the last line is highlighted."""
    xs, ys = zip(*(point for line in lines for point in line), strict=True)
    low, high, last, bottom, right = min(ys), max(ys), max(xs), HEIGHT - BELOW, WIDTH - RIGHT
    across, up = (right - LEFT) / (last or 1), (bottom - ABOVE) / (high - low or 1)
    shapes = ['<rect width="100%" height="100%" fill="white"/>']  # also in a dark notebook
    shapes += [f'<path d="M{LEFT} {ABOVE}V{bottom}H{right}" fill="none" stroke="{BLACK}"/>']
    for number, line in enumerate(lines, start=1):
        points = " ".join(f"{LEFT + across * x:.1f},{bottom - up * (y - low):.1f}" for x, y in line)
        colour, thick = (BLUE, 2) if number == len(lines) else (GREY, 1)
        shapes.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
    for text, x, y in (
        (f"{high:.4g}", LEFT - 4, ABOVE + 8),
        (f"{low:.4g}", LEFT - 4, bottom),
        ("0", LEFT + 3, HEIGHT - 6),
        (f"{last:,.0f}", right, HEIGHT - 6),
    ):
        shapes.append(f'<text x="{x}" y="{y}" text-anchor="end" fill="{BLACK}">{text}</text>')
    return _image("".join(shapes), title, WIDTH, HEIGHT)


def strip(values: Sequence[float], low: float, high: float, title: str) -> Markup:
    """Return a plot of values as dots between two ends, with a line at their mean."""
    places = [6 + (STRIP_WIDTH - 12) * (value - low) / (high - low or 1) for value in values]
    mean, middle = sum(places) / len(places), STRIP_HEIGHT / 2
    dots = (f'<circle cx="{place:.1f}" cy="{middle}" r="4" fill="{BLUE}" fill-opacity=".8"/>' for place in places)
    line = f'<path d="M{mean:.1f} 2V{STRIP_HEIGHT - 2}" stroke="{BLUE}" stroke-width="2"/>'
    return _image("".join([*dots, line]), title, STRIP_WIDTH, STRIP_HEIGHT)


def _image(shapes: str, title: str, width: int, height: int) -> Markup:
    start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif"'
    svg = f'{start} font-size="11">{shapes}</svg>'
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    text = printable(title)
    return Markup('<img width="{}" height="{}" alt="{}" title="{}" src="{}">').format(width, height, text, text, source)


def _cells(tag: str, values: Iterable[object]) -> Markup:
    cells = (Markup("<{}>{}</{}>").format(tag, _shown(value), tag) for value in values)
    return Markup("<tr>%s</tr>") % Markup("").join(cells)


def _shown(value: object) -> str:
    if value is None or isinstance(value, Markup):
        return value or ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4f}"
    return printable(str(value))
