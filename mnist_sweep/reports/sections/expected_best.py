"""The best accuracy to expect from smaller budgets, which shows whether the sweep was large enough."""

import math
from typing import TYPE_CHECKING, Any

from mnist_sweep.reports.blocks import Plot, Section, Table, number_columns
from mnist_sweep.reports.plots import BLUE, FAINT_BLUE, figure, scatter
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.numbers import duration

if TYPE_CHECKING:
    import pandas as pd

MAX_LINES = 25
READING = (
    "Line: the expected best validation accuracy of that many trials, drawn at random from these (trials that a search "
    "proposes later may do better), each config with all its seeds. Band: its 95% interval."
)


def section(results: Results) -> Section | None:
    """Return the expected best validation accuracy against trials and against core-seconds; None for a single trial."""
    from mnist_sweep.analysis.expected_best import expected_best_curve, sentence

    if len(results.good) < 2:
        return None
    curve = expected_best_curve(results.trials)
    cost = float(results.trials["seconds_total"].mean()) * float(results.good[0].environment.get("threads", 1))
    plots = [_plot(curve, "trials", READING, digits=0)]
    if cost > 0:
        reading = f"The same curve in core-seconds: a trial used {duration(cost)} of one core on average."
        plots.append(_plot(curve.assign(budget=curve["budget"] * cost), "core-seconds", reading, digits=1))
    return Section(key="expected-best", title="Expected best", finding=sentence(results.trials), blocks=plots)


def _plot(curve: "pd.DataFrame", unit: str, reading: str, *, digits: int) -> Plot:
    lines = _thinned(curve)[["budget", "expected_best", "low", "high"]].to_numpy().tolist()
    return Plot(
        title=f"Expected best accuracy by {unit}",
        finding=reading,
        figure=_figure(curve, unit),
        table=Table(
            caption=f"Expected best validation accuracy by {unit}",
            columns=[*number_columns(unit, digits=digits), *number_columns("expected best", "low", "high", digits=4)],
            rows=[[None if math.isnan(cell) else cell for cell in line] for line in lines],
        ),
        small=True,
    )


def _thinned(curve: "pd.DataFrame") -> "pd.DataFrame":
    """Return about MAX_LINES rows of a curve, evenly apart, the last among them."""
    step = -(-len(curve) // MAX_LINES)
    return curve.iloc[::-1].iloc[::step].iloc[::-1]


def _figure(curve: "pd.DataFrame", unit: str) -> Any:
    budget = curve["budget"].tolist()
    edges = {"mode": "lines", "line_width": 0, "showlegend": False, "hoverinfo": "skip"}
    return figure(
        scatter(x=budget, y=curve["low"].tolist(), **edges),
        scatter(x=budget, y=curve["high"].tolist(), fill="tonexty", fillcolor=FAINT_BLUE, **edges),
        scatter(
            x=budget,
            y=curve["expected_best"].tolist(),
            mode="lines",
            line={"color": BLUE, "width": 2},
            showlegend=False,
            hovertemplate="%{y:.4f} from %{x:.4g}<extra></extra>",
        ),
        x=unit,
        y="expected best",
        height=300,
    )
