"""Parallel coordinates: every trial a line through its settings to its accuracy.

Drawn with Plotly's plain lines, since its own parallel coordinates need WebGL and code made from text, which neither
every browser nor this page's security policy allows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mnist_sweep.reports.blocks import Block, Chart, Column, Section, Table
from mnist_sweep.reports.plots import BLUE, GREY, RED, figure, plain
from mnist_sweep.reports.report_data import Results, evenly
from mnist_sweep.reports.sections import axes
from mnist_sweep.reports.sections.axes import MAX_LEVELS, MISSING, Axis, natural
from mnist_sweep.reports.sections.trials import short_titles
from mnist_sweep.text.lines import listed
from mnist_sweep.text.names import value
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import TrialRow

MAX_AXES = 9
MAX_LINES = 300
MOST = 0.7
RARER = 0.2
FAN = 0.03


def section(results: Results) -> Section | None:
    """Return the settings of the best trials beside those of the others; None if there is nothing to compare."""
    names = results.settings[:MAX_AXES]
    if not names or len(results.good) < 2:
        return None
    best = results.good[: max(1, round(len(results.good) / 10))]
    table = common(best, results.good, names)
    blocks: list[Block] = [
        Chart(
            title="Settings and accuracy, trial by trial",
            finding=drawn_in_words(results, names),
            figure=_figure(results, names),
            table=table,
            min_width=90 * (len(names) + 1),
        )
    ]
    return Section(
        key="settings",
        title="What the best trials have in common",
        finding=_finding(best, results, names),
        blocks=blocks,
    )


def common(best: Sequence[TrialRow], rows: Sequence[TrialRow], names: Sequence[str]) -> Table:
    """Return the values of each setting among the best trials, beside the values that were tried."""
    return Table(
        caption="Settings of the best tenth of trials",
        columns=[Column(title="setting"), Column(title=f"among the best {len(best)}"), Column(title="tried")],
        rows=[[name, _values(best, name, counts=True), _values(rows, name)] for name in names],
    )


def drawn_in_words(results: Results, names: Sequence[str]) -> str:
    """Return what the lines are, and what was left out."""
    text = "Each line is a trial, from its settings on the left to its validation accuracy on the right."
    if len(results.good) > MAX_LINES:
        text += f" {MAX_LINES} of {counted(len(results.good), 'trial')} are drawn, evenly by rank."
    left_out = results.settings[len(names) :]
    return text + (f" Left out for lack of space: {listed(left_out)}." if left_out else "")


def _finding(best: Sequence[TrialRow], results: Results, names: Sequence[str]) -> str:
    who = f"the best tenth ({len(best)} of {len(results.good):,} trials that ended well)"
    if len(best) == 1:
        return f"{who[0].upper()}{who[1:]} is a single trial; more would show what good ones have in common."
    common = [text for name in names if (text := _prevalent(best, results.good, name))]
    if not common:
        return f"No setting is much more frequent in {who} than in the others."
    return f"Of {who}, {listed(common)}."


def _prevalent(best: Sequence[TrialRow], rows: Sequence[TrialRow], name: str) -> str | None:
    """Return how many of the best have the value that most of them share, if it is rarer among all; else None."""
    given, number = Counter(value(name, row.config.get(name)) for row in best).most_common(1)[0]
    of_all = sum(value(name, row.config.get(name)) == given for row in rows)
    if number < MOST * len(best) or of_all / len(rows) > number / len(best) - RARER:
        return None
    return f"{number:,} have {name} {given} (of all, {of_all / len(rows):.0%})"


def _values(rows: Sequence[TrialRow], name: str, *, counts: bool = False) -> str:
    values = [row.config[name] for row in rows if row.config.get(name) is not None]
    number = Counter(value(name, given) for given in values)
    if len(number) > MAX_LEVELS and all(isinstance(given, int | float) for given in values):
        return f"{value(name, min(values))} to {value(name, max(values))}"
    ordered = [text for text, _ in number.most_common()] if counts else sorted(number, key=natural)
    shown = [f"{text} ({number[text]})" if counts else text for text in ordered[:MAX_LEVELS]]
    return "; ".join(shown) + (f"; and {len(ordered) - MAX_LEVELS} more" if len(ordered) > MAX_LEVELS else "")


def _figure(results: Results, names: Sequence[str]) -> Any:
    rows = evenly(results.good, MAX_LINES)
    titles = short_titles(names)
    of = [axes.of_setting(titles[name], name, [row.config.get(name) for row in rows]) for name in names]
    of.append(axes.of_accuracy("val accuracy", [row.val_accuracy or 0.0 for row in rows]))
    lines = [_line(row, of, names, number / max(1, len(rows) - 1)) for number, row in enumerate(rows)]
    labels = [plain(results.label(row)) for row in rows]
    tenth, half = max(1, round(len(rows) / 10)), max(1, len(rows) // 2)
    traces = [
        _trace(lines[half:], labels[half:], name="lower half", color=GREY, opacity=0.55),
        _trace(lines[tenth:half], labels[tenth:half], name="upper half", color=BLUE, opacity=0.65),
        _trace(lines[:tenth], labels[:tenth], name="best tenth", color=RED, opacity=0.9, width=2),
    ]
    return _with_axes(figure(*traces, x="", y="", height=400), of)


def _line(row: TrialRow, of: Sequence[Axis], names: Sequence[str], rank: float) -> list[float | None]:
    """Return the heights of a trial on all axes, fanned out by its rank in [0, 1], and a gap behind them."""
    values = [*(row.config.get(name) for name in names), row.val_accuracy or 0.0]
    fan = [FAN * (0.5 - rank)] * len(names) + [0.0]
    return [*(round(axis.place(given) + by, 4) for axis, given, by in zip(of, values, fan, strict=True)), None]


def _trace(
    lines: Sequence[Sequence[float | None]],
    labels: Sequence[str],
    *,
    name: str,
    color: str,
    opacity: float,
    width: int = 1,
) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        name=name,
        x=[x for line in lines for x in range(len(line))],
        y=[y for line in lines for y in line],
        text=[label for line, label in zip(lines, labels, strict=True) for _ in line],
        mode="lines",
        line={"color": color, "width": width},
        opacity=opacity,
        hovertemplate="%{text}<extra></extra>",
    )


def _with_axes(made: Any, of: Sequence[Axis]) -> Any:
    made.update_xaxes(tickvals=[*range(len(of))], ticktext=[plain(axis.title) for axis in of])
    made.update_xaxes(range=[-0.15, len(of) - 0.45], showgrid=False, zeroline=False)
    made.update_yaxes(range=[MISSING - 0.08, 1.08], visible=False)
    made.update_layout(margin={"l": 8, "r": 8})
    for x, axis in enumerate(of):
        made.add_shape(type="line", x0=x, x1=x, y0=MISSING - 0.04, y1=1.04, line={"width": 1, "color": GREY})
        for y, text in axis.ticks:
            made.add_annotation(x=x, y=y, text=plain(text), showarrow=False, xanchor="left", xshift=4, font_size=11)
    return made
