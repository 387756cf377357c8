"""Trials that failed, diverged or were stopped, by cause."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from mnist_sweep.reports.blocks import Cell, Section, Table, columns_of
from mnist_sweep.reports.report_data import Results
from mnist_sweep.text.lines import listed
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status, TrialRow

TITLE = "Did anything fail?"
MAX_GROUPS = 50
CAUSES = {
    Status.DIVERGED: "the loss was not finite",
    Status.STOPPED: "stopped early by the scheduler",
    Status.FAILED: "no cause recorded",
}
ENDED = {Status.FAILED: "failed", Status.DIVERGED: "diverged", Status.STOPPED: "stopped early"}


def section(results: Results) -> Section:
    """Return the trials that failed, diverged, were stopped or have a warning, grouped by cause."""
    groups = _by_cause(results.rows)
    if not groups:
        return Section(
            key="failures",
            title=TITLE,
            finding=f"No trial failed, diverged or was stopped early. {results.guessing}".rstrip(),
        )
    shown = dict(list(groups.items())[:MAX_GROUPS])
    rows: list[list[Cell]] = [
        [status.value, cause, len(trials), trials[0].trial_id, results.label(trials[0])]
        for (status, cause), trials in shown.items()
    ]
    more = f", first {MAX_GROUPS} of {len(groups):,}" if len(groups) > MAX_GROUPS else ""
    columns = columns_of("status", "cause", ("trials", 0), "example trial", "its hyperparameters")
    table = Table(caption=f"Causes, most frequent first{more}", columns=columns, rows=rows)
    return Section(
        key="failures",
        title=TITLE,
        finding=f"{_finding(results.rows, groups)} {results.guessing}".rstrip(),
        blocks=[table],
    )


def _by_cause(rows: Iterable[TrialRow]) -> dict[tuple[Status, str], list[TrialRow]]:
    """Group rows that were not successful or have a warning by status and cause, most frequent first."""
    groups: dict[tuple[Status, str], list[TrialRow]] = defaultdict(list)
    for row in rows:
        if cause := row.error or CAUSES.get(row.status):
            groups[row.status, cause].append(row)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def _finding(rows: Iterable[TrialRow], groups: Iterable[tuple[Status, str]]) -> str:
    count = Counter(row.status for row in rows)
    ended = [f"{counted(count[status], 'trial')} {word}" for status, word in ENDED.items() if count[status]]
    again = " `mnist-sweep run SCRIPT --retry failed` runs the failed ones again." if count[Status.FAILED] else ""
    causes = [cause for status, cause in groups if status is Status.FAILED]
    why = f" {'Most frequent cause' if len(causes) > 1 else 'Cause'}: {causes[0].rstrip('.')}." if causes else ""
    return f"{listed(ended)}.{why}{again}" if ended else "No trial failed, but some successful ones have a warning."
