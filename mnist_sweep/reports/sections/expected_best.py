"""The best value to expect from smaller budgets, which shows whether the sweep was large enough."""

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
    "Line: the expected best validation {title} of that many trials, drawn at random from these (trials that a search "
    "proposes later may do better), each config with all its seeds. Band: its 95% interval."
)


def section(results: Results) -> Section | None:
    """Return the expected best value on validation against the number of trials; None for a single trial."""
    from mnist_sweep.analysis.expected_best import expected_best_curve, sentence

    if len(results.good) < 2:
        return None
    curve = expected_best_curve(results.trials)
    threads = results.good[0].environment.get("threads")  # not recorded by a trial that was run without a setting
    cost = float(results.trials["seconds_total"].mean()) * (threads if type(threads) is int and threads > 0 else 1)
    title = results.measure.title
    reading = READING.format(title=title) + f" A trial used {duration(cost)} of one core on average." * (cost > 0)
    return Section(
        key="expected-best",
        title="Expected best",
        finding=sentence(results.trials),
        blocks=[_plot(curve, reading, title)],
    )


def _plot(curve: "pd.DataFrame", reading: str, title: str) -> Plot:
    lines = _thinned(curve)[["budget", "expected_best", "low", "high"]].to_numpy().tolist()
    return Plot(
        title=f"Expected best {title} by trials",
        finding=reading,
        figure=_figure(curve),
        table=Table(
            caption=f"Expected best validation {title} by trials",
            columns=[*number_columns("trials", digits=0), *number_columns("expected best", "low", "high", digits=4)],
            rows=[[None if math.isnan(cell) else cell for cell in line] for line in lines],
        ),
    )


def _thinned(curve: "pd.DataFrame") -> "pd.DataFrame":
    """Return about MAX_LINES rows of a curve, evenly apart, the last among them."""
    step = -(-len(curve) // MAX_LINES)
    return curve.iloc[::-1].iloc[::step].iloc[::-1]


def _figure(curve: "pd.DataFrame") -> Any:
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
        x="trials",
        y="expected best",
        height=300,
    )
