"""Plotly figures that suit the page: small, without WebGL, and legible on light and dark backgrounds.

Lines and points have colours after Okabe and Ito (2008) with a contrast of at least 3:1 to both white and black; text,
grid and background are coloured in the browser, which knows the reader's scheme.
"""

import html
import json
from collections.abc import Iterable
from typing import Any

from mnist_sweep.reports.markup import clean

BLUE, RED, GREY = "#2b83ba", "#d55e00", "#808080"
FAINT_BLUE = "rgba(43, 131, 186, 0.25)"
HEIGHT = 340


def figure(*traces: Any, x: str, y: str, height: int = HEIGHT, **layout: Any) -> Any:
    """Return a Plotly figure of traces, with titles of both axes and a height in pixels; the width is the page's."""
    import plotly.graph_objects as go

    plot = go.Figure(traces)
    plot.update_layout(template="none", height=height, margin={"l": 60, "r": 16, "t": 8, "b": 48})
    plot.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"})
    plot.update_layout(xaxis_title_text=x, yaxis_title_text=y, xaxis_automargin=True, yaxis_automargin=True)
    plot.update_yaxes(title_standoff=12)  # off the labels of ticks, however long these are
    plot.update_layout(hovermode="closest", dragmode=False, hoverlabel_align="left", **layout)
    return plot


def scatter(**options: Any) -> dict[str, Any]:
    """Return a Plotly trace of points or a line."""
    return {"type": "scatter", **options}


def bars(**options: Any) -> dict[str, Any]:
    """Return a Plotly trace of horizontal bars."""
    return {"type": "bar", "orientation": "h", **options}


def log_ticks(values: Iterable[float | None]) -> str | int | None:
    """Return the ticks of a logarithmic axis: 1, 2 and 5 of each decade, or 1 if there are more than three.

    None, Plotly's choice, within a decade: elsewhere that labels all digits, which overlap.
    """
    known = [value for value in values if value]
    ratio = max(known) / min(known) if known else 0.0
    return None if ratio < 10 else "D2" if ratio < 1000 else 1


def figure_json(plot: Any) -> str:
    """Return a figure's data and layout as JSON for a script element."""
    content = json.loads(plot.to_json())
    content["layout"].pop("template", None)
    return script_json(content)


def script_json(content: Any) -> str:
    """Return JSON that cannot end the script element it is placed in."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def literal(text: str) -> str:
    """Return text for a label of a figure, where Plotly would take `<b>` for bold."""
    return html.escape(clean(text), quote=False)
