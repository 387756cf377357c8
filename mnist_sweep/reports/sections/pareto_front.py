"""What trials are judged by against cost, and the trials that no other trial beats in both."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnist_sweep.reports.blocks import Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, RED, figure, literal, log_ticks, scatter
from mnist_sweep.reports.report_data import Results, evenly_spaced
from mnist_sweep.search import saved_objectives
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.trials import ranking
from mnist_sweep.trials.row import TrialRow

MAX_POINTS = 1000
MAX_FRONT = 50
CLOSE = 0.005
MIN_LOG_RATIO = 10.0


class Cost(NamedTuple):
    """A field of rows of which less is better, and its words."""

    field: str
    title: str
    better: str
    axis: str
    unit: str
    column: str
    digits: int

    def of(self, row: TrialRow) -> float:
        """Return its value, which is there."""
        return float(getattr(row, self.field))


TIME = Cost("seconds_total", "wall time", "faster", "wall time of the trial, seconds", " s", "seconds", 2)
SIZE = Cost("parameters", "parameters", "smaller", "trainable weights", " parameters", "parameters", 0)
OTHERS = (
    Cost("latency", "latency", "faster", "evaluation of the trained model, ms per image", " ms", "ms per image", 4),
    Cost("seconds_train", "time of training", "faster", "time of training, seconds", " s", "seconds", 2),
    Cost("seconds_evaluate", "time of evaluation", "faster", "time of evaluations, seconds", " s", "seconds", 2),
)


def section(results: Results) -> Section | None:
    """Return values on validation against wall time, against parameters if trials differ in these, and the objectives.

    None if fewer than two trials have a value and a wall time.
    """
    rows = [row for row in results.good if row.seconds_total]
    if len(rows) < 2:
        return None
    sized = [row for row in rows if row.parameters]
    others = [(SIZE, sized)] if len({row.parameters for row in sized}) > 1 else []
    asked = saved_objectives.read(results.folder)
    others += [(cost, [row for row in rows if getattr(row, cost.field)]) for cost in OTHERS if cost.field in asked]
    return Section(
        key="pareto-front",
        title="Is a faster or smaller config as good?",
        finding=_finding(rows, pareto_optimal(rows)),
        blocks=[_plot(rows, TIME, results), *(_plot(found, cost, results) for cost, found in others if found)],
    )


def _plot(rows: Sequence[TrialRow], cost: Cost, results: Results) -> Plot:
    front, title = pareto_optimal(rows, cost), results.measure.title
    better = "more accurate" if results.measure.is_accuracy else f"better in {title}"
    drawn = evenly_spaced(rows, MAX_POINTS)
    number = "1 trial is" if len(front) == 1 else f"{len(front):,} trials are"
    finding = f"{number} on the Pareto front: no other trial is both {cost.better} and {better}."
    if len(drawn) < len(rows):
        of_all = f"{len(drawn):,} of {counted(len(rows), 'trial')}"
        finding += f" {of_all} are drawn, evenly spaced by rank, and the whole front."
    return Plot(
        title=f"Validation {title} against {cost.title}",
        finding=finding,
        figure=_figure(drawn, front, cost, results),
        table=_table(front, cost, results),
    )


def pareto_optimal(rows: Sequence[TrialRow], cost: Cost = TIME) -> list[TrialRow]:
    """Return the trials that no other trial beats in both the value on validation and a cost, cheapest first."""
    return [rows[place] for place in ranking.pareto_optimal([(cost.of(row), -_score(row)) for row in rows])]


def _score(row: TrialRow) -> float:
    return row.measure.score(row.val or 0.0)


def _finding(rows: Sequence[TrialRow], front: Sequence[TrialRow]) -> str:
    best, measure = front[-1], front[-1].measure
    # Where differences have no scale of their own, a twentieth of what separates the trials is close.
    close = CLOSE if measure.is_share else (_score(best) - min(map(_score, rows))) / 20
    half = "half a point" if measure.is_share else measure.difference(close)
    near = next(row for row in front if _score(row) >= _score(best) - close)
    seconds = [row.seconds_total or 0.0 for row in rows]
    least, most = duration(min(seconds)), duration(max(seconds))
    text = f"Trials took {least}. " if least == most else f"Trials took between {least} and {most}. "
    if near is best:
        took = duration(best.seconds_total or 0.0)
        return f"{text}No faster trial came within {half} of the best, which took {took}."
    lost = measure.difference(_score(best) - _score(near))
    less = "less" if measure.mode == "max" else "more"
    cheap, dear = duration(near.seconds_total or 0.0), duration(best.seconds_total or 0.0)
    fastest = f"The fastest trial within {half} of the best"
    return f"{text}{fastest} took {cheap} instead of {dear}, at {lost} {less}."


def _figure(rows: Sequence[TrialRow], front: Sequence[TrialRow], cost: Cost, results: Results) -> Any:
    def points_of(chosen: Sequence[TrialRow], **given: Any) -> Any:
        return scatter(
            x=[round(cost.of(row), 4) for row in chosen],
            y=[round(row.val or 0.0, 5) for row in chosen],
            text=[literal(results.label(row)) for row in chosen],
            hovertemplate=f"%{{y:.4f}} in %{{x}}{cost.unit}<br>%{{text}}<extra></extra>",
            **given,
        )

    diamond = {"color": RED, "size": 10, "symbol": "diamond"}
    costs = [cost.of(row) for row in [*rows, *front]]
    is_log = max(costs) > MIN_LOG_RATIO * min(costs)
    return figure(
        points_of(rows, mode="markers", name="trials", marker={"color": BLUE, "size": 6, "opacity": 0.7}),
        points_of(front, mode="lines+markers", name="Pareto front", line={"color": RED, "shape": "hv"}, marker=diamond),
        x=cost.axis,
        y=f"validation {results.measure.title}",
        height=400,
        meta={"better": ["y", results.measure.sign]},
        xaxis_tickformat="~s" if cost is SIZE else "~g",
        xaxis_type="log" if is_log else "linear",
        xaxis_dtick=log_ticks(costs) if is_log else None,
    )


def _table(front: Sequence[TrialRow], cost: Cost, results: Results) -> Table:
    numbers = (cost.column, cost.digits), (f"val {results.measure.title}", 4)
    return Table(
        caption=f"Trials on the Pareto front, {cost.better[:-1]}st first",
        columns=columns_of("trial", "hyperparameters", *numbers),
        rows=[[row.trial_id, results.label(row), cost.of(row), row.val] for row in front[-MAX_FRONT:]],
    )
