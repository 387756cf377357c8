"""The status of a results folder: trials by status, the best configs, the failures by cause."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.results import saved_race
from mnist_sweep.search import saved_objectives
from mnist_sweep.text.names import varying
from mnist_sweep.trials import kinds, ranking
from mnist_sweep.trials.ranking import ConfigResult
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    from mnist_sweep.search.race_summary import RaceSummary

NUM_BEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedConfig:
    """A config with its results.

    Attributes:
        config_id: Its id.
        trial_ids: Its successful trials, best first.
        val: Its mean value on validation.
        test: Its mean value on test; None if it was not measured.
        seconds: Mean wall time of its trials, in seconds; None if unknown.
        values: Those of the fields in which trials differ that it has, with their JSON values.
    """

    config_id: str
    trial_ids: tuple[str, ...]
    val: float
    test: float | None
    seconds: float | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A cause of failed trials, and their ids."""

    cause: str
    trial_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderStatus:
    """The status of a results folder.

    Attributes:
        folder: The results folder.
        num_trials: Trials with a row.
        statuses: How many of them have each status.
        fields: The fields in which trials differ, the seed last.
        objective: What trials are judged by.
        best: The best configs by it on validation, the selected one first, at most five.
        failures: The causes of failed trials, the most frequent first.
        files: Names of the tables, the report and the folders that are there.
        notes: What rows were left out, in words.
        race: The state of the race that the rows are of; None for other sweeps.
        objectives: The objectives of a search that has several; else empty.
        pareto_front: Ids of the configs that no other one beats in the means of all of them, cheapest first.
    """

    folder: Path
    num_trials: int
    statuses: Mapping[str, int]
    fields: tuple[str, ...]
    objective: Measure
    best: tuple[RankedConfig, ...]
    failures: tuple[Failure, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]
    race: "RaceSummary | None" = None
    objectives: tuple[str, ...] = ()
    pareto_front: tuple[str, ...] = ()


def folder_status(rows: Sequence[TrialRow], folder: Path, fields: Sequence[str] = ()) -> FolderStatus:
    """Return the status of a results folder with these rows, and with these fields besides those that vary.

    Raises:
        LedgerError: The file that describes a race or several objectives is damaged.
    """
    of_one_kind, notes = kinds.of_one_kind(rows)
    race, objectives = saved_race.summary(folder, rows), saved_objectives.read(folder)
    configs = ranking.by_config(of_one_kind).values()
    best = ranking.selected_first(configs, race.dropped if race else ())[:NUM_BEST]
    distinct = {key: row.config for row in rows for key in (row.config_id, row.config["seed"])}
    names = sorted(dict.fromkeys([*fields, *varying(distinct.values())]), key=lambda name: name == "seed")
    fields = tuple(name for name in names if name != "changes")  # these are too wide
    statuses = Counter(row.status for row in rows)
    causes = defaultdict(list)
    for row in rows:
        if row.status is Status.FAILED:
            causes[row.error or "no cause recorded"].append(row.trial_id)
    failures = [Failure(cause=cause, trial_ids=tuple(trials)) for cause, trials in causes.items()]
    tables = [path.name for pattern in ("*.csv", "report.html") for path in sorted(folder.glob(pattern))]
    return FolderStatus(
        folder=folder,
        num_trials=len(rows),
        statuses={status.value: statuses[status] for status in Status},
        fields=fields,
        objective=of_one_kind[0].measure if of_one_kind else ACCURACY,
        best=tuple(_ranked(one, fields) for one in best),
        failures=tuple(sorted(failures, key=lambda failure: -len(failure.trial_ids))),
        files=(*tables, "rows/", *(f"{name}/" for name in ("models", "logs") if (folder / name).is_dir())),
        notes=notes,
        race=race,
        objectives=objectives,
        pareto_front=tuple(ranking.pareto_front(configs, objectives)),
    )


def _ranked(result: ConfigResult, fields: Sequence[str]) -> RankedConfig:
    flat = result.rows[0].config
    return RankedConfig(
        config_id=result.config_id,
        trial_ids=tuple(row.trial_id for row in result.rows),
        val=result.val,
        test=result.test,
        seconds=result.seconds,
        values={name: flat[name] for name in fields if name in flat},
    )
