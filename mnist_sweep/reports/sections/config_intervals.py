"""The picture of configs: their means on validation with both intervals, and on test, one config below the other."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_sweep.analysis.selection import config_means
from mnist_sweep.analysis.selection_wording import Selection
from mnist_sweep.reports.blocks import Cell, Column, Table, columns_of
from mnist_sweep.reports.plotly_figures import GREY, RED, figure, literal, scatter
from mnist_sweep.trials.value_format import Measure

if TYPE_CHECKING:
    import pandas as pd

MAX_LABEL, MAX_LINES = 46, 3  # characters that fit a phone, and lines of them
HEIGHT, HEIGHT_OF_CONFIG, HEIGHT_OF_LINE = 160, 18, 16  # pixels
INTERVALS = ("95% of validation, these images", "95% of validation, new images")
HALF_BLUE = "rgba(43, 131, 186, 0.45)"
Means = Mapping[str, float]


class Group(NamedTuple):
    """Configs whose means on validation have one marker: its name in the legend, their places, and its style."""

    name: str
    places: Sequence[int]
    marker: Mapping[str, Any]


def intervals_of(trials: "pd.DataFrame", config_ids: Sequence[str], selection: Selection) -> list[Means]:
    """Return the means of configs with their intervals, as `config_means`; those of the selected one as `select`.

    The interval for other seeds is unknown where one seed, or equal ones, leave that of the images.
    """
    found = zip(config_ids, config_means(trials, config_ids), strict=True)
    return [
        _without_unknown({end: getattr(selection, end) for end in means} if name == selection.config_id else means)
        for name, means in found
    ]


def interval_table(
    measure: Measure, columns: Sequence[Column], cells: Iterable[Sequence[Cell]], means: Iterable[Means]
) -> Table:
    """Return the table of configs, with these columns and their cells before the means and intervals."""
    shown = ("val_mean", "val_low", "val_high", "val_new_low", "val_new_high", "test_mean")
    val, test = f"val {measure.title}", f"test {measure.title}"
    numbers = [(title, 4) for title in (val, "low", "high", "low for new images", "high for new images", test)]
    return Table(
        caption="Configs, with 95% intervals for these images and for new ones",
        columns=[*columns, *columns_of(*numbers)],
        rows=[[*config, *(one[name] for name in shown)] for config, one in zip(cells, means, strict=True)],
    )


def interval_figure(measure: Measure, labels: Sequence[str], means: Sequence[Means], groups: Sequence[Group]) -> Any:
    """Return the figure of configs with these labels and means, from top to bottom."""
    places, number = [*range(len(labels))], "%{x:.2%}" if measure.is_share else "%{x:.4g}"
    texts = ["<br>".join(map(literal, textwrap.wrap(text, MAX_LABEL)[:MAX_LINES])) for text in labels]

    def dots(name: str, key: str, chosen: Sequence[int], marker: Mapping[str, Any]) -> Any:
        return scatter(
            x=[means[place][key] for place in chosen],
            y=[*chosen],
            text=[texts[place] for place in chosen],
            mode="markers",
            name=name,
            marker=marker,
            cliponaxis=False,
            hovertemplate=f"{number}<br>%{{text}}<extra>{name}</extra>",
        )

    traces = [
        _bars(INTERVALS[1], number, [(one["val_new_low"], one["val_new_high"]) for one in means], GREY, 1.5),
        _bars(INTERVALS[0], number, [(one["val_low"], one["val_high"]) for one in means], HALF_BLUE, 9),
        *(dots(group.name, "val_mean", group.places, group.marker) for group in groups),
        dots("test", "test_mean", places, {"color": RED, "size": 9, "symbol": "diamond-open", "line": {"width": 2}}),
    ]
    title = measure.title if measure.is_share else f"{measure.title}, {measure.unit}".removesuffix(", ")
    drawn = [trace for trace in traces if not all(map(math.isnan, trace["x"]))]
    num_lines = max(1 + text.count("<br>") for text in texts)
    height = HEIGHT + (HEIGHT_OF_CONFIG + HEIGHT_OF_LINE * num_lines) * len(labels)
    plot = figure(*drawn, x=title, y="", height=height, xaxis_tickformat="~%" if measure.is_share else "~g")
    if measure.is_share:  # equal ones would have an axis to 150%
        plot.update_xaxes(autorangeoptions={"clipmin": 0, "clipmax": 1})
    plot.update_yaxes(range=[len(labels) - 0.6, -0.75], visible=False, tickvals=places, ticktext=texts)
    name = {"x": 0, "xref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 6, "showarrow": False}
    names = [{**name, "align": "left", "y": place, "text": text} for place, text in enumerate(texts)]
    return plot.update_layout(
        margin={"l": 12, "r": 12}, annotations=names, meta={"y": "config", "better": ["x", measure.sign]}
    )


def _bars(name: str, number: str, ends: Sequence[tuple[float, float]], color: str, width: float) -> Any:
    return scatter(
        x=[x for low, high in ends for x in (low, high, math.nan)],
        y=[place for place in range(len(ends)) for _ in range(3)],
        mode="lines",
        name=name,
        line={"color": color, "width": width},
        hovertemplate=f"{number}<extra>{name}</extra>",
        meta={"intervals": True},
    )


def _without_unknown(means: Means) -> Means:
    if (means["val_low"], means["val_high"]) != (means["val_new_low"], means["val_new_high"]):
        return means
    return {**means, "val_low": math.nan, "val_high": math.nan}
