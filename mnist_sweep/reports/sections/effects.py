"""The effect of each hyperparameter: the means of its levels with their intervals, and a sentence."""

import math
from collections.abc import Sequence
from typing import Any

from mnist_sweep.analysis.effects.effect import Effect
from mnist_sweep.reports.blocks import Block, Cell, Paragraph, Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, figure, literal, scatter
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.value_format import Measure

MAX_PLOTS = 8
MAX_NAMED = 6
READING = (
    " Bars compare levels: those of the best and the worst overlap unless the 95% interval of their difference "
    "excludes 0. The interval of each mean alone is in the table."
)


def section(results: Results) -> Section | None:
    """Return the effects of all hyperparameters, strongest first; None if none varies or no trial succeeded."""
    if not results.hyperparameters or not results.good:
        return None
    _, analysis = results.analysis
    drawn = [effect for effect in analysis.effects if any(not math.isnan(level.mean) for level in effect.levels)]
    limits = _limits(drawn[:MAX_PLOTS], analysis.objective)
    blocks: list[Block] = [_table(analysis.effects, analysis.objective)]
    blocks += [_plot(effect, limits, analysis.objective) for effect in drawn[:MAX_PLOTS]]
    if len(drawn) > MAX_PLOTS:
        blocks.append(Paragraph(text=f"{counted(len(drawn) - MAX_PLOTS, 'weaker effect')} without a plot."))
    blocks += [Paragraph(text=pair.sentence) for pair in analysis.interactions if pair.significant]
    blocks += [Paragraph(text=note) for note in analysis.notes]
    said = [one.sentence for one in analysis.effects[:MAX_NAMED]]
    said += [pair.sentence for pair in analysis.interactions if pair.significant][:MAX_NAMED]
    finding = " ".join(map(_sentence, said))
    if len(said) > 1:
        finding += " Each is an average over the other hyperparameters: in a single config, the effect may differ."
    return Section(key="effects", title="What does each hyperparameter do?", finding=finding, blocks=blocks)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _table(found: Sequence[Effect], measure: Measure) -> Table:
    unit = f", {measure.delta_unit}" * bool(measure.delta_unit)
    written = ", in percentage points" if measure.is_share else unit.replace(", ", ", in ")
    within = "; the share of one that belongs to a part (… of …) is among the trials with that part"
    numbers = (f"difference{unit}", None), f"95% interval{unit}", ("share of variance", 3)
    return Table(
        caption=f"Effects on validation {measure.title}, strongest first: best level minus worst{written}"
        + within * any(effect.name.endswith(")") for effect in found),
        columns=columns_of("hyperparameter", *numbers, "significant"),
        rows=[
            [
                effect.title,
                measure.delta(effect.difference),
                measure.delta_interval(effect.low, effect.high).removeprefix("95% interval "),
                effect.share,
                "yes" if effect.significant else "no",
            ]
            for effect in found
        ],
    )


def _plot(effect: Effect, limits: Sequence[float], measure: Measure) -> Plot:
    numbers = ("trials", 0), ("mean", 4), ("low", 4), ("high", 4), ("failed", 0), ("diverged", 0)
    rows: list[list[Cell]] = [
        [level.value, level.n, level.mean, level.low, level.high, level.num_failed, level.num_diverged]
        for level in effect.levels
    ]
    caption = f"Mean validation {measure.title} by {effect.title}, with its 95% interval"
    table = Table(caption=caption, columns=columns_of("level", *numbers), rows=rows)
    drawing = _figure(effect, limits, measure)
    finding = f"{_sentence(effect.sentence)}{READING * (not math.isnan(_half(effect)))}"
    return Plot(title=effect.title, finding=finding, figure=drawing, table=table, small=True)


def _figure(effect: Effect, limits: Sequence[float], measure: Measure) -> Any:
    levels = [level for level in effect.levels if not math.isnan(level.mean)]
    half = _half(effect)
    return figure(
        scatter(
            x=[literal(level.value) for level in levels],
            y=[level.mean for level in levels],
            error_y={"type": "constant", "value": None if math.isnan(half) else half, "color": BLUE},
            mode="lines+markers" if effect.kind == "number" else "markers",
            marker={"color": BLUE, "size": 9},
            line={"color": BLUE, "width": 1, "dash": "dot"},
            hovertemplate="%{x}: %{y:.4f}<extra></extra>",
        ),
        x="",
        y=f"mean val {measure.title}",
        height=260,
        xaxis_type="category",
        meta={"x": "level"},
        yaxis_range=[*limits],
    )


def _half(effect: Effect) -> float:
    """Return half the length of the bars at levels: those of the best and the worst overlap unless they differ.

    The 95% interval of their difference, which holds for all pairs at once, is above 0 just if the bars do not overlap
    (Hochberg and Tamhane 1987, section 3.2.3, on uncertainty intervals).
    """
    return (effect.difference - effect.low) / 2


def _limits(found: Sequence[Effect], measure: Measure) -> list[float]:
    """Return the range of the vertical axis, which all plots share so that effects can be compared by eye."""
    ends = [
        end
        for effect in found
        for level in effect.levels
        for end in (level.mean, level.mean - _half(effect), level.mean + _half(effect))
    ]
    known = [min(1.0, max(0.0, end)) if measure.is_share else end for end in ends if not math.isnan(end)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    pad = 0.05 * (high - low)
    return [low - pad, high + pad]
