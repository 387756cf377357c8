"""The rows of a results folder, best first, and the analysis that several sections share."""

import functools
import json
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_sweep.analysis.inputs import DROPPED
from mnist_sweep.errors import no_rows
from mnist_sweep.results import predictions, saved_race
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.search.race_summary import RaceSummary
from mnist_sweep.text.names import label, natural, value, varying
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials import kinds, ranking
from mnist_sweep.trials.ranking import BEST_TRIAL, ConfigResult
from mnist_sweep.trials.row import Status, TrialRow, rank
from mnist_sweep.trials.value_format import Measure

if TYPE_CHECKING:
    import pandas as pd

    from mnist_sweep.analysis.effects.effect import Effects
    from mnist_sweep.analysis.next_run_rules import ProposedRuns
    from mnist_sweep.analysis.selection_wording import Selection

MAX_LEVELS = 8  # that are listed
ROUNDING = 1e-9  # of accuracies
Analysis = tuple["Selection", "Effects"]
Submit = Callable[["pd.DataFrame"], Callable[[], Analysis]]
"""Takes trials for analysis, and returns a function that waits for the result."""


def analyse(trials: "pd.DataFrame") -> Analysis:
    """Return the selection and the effects of trials."""
    from mnist_sweep.analysis.effects.effects_of_trials import effects
    from mnist_sweep.analysis.selection import select

    return select(trials), effects(trials)


@dataclass(frozen=True, kw_only=True)
class Results:
    """The content of a results folder.

    Attributes:
        rows: All rows: the successful ones, best first, then the others.
        varying: Fields of the config that vary among the rows, the seed last.
        trials: The rows as a table like `trials.csv`.
        result: Waits for the selection and the effects, and returns them.
        ledger: All rows of the folder, by trial id, with those of other kinds.
        notes: What the reader must know of rows of other kinds, which are left out, a line each.
    """

    folder: Path
    rows: Sequence[TrialRow]
    varying: Sequence[str]
    trials: "pd.DataFrame"
    result: Callable[[], Analysis]
    ledger: Mapping[str, TrialRow] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @functools.cached_property
    def good(self) -> list[TrialRow]:
        """The rows with status `ok` and a value on validation, best first."""
        return [row for row in self.rows if row.status is Status.OK and row.val is not None]

    @property
    def measure(self) -> Measure:
        """What trials are judged by."""
        return self.rows[0].measure

    @functools.cached_property
    def configs(self) -> list[ConfigResult]:
        """The configs of these rows, the selected one first."""
        return ranking.selected_first(ranking.by_config(self.good).values(), self.trials.attrs.get(DROPPED, ()))

    def best_of(self, trial_ids: Container[str]) -> tuple[TrialRow, str] | None:
        """Return the one of these trials that stands for the best config, and what it is in words; None if none does.

        It is the trial nearest to the median seed of the selected config, or else of the next best one.
        """
        found = ranking.representative(self.configs, trial_ids)
        if not found:
            return None
        config, row = found
        seed = config.role(row)
        if config is self.configs[0]:
            return row, f"{seed} of the selected config" if seed else BEST_TRIAL
        return row, f"{seed or 'the trial'} of config {row.config_id}, since nothing of the selected config is kept"

    @functools.cached_property
    def analysis(self) -> Analysis:
        """The selection and the effects; they exist if a trial succeeded."""
        return self.result()

    @functools.cached_property
    def race(self) -> RaceSummary | None:
        """The state of the race; None for a sweep that is none."""
        return saved_race.summary(self.folder, self.rows)

    @functools.cached_property
    def proposed(self) -> "ProposedRuns":
        """What to run next."""
        from mnist_sweep.analysis.next_run_rules import runs_after

        return runs_after(self.folder, self.ledger, self.candidates)

    @functools.cached_property
    def guessing(self) -> str:
        """Which successful trials are no better than naming one class for all images, in a sentence; "" if none is."""
        groups: dict[str, list[TrialRow]] = {}
        for row in self.good if self.measure.is_accuracy else ():
            groups.setdefault(predictions.data_id(row.config), []).append(row)
        found = []
        for name, rows in groups.items():
            if predictions.path_of(self.folder, f"{predictions.LABELS}{name}").exists():
                labels = predictions.read_labels(self.folder, name).val.tolist()
                guess = max(Counter(labels).values()) / len(labels)
                found += [row for row in rows if (row.val or 0.0) <= guess + ROUNDING]
        if not found:
            return ""
        shared = [
            name for name in self.hyperparameters if len({json.dumps(row.config.get(name)) for row in found}) == 1
        ]
        where = f", all with {label(found[0].config, shared)}," if shared and len(found) > 1 else ""
        are = "are" if len(found) > 1 else "is"
        return f"{len(found):,} of {counted(len(self.good), 'successful trial')}{where} {are} no better than guessing."

    @property
    def candidates(self) -> Sequence[str]:
        """The configs that may be the best, the selected one first; none if no trial succeeded."""
        from mnist_sweep.analysis.next_run_rules import candidates

        return candidates(self.analysis[0], self.rows) if self.good else ()

    @property
    def num_configs(self) -> int:
        """The number of configs, with those of which no trial succeeded."""
        return len({row.config_id for row in self.rows})

    @property
    def hyperparameters(self) -> list[str]:
        """The fields that vary, without the seed."""
        return [name for name in self.varying if name != "seed"]

    def label(self, row: TrialRow) -> str:
        """Return the fields in which a trial differs from others, as in `filters=8,16 adam seed=1`."""
        return label(row.config, self.varying)


def read_results(folder: Path, submit: Submit | None = None) -> Results:
    """Read a results folder, and submit its trials for analysis, by default in this process when it is needed.

    Raises:
        LedgerError: It holds no rows, or a file in it is damaged; the message names it.
    """
    from mnist_sweep.results.csv_columns import trials_frame

    ledger = Ledger(folder).rows()
    rows, notes = kinds.of_one_kind(ledger.values())
    if not rows:
        raise no_rows(folder)
    order = {status: number for number, status in enumerate(Status)}
    ranked = sorted(rows, key=lambda row: (order[row.status], row.val is None, rank(row)))
    trials = trials_frame(ranked)
    trials.attrs[DROPPED] = tuple(saved_race.dropped(folder, ranked))
    names = varying(row.config for row in ranked)
    result = submit(trials) if submit else functools.partial(analyse, trials)
    return Results(folder=folder, rows=ranked, varying=names, trials=trials, result=result, ledger=ledger, notes=notes)


def evenly_spaced(rows: Sequence[TrialRow], number: int) -> Sequence[TrialRow]:
    """Return at most that many rows, evenly spaced, including the first and the last."""
    if len(rows) <= number:
        return rows
    return [rows[round(index * (len(rows) - 1) / (number - 1))] for index in range(number)]


def values_tried(rows: Sequence[TrialRow], name: str, *, counts: bool = False) -> str:
    """Return the values of a field among trials in words, or the range of many numbers; "" if no trial has it."""
    values = [row.config[name] for row in rows if row.config.get(name) is not None]
    number = Counter(value(name, given) for given in values)
    if len(number) > MAX_LEVELS and all(isinstance(given, int | float) for given in values):
        return f"{value(name, min(values))} to {value(name, max(values))}"
    ordered = [text for text, _ in number.most_common()] if counts else sorted(number, key=natural)
    shown = [f"{text} ({number[text]})" if counts else text for text in ordered[:MAX_LEVELS]]
    return "; ".join(shown) + (f"; and {len(ordered) - MAX_LEVELS} more" if len(ordered) > MAX_LEVELS else "")
