"""The selected config: its accuracy, its ties, and how far both can be trusted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_sweep.reports.blocks import Block, Cell, Facts, Paragraph, Section, Table, number_columns, text_columns
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections.split_shift import shift
from mnist_sweep.text.names import label, short_names, value
from mnist_sweep.text.numbers import counted, duration, percent
from mnist_sweep.trials.row import TrialRow, status_counts

if TYPE_CHECKING:
    from mnist_sweep.analysis.best_config_sentences import Selection

KEY, TITLE = "best-config", "Best config"
NOTHING = "No trial succeeded, so there is no best config. “Failures” lists the causes."
MAX_TIES = 10


def section(results: Results) -> Section:
    """Return the selected config with its metrics, the configs tied with it, and the method of selection."""
    if not results.good:
        return Section(key=KEY, title=TITLE, finding=NOTHING, blocks=[Facts(facts=_totals(results), large=True)])
    selection, _ = results.analysis
    trials = _by_config(results)
    row = trials[selection.config_id][0]
    names = {name: short for name, short in short_names(results.hyperparameters).items() if name in row.config}
    hyperparameters = [(short, value(name, row.config[name]) or "none") for name, short in names.items()]
    blocks: list[Block] = [
        Facts(facts=[*_accuracies(selection), *_totals(results)], large=True),
        *([Facts(facts=hyperparameters)] if hyperparameters else []),
        Paragraph(text=" ".join(selection.sentences)),
        *shift(results),
        *([_ties(selection, trials, results.hyperparameters)] if len(selection.tied) > 1 else []),
        Paragraph(text=selection.method),
    ]
    return Section(key=KEY, title=TITLE, finding=_finding(results, selection, row), blocks=blocks)


def _by_config(results: Results) -> dict[str, list[TrialRow]]:
    trials: dict[str, list[TrialRow]] = {}
    for row in results.good:
        trials.setdefault(row.config_id, []).append(row)
    return trials


def _ties(selection: "Selection", trials: dict[str, list[TrialRow]], names: Sequence[str]) -> Table:
    """Return the configs that are not significantly worse than the selected one, which is the first."""
    number = len(selection.tied)
    some = "not shown to be worse than" if len(selection.untested) < number - 1 else "that cannot be compared with"
    relation = some if selection.untested else "statistically tied with"
    return Table(
        caption=f"Configs {relation} the best" + (f", first {MAX_TIES} of {number:,}" if number > MAX_TIES else ""),
        columns=[
            *text_columns("config", "hyperparameters"),
            *number_columns("seeds", digits=0),
            *number_columns("val accuracy", "test accuracy", digits=4),
        ],
        rows=[_tie(config_id, trials[config_id], names) for config_id in selection.tied[:MAX_TIES]],
    )


def _tie(config_id: str, rows: Sequence[TrialRow], names: Sequence[str]) -> list[Cell]:
    val = _mean([row.val_accuracy for row in rows])
    return [config_id, label(rows[0].config, names), len(rows), val, _mean([row.test_accuracy for row in rows])]


def _mean(accuracies: Sequence[float | None]) -> float | None:
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return sum(known) / len(known) if known else None


def _finding(results: Results, selection: "Selection", row: TrialRow) -> str:
    return (
        f"The best config by validation accuracy is {label(row.config, results.hyperparameters)}: "
        f"{percent(selection.val_mean)} on validation, {percent(selection.test_mean)} on test."
    )


def _accuracies(selection: "Selection") -> list[tuple[str, str]]:
    val, test = selection.intervals
    return [
        ("validation accuracy", f"{percent(selection.val_mean)} ({val})"),
        ("test accuracy", f"{percent(selection.test_mean)} ({test})"),
    ]


def _totals(results: Results) -> list[tuple[str, str]]:
    seconds = sum(row.seconds_total or 0.0 for row in results.rows)
    configs = len({row.config_id for row in results.rows})
    return [
        ("trials", f"{len(results.rows):,} ({status_counts(results.rows)}; {counted(configs, 'config')})"),
        ("total trial time", f"{duration(seconds)} ({duration(seconds / len(results.rows))} per trial)"),
    ]
