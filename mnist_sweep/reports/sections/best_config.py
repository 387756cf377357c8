"""The answer first: which config is the best, how good it is, and how far that can be trusted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_sweep.reports.blocks import Block, Cell, Column, Facts, Paragraph, Section, Table
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.names import label, value
from mnist_sweep.text.numbers import counted, duration, percent, percent_interval
from mnist_sweep.trials.row import TrialRow, status_counts

if TYPE_CHECKING:
    from mnist_sweep.analysis.selection_result import Selection

KEY, TITLE = "answer", "Answer"
NOTHING = "No trial ended well, so there is no best config; “Failures” says why."
MAX_EQUALS = 10


def section(results: Results) -> Section:
    """Return the selected config, its figures, what else might do as well, and how far all of that can be trusted."""
    if not results.good:
        return Section(key=KEY, title=TITLE, finding=NOTHING, blocks=[Facts(facts=_extent(results), key=True)])
    chosen, _ = results.analysis
    seeds = by_config(results)
    row = seeds[chosen.config_id][0]
    settings = [(name, value(name, row.config[name]) or "none") for name in results.settings if name in row.config]
    blocks: list[Block] = [
        Facts(facts=[*_accuracies(chosen), *_extent(results)], key=True),
        *([Facts(facts=settings)] if settings else []),
        Paragraph(text=" ".join(chosen.sentences)),
        *([equals(chosen, seeds, results.settings)] if len(chosen.tied) > 1 else []),
        Paragraph(text=f"How that was tested: {chosen.method}"),
    ]
    return Section(key=KEY, title=TITLE, finding=_finding(results, chosen, row), blocks=blocks)


def by_config(results: Results) -> dict[str, list[TrialRow]]:
    """Return the trials of each config that ended well, best first."""
    seeds: dict[str, list[TrialRow]] = {}
    for row in results.good:
        seeds.setdefault(row.config_id, []).append(row)
    return seeds


def equals(chosen: "Selection", seeds: dict[str, list[TrialRow]], settings: Sequence[str]) -> Table:
    """Return the configs that are not shown to be worse than the selected one, which is the first."""
    number = len(chosen.tied)
    return Table(
        caption="Configs not shown to be worse than the best"
        + (f", the first {MAX_EQUALS} of {number:,}" if number > MAX_EQUALS else ""),
        columns=[
            Column(title="config"),
            Column(title="settings"),
            Column(title="seeds", numeric=True, digits=0),
            Column(title="val accuracy", numeric=True, digits=4),
            Column(title="test accuracy", numeric=True, digits=4),
        ],
        rows=[_line(name, seeds[name], settings) for name in chosen.tied[:MAX_EQUALS]],
    )


def _line(config_id: str, rows: Sequence[TrialRow], settings: Sequence[str]) -> list[Cell]:
    val = _mean([row.val_accuracy for row in rows])
    return [config_id, label(rows[0].config, settings), len(rows), val, _mean([row.test_accuracy for row in rows])]


def _mean(accuracies: Sequence[float | None]) -> float | None:
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return sum(known) / len(known) if known else None


def _finding(results: Results, chosen: "Selection", row: TrialRow) -> str:
    return (
        f"The best config by validation is {label(row.config, results.settings)}: {percent(chosen.val_mean)} on "
        f"validation, {percent(chosen.test_mean)} on test."
    )


def _accuracies(chosen: "Selection") -> list[tuple[str, str]]:
    val = f"{percent(chosen.val_mean)} ({percent_interval(chosen.val_low, chosen.val_high)})"
    test = f"{percent(chosen.test_mean)} ({percent_interval(chosen.test_low, chosen.test_high)})"
    return [("validation accuracy", val), ("test accuracy", test)]


def _extent(results: Results) -> list[tuple[str, str]]:
    seconds = sum(row.seconds_total or 0.0 for row in results.rows)
    configs = len({row.config_id for row in results.rows})
    return [
        ("trials", f"{len(results.rows):,} ({status_counts(results.rows)}; {counted(configs, 'config')})"),
        ("time of all trials", f"{duration(seconds)} ({duration(seconds / len(results.rows))} a trial)"),
    ]
