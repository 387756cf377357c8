"""Learning curves: the best trials as lines, all trials as a band."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.reports.blocks import Block, Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, FAINT_BLUE, GREY, RED, figure, literal, log_ticks, scatter
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.names import loss_title
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.ranking import BEST_TRIAL
from mnist_sweep.trials.row import Evaluation, TrialRow

if TYPE_CHECKING:
    import pandas as pd

NUM_BEST = 30
MAX_STEPS = 60


def section(results: Results) -> Section | None:
    """Return the curves of values on validation and the losses of the selected config; None if none has two points.

    With several seeds, the median one stands for the config.
    """
    good = {row.trial_id: row for row in results.good if len(_evaluations(row)) > 1}
    found = results.best_of(good)
    if not found:
        return None
    rows, name = [found[0], *(row for row in good.values() if row is not found[0])], found[1]
    band = quantiles(rows)
    drawn, of_all = rows[:NUM_BEST], counted(len(rows), "trial")
    in_words = f" Band: 10th to 90th percentile of all {of_all}." * (len(rows) > 1)
    blocks: list[Block] = [
        Plot(
            title=f"Validation {results.measure.title} during training",
            finding=f"{_lines_in_words(len(drawn), name)}{in_words}",
            figure=_values(drawn, band, results, name),
            table=_table(rows[0], band, name),
        ),
        _losses(rows[0], results, name),
    ]
    return Section(
        key="learning-curves", title="Would longer training help?", finding=_finding(rows, name), blocks=blocks
    )


def _lines_in_words(number: int, name: str) -> str:
    if number == 1:
        return f"Line: {name}."
    if name == BEST_TRIAL:
        return f"Lines: the best {counted(number, 'trial')}."
    return f"Lines: {name}, and the best {counted(number - 1, 'other trial')}."


def _short(name: str) -> str:
    return "best trial" if name == BEST_TRIAL else "selected config"


def quantiles(rows: Sequence[TrialRow]) -> "pd.DataFrame":
    """Return the 10th, 50th and 90th percentile of the values on validation, and the number of trials, by step.

    More than MAX_STEPS different steps are binned into that many, each named by its last step.
    """
    import pandas as pd

    points = [(row.trial_id, point.step, point.val) for row in rows for point in _evaluations(row)]
    frame = pd.DataFrame(points, columns=["trial_id", "step", "val"])
    if frame["step"].nunique() > MAX_STEPS:
        bins = pd.cut(frame["step"], MAX_STEPS)
        frame["step"] = frame.groupby(bins, observed=True)["step"].transform("max")
        frame = frame.drop_duplicates(["trial_id", "step"], keep="last")
    groups = frame.groupby("step")["val"]
    low, high = groups.quantile(0.1), groups.quantile(0.9)
    return pd.DataFrame({"low": low, "median": groups.median(), "high": high, "n": groups.size()}).reset_index()


def _evaluations(row: TrialRow) -> list[Evaluation]:
    return [point for point in row.history if point.val is not None]


def _finding(rows: Sequence[TrialRow], name: str) -> str:
    measure = rows[0].measure
    peaks = [max(_evaluations(row), key=lambda point: measure.score(point.val or 0.0)) for row in rows]
    best_of, peaked, above = (
        ("highest", "peaked", "above") if measure.mode == "max" else ("lowest", "was lowest", "below")
    )
    last, peak = _evaluations(rows[0])[-1], peaks[0]
    lost = measure.score(peak.val or 0.0) - measure.score(last.val or 0.0)
    own = f"at its last step, {last.step:,}, so longer training may help"
    if lost > 0:
        own = f"at step {peak.step:,}, {measure.difference(lost)} {above} its final {measure.title}"
    text = f"{name[0].upper()}{name[1:]} {peaked} {own}."
    if len(rows) == 1:
        return text
    rising = sum(peak.step == _evaluations(row)[-1].step for row, peak in zip(rows, peaks, strict=True))
    others = "half" if 2 * rising == len(rows) else "most"
    so = f", so {others} had stopped improving before the end" if 2 * rising <= len(rows) else ""
    had = f"{rising:,} of {counted(len(rows), 'trial')} had their {best_of}"
    return f"{text} {had} validation {measure.title} at the last evaluation{so}."


def _values(rows: Sequence[TrialRow], band: "pd.DataFrame", results: Results, name: str) -> Any:
    steps = band["step"].tolist()
    edge = {"x": steps, "mode": "lines", "line_width": 0, "hoverinfo": "skip"}
    best, *others = rows
    return figure(
        scatter(y=_rounded(band["low"]), name="10th percentile", showlegend=False, **edge),
        scatter(
            y=_rounded(band["high"]),
            fill="tonexty",
            fillcolor=FAINT_BLUE,
            name="10th to 90th percentile",
            meta={"name": "90th percentile"},
            **edge,
        ),
        *([_lines(others, results, name=f"next {len(others)}", color=GREY, width=1)] if others else []),
        scatter(x=steps, y=_rounded(band["median"]), name="median", line={"color": BLUE, "dash": "dash"}),
        _lines([best], results, name=_short(name), color=RED, width=3),
        x="training steps",
        y=f"validation {results.measure.title}",
        height=400,
        meta={"better": ["y", results.measure.sign]},
    )


def _lines(rows: Sequence[TrialRow], results: Results, *, name: str, color: str, width: int) -> Any:
    curves = [(_evaluations(row), literal(results.label(row))) for row in rows]
    return scatter(
        x=[step for curve, _ in curves for step in [*(point.step for point in curve), None]],
        y=[y for curve, _ in curves for y in [*(round(point.val or 0.0, 5) for point in curve), None]],
        text=[text for curve, text in curves for _ in [*curve, None]],
        name=name,
        mode="lines",
        line={"color": color, "width": width},
        hovertemplate="%{y:.4f} after %{x} steps<br>%{text}<extra></extra>",
    )


def _losses(row: TrialRow, results: Results, name: str) -> Plot:
    curve = _evaluations(row)
    steps = [point.step for point in curve]
    train, val = [point.train_loss for point in curve], [point.val_loss for point in curve]
    return Plot(
        title=f"Loss of {name}",
        finding=_overfitting(train[-1], val[-1]),
        figure=figure(
            scatter(x=steps, y=_rounded(train), name="train", line={"color": BLUE, "dash": "dot"}),
            scatter(x=steps, y=_rounded(val), name="validation", line={"color": RED}),
            x="training steps",
            y="cross-entropy, nats" if loss_title(row.config) == "cross-entropy" else "loss",
            yaxis_type="log" if all(loss is None or loss > 0 for loss in [*train, *val]) else "linear",
            yaxis_tickformat="~g",  # else 0.5 and 0.05 are both labelled 5
            yaxis_dtick=log_ticks([*train, *val]),
        ),
        table=Table(
            caption=f"Loss of {name}, {results.label(row)}",
            columns=columns_of(("step", 0), ("train loss", 4), ("val loss", 4)),
            rows=list(zip(steps, train, val, strict=True))[-MAX_STEPS:],
        ),
    )


def _overfitting(train: float | None, val: float | None) -> str:
    if train is None or val is None:
        return "Loss on the training batches and on the validation split."
    return f"The final loss is {train:.3g} on the training batches and {val:.3g} on the validation split." + (
        " The gap indicates overfitting." if val > 2 * train > 0 else ""
    )


def _table(best: TrialRow, band: "pd.DataFrame", name: str) -> Table:
    of_best = {point.step: point.val for point in best.history}
    values = [(title, 4) for title in (_short(name), "10th percentile", "median", "90th percentile")]
    lines = zip(*(band[name].tolist() for name in band), strict=True)
    return Table(
        caption=f"Validation {best.measure.title} by step",
        columns=columns_of(("step", 0), *values, ("trials", 0)),
        rows=[[step, of_best.get(step), *others] for step, *others in lines],
    )


def _rounded(values: Any) -> list[float | None]:
    return [None if value is None else round(value, 5) for value in values]
