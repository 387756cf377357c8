"""The selected config: its value, its ties, and how far both can be trusted."""

import math
from collections.abc import Mapping

from mnist_sweep.analysis.best_config_sentences import Selection
from mnist_sweep.reports.blocks import Block, Facts, Paragraph, Section, Table, number_columns, text_columns
from mnist_sweep.reports.report_data import Results
from mnist_sweep.results import data_cards
from mnist_sweep.text.names import label, short_names, value
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.trials.ranking import ConfigResult
from mnist_sweep.trials.row import TrialRow, status_counts

KEY, TITLE = "best-config", "Best config"
NOTHING = "No trial succeeded, so there is no best config. “Failures” lists the causes."
MAX_TIES = 10


def section(results: Results) -> Section:
    """Return the selected config with its metrics, the configs tied with it, and the method of selection."""
    if not results.good:
        return Section(key=KEY, title=TITLE, finding=NOTHING, blocks=[Facts(facts=_totals(results), large=True)])
    selection, _ = results.analysis
    configs = {config.config_id: config for config in results.configs}
    row = configs[selection.config_id].rows[0]
    names = {name: short for name, short in short_names(results.hyperparameters).items() if name in row.config}
    hyperparameters = [(short, value(name, row.config[name]) or "none") for name, short in names.items()]
    blocks: list[Block] = [
        Facts(facts=[*_values(selection), *_totals(results)], large=True),
        *([Facts(facts=hyperparameters)] if hyperparameters else []),
        Paragraph(text=" ".join(selection.sentences)),
        *shift(results),
        *([_ties(selection, configs, results)] if len(selection.tied) > 1 else []),
        Paragraph(text=selection.method),
    ]
    return Section(key=KEY, title=TITLE, finding=_finding(results, selection, row), blocks=blocks)


def shift(results: Results) -> list[Block]:
    """Return the mean difference between validation and test over all trials, which no selection inflates.

    For each data set its reason, if it declares one. Nothing without trials that were tested.

    Raises:
        LedgerError: A data card is damaged.
    """
    tested = [row for row in results.good if row.test is not None]
    if not tested:
        return []
    measure = results.measure
    mean = math.fsum((row.val or 0.0) - (row.test or 0.0) for row in tested) / len(tested)
    over = f"Over all {counted(len(tested), 'trial')}, test {measure.title} is on average"
    subject = over if len(tested) > 1 else f"Test {measure.title} is"
    side = "below" if mean > 0 else "above"
    text = f"{subject} {measure.difference(abs(mean))} {side} validation {measure.title}."
    cards = {data_cards.read(results.folder, row.config) for row in tested}
    reasons = sorted({card.splits_differ for card in cards if card.splits_differ})
    return [Paragraph(text=" ".join([text, *reasons]))]


def _ties(selection: Selection, configs: Mapping[str, ConfigResult], results: Results) -> Table:
    """Return the configs that are not significantly worse than the selected one, which is the first."""
    number, title = len(selection.tied), results.measure.title
    some = "tied with or untested against" if len(selection.untested) < number - 1 else "that cannot be compared with"
    relation = some if selection.untested else "statistically tied with"
    return Table(
        caption=f"Configs {relation} the best" + (f", first {MAX_TIES} of {number:,}" if number > MAX_TIES else ""),
        columns=[
            *text_columns("config", "hyperparameters"),
            *number_columns("seeds", digits=0),
            *number_columns(f"val {title}", f"test {title}", digits=4),
        ],
        rows=[
            [one.config_id, label(one.rows[0].config, results.hyperparameters), len(one.rows), one.val, one.test]
            for one in (configs[config_id] for config_id in selection.tied[:MAX_TIES])
        ],
    )


def _finding(results: Results, selection: Selection, row: TrialRow) -> str:
    measure = results.measure
    return (
        f"The best config by validation {measure.title} is {label(row.config, results.hyperparameters)}: "
        f"{measure.text(selection.val_mean)} on validation, {measure.text(selection.test_mean)} on test."
    )


def _values(selection: Selection) -> list[tuple[str, str]]:
    (val, test), measure = selection.intervals, selection.objective
    return [
        (f"validation {measure.title}", f"{measure.text(selection.val_mean)} ({val})"),
        (f"test {measure.title}", f"{measure.text(selection.test_mean)} ({test})"),
    ]


def _totals(results: Results) -> list[tuple[str, str]]:
    seconds = sum(row.seconds_total or 0.0 for row in results.rows)
    configs = len({row.config_id for row in results.rows})
    return [
        ("trials", f"{len(results.rows):,} ({status_counts(results.rows)}; {counted(configs, 'config')})"),
        ("total trial time", f"{duration(seconds)} ({duration(seconds / len(results.rows))} per trial)"),
    ]
