"""The table of all trials: their varying hyperparameters and their metrics."""

from typing import Any

from mnist_sweep.reports.blocks import Column, Section, Table
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.names import PARTS, short_names, value
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status

METRICS = {
    "val_loss": Column(title="val loss", name="val_loss", numeric=True, digits=4),
    "steps": Column(title="steps", numeric=True, digits=0),
    "parameters": Column(title="parameters", numeric=True, digits=0),
    "seconds_total": Column(title="seconds", name="seconds_total", numeric=True, digits=2),
}
EVEN_IF_CONSTANT = {"val_loss", "seconds_total"}


def section(results: Results) -> Section:
    """Return the table of all trials, best first."""
    return Section(
        key="trials",
        title="What did each trial reach?",
        finding=f"{counted(len(results.rows), 'trial')}, sorted by validation {results.measure.title}. "
        "“How do I run it again?” lists the hyperparameters that are the same in all trials.",
        blocks=[_table(results)],
    )


def _table(results: Results) -> Table:
    rows, names, measure = results.rows, results.varying, results.measure
    titles = short_names(names)
    numeric = {name for name in names if all(_is_number(row.config.get(name)) for row in rows)}
    ended = [row for row in rows if row.status is not Status.FAILED]
    metrics = [name for name in METRICS if name in EVEN_IF_CONSTANT or len({getattr(row, name) for row in ended}) > 1]
    hyperparameters = [Column(title=titles[name], name=name, numeric=name in numeric) for name in names]
    first = [Column(title="trial", name="trial_id"), Column(title="status")]
    judged = [
        Column(title=f"{split} {measure.title}", name=f"{split}_{measure.name}", numeric=True, digits=4)
        for split in ("val", "test")
    ]
    return Table(
        caption="All trials",
        columns=[*first, *hyperparameters, *judged, *(METRICS[name] for name in metrics)],
        rows=[
            [
                *(row.trial_id, row.status.value),
                *(_cell(name, row.config.get(name), name in numeric) for name in names),
                *(row.val, row.test, *(getattr(row, name) for name in metrics)),
            ]
            for row in rows
        ],
        interactive=True,
    )


def _is_number(given: Any) -> bool:
    return given is None or (isinstance(given, int | float) and not isinstance(given, bool))


def _cell(name: str, given: Any, is_numeric: bool) -> Any:
    if given is None or is_numeric:
        return given
    return value(name, given) if name in PARTS or isinstance(given, list | float) else str(given)
