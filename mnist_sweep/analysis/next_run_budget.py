"""Proposals of what to run next under a budget, from the committed rows alone."""

import re
from pathlib import Path

from mnist_sweep.analysis.judgement import margin_of
from mnist_sweep.analysis.next_run_rules import Budget, ProposedRuns, candidates, known_of, propose
from mnist_sweep.analysis.selection import select
from mnist_sweep.errors import ConfigError, no_rows
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.text.numbers import seconds_of


def parse_budget(text: str | int | None) -> Budget:
    """Return the budget of a text: a time such as `90min` or `2h`, or a number of trials such as `20`, above 0."""
    if text is None:
        return Budget()
    seconds, trials = seconds_of(str(text)), re.fullmatch(r"([0-9]+)(?: *trials?)?", str(text).strip())
    if not (seconds or (trials and int(trials[1]))):
        known = "a time such as `90min` or `2h`, or a number of trials such as `20`"
        raise ConfigError(f"a budget must be {known}, above 0, but got {text!r}.")
    return Budget(trials=int(trials[1])) if trials else Budget(seconds=seconds or 0.0)


def next_runs(
    folder: str | Path,
    *,
    budget: str | int | None = None,
    within: float | None = None,
    script: str | Path | None = None,
    in_points: bool = False,
) -> ProposedRuns:
    """Propose what to run next, from the rows of a results folder.

    Interrupted trials come first, and those that ended from outside, such as by a lost worker, whose command also
    retries those that failed by an exception; these alone are not proposed, as they would fail again. Then the configs
    that are tied with the best (`select`), or not compared with it as they have had one seed, get the seeds with which
    the interval of a difference is expected to reach half of `within` to either side: at least three, and at most twice
    as many as they have, besides those of trials that ended badly, which no run repeats. Where the budget is too small,
    those with the lowest means are left out first. A search gets more trials instead, half as many again without a
    budget; a population is not extended.

    Args:
        folder: The results folder.
        budget: What the runs may take together: a time such as `90min` or `2h`, or a number of trials such as `20`.
        within: The largest difference that does not count, as in `verdict`.
        script: The sweep script; None means that of the last run, with its options.
        in_points: Whether `within` is in points, as in `verdict`.

    Raises:
        ConfigError: The budget is neither a time nor a number, or `within` is out of range.
        LedgerError: The folder holds no rows or damaged ones.
    """
    left, folder = parse_budget(budget), Path(folder)
    rows = Ledger(folder).rows(with_history=False)
    if not rows:
        raise no_rows(folder)
    known = known_of(folder, rows, lambda: candidates(select(folder), rows.values()), script)
    return propose(known, left, margin_of(within, known.measure, in_points=in_points))
