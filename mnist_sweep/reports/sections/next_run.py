"""What to run next: whether more seeds would help, whether more configs would, and the commands."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.analysis.next_run_rules import ProposedRun
from mnist_sweep.analysis.selection_wording import ONE_SEED
from mnist_sweep.reports.blocks import Block, Command, Paragraph, Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, FAINT_BLUE, figure, scatter
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.numbers import counted, duration

if TYPE_CHECKING:
    import pandas as pd

KEY, TITLE = "next-run", "Would more seeds or more configs help?"
NO_TRIAL = "No trial succeeded, so first something else must change."
ONE_CONFIG = "There is one config: others would show whether it can be beaten, and more seeds how much it varies."
POPULATION = "A population gets no more seeds, and one seed leaves open which of its configs is the best."
MAX_LINES = 25
READING = (
    "Line: the expected best validation {title} of that many trials, drawn at random from these (trials that a search "
    "proposes later may do better), each config with all its seeds. Band: its 95% interval."
)


def section(results: Results) -> Section:
    """Return whether more seeds and more configs would help, and the commands of the runs that are proposed."""
    from mnist_sweep.analysis.tuning_curve import MIN_CONFIGS, sentence

    proposed, blocks = results.proposed, list[Block]()
    for run in proposed.runs:
        blocks.append(Paragraph(text=f"{run.reason[0].upper()}{run.reason[1:]} ({run.cost}):"))
        folder = shlex.quote(str(results.folder))
        blocks.append(Command(text=shlex.join(run.command) or f"mnist-sweep next {folder} --script SCRIPT"))
    blocks += [Paragraph(text=note) for note in proposed.notes]
    finding = _on_seeds(results, proposed.runs)
    if len(results.good) > 1:
        selection, _ = results.analysis
        all_tied = len(selection.tied) == selection.num_compared and not selection.untested
        finding += f" {sentence(results.trials, all_tied=all_tied)}"
    if len(results.configs) >= MIN_CONFIGS:
        blocks.append(expected_best(results))
    return Section(key=KEY, title=TITLE, finding=finding, blocks=blocks)


def _on_seeds(results: Results, runs: Sequence[ProposedRun]) -> str:
    """Return whether more seeds would help, in a sentence."""
    if not results.good:
        return NO_TRIAL
    if results.race:
        return "The race has ended." if results.race.end else "The race adds seeds itself, as far as they help."
    tied, measure = results.candidates, results.measure
    for run in runs:
        if run.kind == "seeds":
            of = "they" if len(run.config_ids) == len(tied) else f"{len(run.config_ids):,} of them"
            may_be = f"{counted(len(tied), 'config')} may be the best"
            return f"More seeds would help: {may_be}; with {run.seeds} seeds each, {of} are easier to tell apart."
        if run.kind == "search":
            return "More seeds are not proposed before the search has ended."
    if results.num_configs == 1:
        return ONE_CONFIG
    if len(tied) < 2:
        several = " with several successful seeds" if results.analysis[0].left_out else ""
        return f"More seeds are not needed: no other config{several} may be the best."
    if results.analysis[0].method == ONE_SEED:
        return POPULATION
    if not measure.is_share:
        return f"Whether more seeds would help depends on the difference in {measure.title} that matters."
    return "More seeds would hardly help: with these, a difference that matters (half a point) is expected to show."


def expected_best(results: Results) -> Plot:
    """Return the expected best value on validation against the number of trials, of which two or more succeeded."""
    from mnist_sweep.analysis.tuning_curve import expected_best_curve

    curve = expected_best_curve(results.trials)
    threads = results.good[0].environment.get("threads")  # not recorded by a trial that was run without a setting
    cost = float(results.trials["seconds_total"].mean()) * (threads if type(threads) is int and threads > 0 else 1)
    title = results.measure.title
    reading = READING.format(title=title)
    if cost > 0:
        reading += f" A trial used {duration(cost)} of one core on average."
    step = -(-len(curve) // MAX_LINES)
    thinned = curve.iloc[(len(curve) - 1) % step :: step]  # evenly, the last one included
    return Plot(
        title=f"Expected best {title} by trials",
        finding=reading,
        figure=_figure(curve),
        table=Table(
            caption=f"Expected best validation {title} by trials",
            columns=columns_of(("trials", 0), ("expected best", 4), ("low", 4), ("high", 4)),
            rows=thinned[["budget", "expected_best", "low", "high"]].to_numpy().tolist(),
        ),
    )


def _figure(curve: "pd.DataFrame") -> Any:
    budget = curve["budget"].tolist()
    edges = {"mode": "lines", "line_width": 0, "showlegend": False, "hoverinfo": "skip"}
    return figure(
        scatter(x=budget, y=curve["low"].tolist(), name="95% interval, low", **edges),
        scatter(
            x=budget, y=curve["high"].tolist(), fill="tonexty", fillcolor=FAINT_BLUE, name="95% interval, high", **edges
        ),
        scatter(
            x=budget,
            y=curve["expected_best"].tolist(),
            mode="lines",
            name="expected",
            line={"color": BLUE, "width": 2},
            showlegend=False,
            hovertemplate="%{y:.4f} from %{x:.4g}<extra></extra>",
        ),
        x="trials",
        y="expected best",
        height=300,
    )
