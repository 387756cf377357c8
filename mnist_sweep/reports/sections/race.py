"""The race of a sweep that ran until the best was known: the answer, and who is out, when and by whom."""

import math

from mnist_sweep.reports.blocks import Block, Paragraph, Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, GREY, figure, scatter
from mnist_sweep.reports.report_data import Results
from mnist_sweep.search.race_summary import RaceSummary

METHOD = (
    "Evidence that one config is better than another is the ratio of two likelihoods of their differences, paired by "
    "seed; it may be looked at after every trial. Its error is proven for two configs with normal differences, and was "
    "measured in simulations for more."
)


def section(results: Results) -> Section | None:
    """Return the answer of the race with its configs; None for a sweep that was no race.

    Raises:
        LedgerError: The file that describes the race is damaged.
    """
    found = results.race
    if found is None:
        return None
    finding, *limits = found.sentences
    limits += [f"To run: {found.forecast}."] if found.forecast else []
    table = Table(
        caption="Configs that remain, the best first, and those that are out, the last one first",
        columns=columns_of("config", f"val {found.objective.title}", "seeds", "collapsed runs", "state"),
        rows=[
            [one.label, found.objective.text(one.val), str(one.num_seeds), one.collapsed, one.state]
            for one in found.settings
        ],
    )
    blocks: list[Block] = [*(Paragraph(text=limit) for limit in limits), *_rounds(found), table, Paragraph(text=METHOD)]
    return Section(key="race", title="What is the state of the race?", finding=finding, blocks=blocks)


def _rounds(race: RaceSummary) -> list[Plot]:
    """Return what the configs that remained were shown to be within, seed by seed; nothing before it is finite."""
    known = [(n, one) for n, one in enumerate(race.rounds, start=1) if math.isfinite(one.distance)]
    if not known:
        return []
    seeds, scale, unit = [n for n, _ in known], race.objective.scale, race.objective.delta_unit or race.objective.title
    goal = scale * race.known.within
    shown = {"mode": "lines+markers", "line_color": BLUE, "name": "shown to be within"}
    wanted = {"mode": "lines", "line": {"color": GREY, "dash": "dot"}, "name": "does not matter"}
    plot = figure(
        scatter(x=seeds, y=[scale * one.distance for _, one in known], **shown),
        scatter(x=[seeds[0], seeds[-1]], y=[goal, goal], **wanted),
        x="seeds",
        y=unit,
        height=300,
    )
    table = Table(
        caption="Configs that remain after each seed",
        columns=columns_of(("seeds", 0), ("remain", 0), (f"within, {unit}", 2 if race.objective.is_share else None)),
        rows=[[n, one.num_remaining, scale * one.distance] for n, one in known],
    )
    error = f"{100 * race.known.error:g}%"
    finding = f"All configs that remain are within this difference of each other (error at most {error}, at any seed)."
    return [Plot(title="Largest difference between the configs that remain", finding=finding, figure=plot, table=table)]
