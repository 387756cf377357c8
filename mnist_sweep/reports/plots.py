"""Plotly figures that fit the page: small, without WebGL, and without colours that only one background bears.

Lines and points have colours after Okabe and Ito (2008) that stand out from white and from black by 3 to 1 at least;
text, grid and background get theirs in the browser, which knows whether it is dark.
"""

import html
import json
from typing import TYPE_CHECKING, Any

from mnist_sweep.reports.markup import clean

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, RED, GREY = "#2b83ba", "#d55e00", "#808080"
FAINT_BLUE = "rgba(43, 131, 186, 0.25)"
HEIGHT = 340


def figure(*traces: Any, x: str, y: str, height: int = HEIGHT, **layout: Any) -> "go.Figure":
    """Return a figure of these traces.

    Args:
        traces: Plotly traces.
        x: Title of the horizontal axis.
        y: Title of the vertical axis.
        height: In pixels; the width is the page's.
        layout: More of Plotly's layout, by its names with `_` for each level.
    """
    import plotly.graph_objects as go

    made = go.Figure(traces)
    made.update_layout(template="none", height=height, margin={"l": 60, "r": 16, "t": 8, "b": 48})
    made.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"})
    made.update_layout(xaxis_title_text=x, yaxis_title_text=y, xaxis_automargin=True, yaxis_automargin=True)
    made.update_layout(hovermode="closest", dragmode=False, hoverlabel_align="left", **layout)
    return made


def to_json(made: "go.Figure") -> str:
    """Return a figure's data and layout as JSON that may stand in a script element."""
    content = json.loads(made.to_json())
    content["layout"].pop("template", None)
    return for_script(content)


def for_script(content: Any) -> str:
    """Return JSON that no HTML parser sees an end of its element in."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def plain(text: str) -> str:
    """Return text for a label of a plot, where Plotly would take `<b>` for bold."""
    return html.escape(clean(text), quote=False)
