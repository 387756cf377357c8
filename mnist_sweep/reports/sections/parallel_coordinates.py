"""Parallel coordinates: each trial is a line through its hyperparameters to its value on validation.

Drawn with ordinary lines, because Plotly's own parallel coordinates need WebGL and `eval`, which some browsers and the
page's security policy forbid.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnist_sweep.reports.blocks import Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, GREY, RED, figure, literal, scatter
from mnist_sweep.reports.report_data import MAX_LEVELS, Results, evenly_spaced, values_tried
from mnist_sweep.text.lines import listed
from mnist_sweep.text.names import natural, short_names, value
from mnist_sweep.text.numbers import counted, in_digits
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.trials.value_format import Measure

MAX_AXES = 9
MAX_LINES = 300
MIN_SHARE_OF_BEST = 0.7
MIN_EXCESS = 0.2  # of that share over the share of all trials
MIN_WIDTH, CHARACTER_WIDTH, MARGIN = 90, 7, 16  # of an axis, of a character of its ticks, and beside them, in pixels
SPREAD = 0.03  # of lines with the same value, as a share of the height of an axis
MAX_TEXT = 20
MISSING = -0.1
MIN_LOG_RATIO = 30.0
MIN_GAP = 0.05  # between two ticks, as a share of the height of an axis


class Axis(NamedTuple):
    """One vertical axis: the height of each value by its JSON, in [0, 1] or MISSING for None, and its ticks."""

    title: str
    heights: Mapping[str, float]
    ticks: Sequence[tuple[float, str]]

    def height(self, given: Any) -> float:
        """Return the height of a value."""
        return self.heights[json.dumps(given)]


def section(results: Results) -> Section | None:
    """Return the hyperparameters of the best trials beside those of all; None if none varies or the best are one."""
    names, best = results.hyperparameters[:MAX_AXES], results.good[: round(len(results.good) / 10)]
    if not names or len(best) < 2:
        return None
    rows = evenly_spaced(results.good, MAX_LINES)
    titles = short_names(names)
    axes = [hyperparameter_axis(titles[name], name, [row.config.get(name) for row in rows]) for name in names]
    axes.append(value_axis(f"val {results.measure.title}", [row.val or 0.0 for row in rows], results.measure))
    longest = max(len(text) for axis in axes for _, text in axis.ticks)
    plot = Plot(
        title=f"Hyperparameters and {results.measure.title} of each trial",
        finding=_explanation(results, names),
        figure=_figure(results, rows, names, axes),
        table=Table(
            caption="Hyperparameters of the top 10% of trials",
            columns=columns_of("hyperparameter", "values in the top 10%", "values tried"),
            rows=[
                [titles[name], values_tried(best, name, counts=True), values_tried(results.good, name)]
                for name in names
            ],
        ),
        min_width=max(MIN_WIDTH, CHARACTER_WIDTH * longest + MARGIN) * len(axes),
    )
    top = f"the top 10% of trials ({len(best)} of {len(results.good):,})"
    common = [text for name in names if (text := _prevalent(best, results.good, name))]
    none = f"No hyperparameter value is much more frequent in {top} than among all."
    finding = f"Of {top}, {listed(common)}." if common else none
    return Section(
        key="parallel-coordinates", title="What do the best trials have in common?", finding=finding, blocks=[plot]
    )


def _explanation(results: Results, names: Sequence[str]) -> str:
    text = f"Each line is a trial; the rightmost axis is its validation {results.measure.title}."
    if len(results.good) > MAX_LINES:
        text += f" {MAX_LINES} of {counted(len(results.good), 'trial')} are drawn, evenly spaced by rank."
    omitted = results.hyperparameters[len(names) :]
    return text + (f" Axes omitted for lack of space: {listed(omitted)}." if omitted else "")


def _prevalent(best: Sequence[TrialRow], rows: Sequence[TrialRow], name: str) -> str | None:
    """Return the value that most of the best share, with its frequency, if it is rarer among all trials; else None."""
    given, number = Counter(value(name, row.config.get(name)) for row in best).most_common(1)[0]
    of_all = sum(value(name, row.config.get(name)) == given for row in rows)
    if number < MIN_SHARE_OF_BEST * len(best) or of_all / len(rows) > number / len(best) - MIN_EXCESS:
        return None
    return f"{number:,} have {name}={given} ({of_all / len(rows):.0%} of all trials)"


def _figure(results: Results, rows: Sequence[TrialRow], names: Sequence[str], axes: Sequence[Axis]) -> Any:
    lines = [_line(row, axes, names, number / (len(rows) - 1)) for number, row in enumerate(rows)]
    labels = [literal(results.label(row)) for row in rows]
    values = [[*(_exported(name, row.config.get(name)) for name in names), row.val, None] for row in rows]
    tenth, half = round(len(rows) / 10), len(rows) // 2

    def trace(which: slice, color: str, width: int, **options: Any) -> Any:
        return scatter(
            x=[x for line in lines[which] for x in range(len(line))],
            y=[y for line in lines[which] for y in line],
            text=[label for line, label in zip(lines[which], labels[which], strict=True) for _ in line],
            customdata=[given for row in values[which] for given in row],
            mode="lines",
            line={"color": color, "width": width},
            hovertemplate="%{text}<extra></extra>",
            **options,
        )

    traces = [
        trace(slice(half, None), GREY, 1, name="bottom half", opacity=0.55),
        trace(slice(tenth, half), BLUE, 1, name="top half", opacity=0.65),
        trace(slice(tenth), RED, 2, name="top 10%", opacity=0.9),
    ]
    return _with_axes(figure(*traces, x="", y="", height=400, meta={"x": "axis", "y": "value"}), axes)


def _exported(name: str, given: Any) -> Any:
    """Return a value of the config as the export of the plot shows it: numbers, or text."""
    return given if given is None or isinstance(given, int | float) else literal(value(name, given))


def _line(row: TrialRow, axes: Sequence[Axis], names: Sequence[str], rank: float) -> list[float | None]:
    """Return the heights of a trial on all axes, spread by its rank in [0, 1], and a gap after them."""
    values = [*(row.config.get(name) for name in names), row.val or 0.0]
    offsets = [SPREAD * (0.5 - rank)] * len(names) + [0.0]
    heights = [axis.height(given) + offset for axis, given, offset in zip(axes, values, offsets, strict=True)]
    return [*(round(height, 4) for height in heights), None]


def _with_axes(plot: Any, axes: Sequence[Axis]) -> Any:
    plot.update_xaxes(tickvals=[*range(len(axes))], ticktext=[literal(axis.title) for axis in axes])
    plot.update_xaxes(range=[-0.15, len(axes) - 0.45], showgrid=False, zeroline=False)
    plot.update_yaxes(range=[MISSING - 0.08, 1.08], visible=False)
    plot.update_layout(margin={"l": 8, "r": 8})
    for x, axis in enumerate(axes):
        plot.add_shape(type="line", x0=x, x1=x, y0=MISSING - 0.04, y1=1.04, line={"width": 1, "color": GREY})
        for y, text in axis.ticks:
            plot.add_annotation(x=x, y=y, text=literal(text), showarrow=False, xanchor="left", xshift=4, font_size=11)
    return plot


def hyperparameter_axis(title: str, name: str, values: Sequence[Any]) -> Axis:
    """Return the axis of a hyperparameter: few values evenly spaced, many numbers to scale."""
    present = {json.dumps(given): given for given in values if given is not None}
    numeric = all(isinstance(given, int | float) and not isinstance(given, bool) for given in present.values())
    if numeric and len(present) > MAX_LEVELS:
        heights = _to_scale(present)
    else:
        heights = _even(sorted(present, key=present.__getitem__ if numeric else natural))
    missing = [(MISSING, "none")] if None in values else []
    is_long = numeric and len(present) > MAX_LEVELS
    texts = {h: in_digits(present[text], 3) if is_long else value(name, present[text]) for text, h in heights.items()}
    texts = {height: text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…" for height, text in texts.items()}
    return Axis(title, {**heights, "null": MISSING}, [*missing, *_ticks(texts)])


def value_axis(title: str, values: Sequence[float], measure: Measure) -> Axis:
    """Return the axis of the values on validation, to scale but for the few that would squeeze the others."""
    edge = measure.edge(values)
    heights = _to_scale({json.dumps(one): measure.no_worse(one, edge) for one in values})
    texts = {height: f"{json.loads(text):.4f}" for text, height in heights.items()}
    if edge is not None:
        worst = min(values, key=measure.score)
        texts[heights[json.dumps(worst)]] = f"{'below' if measure.sign > 0 else 'above'} {edge:.4f}"
    return Axis(title, heights, _ticks(texts))


def _to_scale(present: Mapping[str, Any]) -> dict[str, float]:
    """Return the heights of numbers, logarithmic if their ratio exceeds MIN_LOG_RATIO."""
    low, high = min(present.values()), max(present.values())
    if low == high:
        return _even([*present])
    scale = math.log if low > 0 and high / low > MIN_LOG_RATIO else float
    return {text: (scale(given) - scale(low)) / (scale(high) - scale(low)) for text, given in present.items()}


def _even(ordered: Sequence[str]) -> dict[str, float]:
    return {text: 0.5 if len(ordered) == 1 else index / (len(ordered) - 1) for index, text in enumerate(ordered)}


def _ticks(texts: Mapping[float, str]) -> list[tuple[float, str]]:
    """Return ticks at all heights if they are few, else at about five evenly spaced; none that would cover another."""
    heights = sorted(texts)
    if len(heights) > MAX_LEVELS:
        heights = sorted({min(heights, key=lambda height: abs(height - tick / 4)) for tick in range(5)})
    shown: list[float] = []
    for height in [heights[-1], *heights[:-1]]:
        if all(abs(height - other) >= MIN_GAP for other in shown):
            shown.append(height)
    return [(height, texts[height]) for height in sorted(shown)]
