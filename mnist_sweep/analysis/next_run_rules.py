"""What proposes the next runs: one for what was interrupted, one for seeds, one for searches.

First comes what was interrupted, then what would tell the best configs apart: more seeds of those that are tied with
the best, or more trials of a search. Seeds are at most doubled at a time, since ties are decided on the way.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mnist_sweep.analysis.comparison_wording import MIN_SEEDS, WITHIN
from mnist_sweep.analysis.selection_wording import Selection
from mnist_sweep.results import runs, saved_race
from mnist_sweep.search import pending_proposals
from mnist_sweep.statistics.paired_tests import seeds_for_half_width
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.training import checkpoints
from mnist_sweep.trials import kinds, ranking
from mnist_sweep.trials.ranking import ConfigResult
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import Measure

EXTENSION = 0.5  # of a search without a budget: share of its trials that are added
Kind = Literal["finish", "seeds", "search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRun:
    """A run to do next.

    Attributes:
        kind: `finish`: trials that were interrupted, or ended from outside. `seeds`: more seeds of the configs that may
            be the best. `search`: more trials of the search.
        num_trials: Trials that it runs.
        seconds: Its expected wall time: the measured time of its configs' trials (of all trials, for new ones) over the
            trials at a time of the last run; the start of the run is left out. None if no trial was measured.
        config_ids: The configs that get seeds, best first; empty for the other kinds.
        seeds: Seeds that each of them has then; None for the other kinds.
        command: The words of the command; empty if the script is unknown.
        reason: Why, in words.
    """

    kind: Kind
    num_trials: int
    seconds: float | None
    config_ids: tuple[str, ...] = ()
    seeds: int | None = None
    command: tuple[str, ...]
    reason: str

    @property
    def task(self) -> str:
        """What it does, in a few words."""
        trials = counted(self.num_trials, "trial")
        if self.kind == "seeds":
            return f"{counted(len(self.config_ids), 'config')} with {self.seeds} seeds each"
        return f"finish {trials}" if self.kind == "finish" else f"{trials} more of the search"

    @property
    def cost(self) -> str:
        """Its trials and its time."""
        time = "" if self.seconds is None else f", about {duration(self.seconds)} besides start-up"
        return f"{counted(self.num_trials, 'more trial' if self.kind == 'seeds' else 'trial')}{time}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRuns:
    """What to run next.

    Attributes:
        folder: The results folder.
        runs: In their order; together they keep to the budget. Empty where the rows leave nothing open.
        notes: What was left out, and why, in words.
    """

    folder: Path
    runs: tuple[ProposedRun, ...]
    notes: tuple[str, ...]


class Budget(NamedTuple):
    """Trials, and wall time in seconds, that runs take or may take."""

    trials: float = math.inf
    seconds: float = math.inf

    def covers(self, other: "Budget") -> bool:
        """Return whether neither number of another one is larger."""
        return other.trials <= self.trials and other.seconds <= self.seconds


def candidates(selection: Selection, rows: Iterable[TrialRow]) -> Sequence[str]:
    """Return the configs that may be the best: those tied with it, and those left out that have had one seed only."""
    num = Counter(row.config_id for row in rows)
    return [*selection.tied, *(name for name in selection.left_out if num[name] == 1)]


def runs_after(folder: Path, rows: Mapping[str, TrialRow], tied: Sequence[str]) -> ProposedRuns:
    """Propose without a budget, from all rows of a folder, by id, and the configs that may be the best.

    Of values other than shares, for which no margin is known, seeds beyond the third are not proposed.
    """
    known = known_of(folder, rows, lambda: tied)
    return propose(known, Budget(), WITHIN if known.measure.is_share else math.inf)


def propose(known: "Findings", left: Budget, margin: float) -> ProposedRuns:
    """Propose runs that a budget covers, given the largest difference that does not count."""
    found, notes = [], list(known.notes)
    is_search = (known.folder / pending_proposals.FOLDER).is_dir()
    for proposer in (_finish, _search if is_search else _seeds):
        run = proposer(known, left, margin)
        if run is None:
            continue
        cost = Budget(run.num_trials, run.seconds or 0.0)
        if not left.covers(cost):
            seconds = "" if run.seconds is None else f", {duration(run.seconds)}"
            notes.append(f"The budget is too small for {counted(run.num_trials, 'trial')}{seconds} ({run.reason}).")
            continue
        found.append(run)
        left = Budget(left.trials - cost.trials, left.seconds - cost.seconds)
    return ProposedRuns(folder=known.folder, runs=tuple(found), notes=tuple(notes))


class Findings(NamedTuple):
    """What is known of a results folder: rows, how they are judged, results by config, the ties, and the last run."""

    folder: Path
    rows: Mapping[str, TrialRow]
    measure: Measure
    good: Mapping[str, ConfigResult]
    tied: Callable[[], Sequence[str]]
    num_workers: int
    command: tuple[str, ...]
    notes: Sequence[str]

    def run(self, kind: Kind, missing: Mapping[str, int], reason: str, *options: str, **given: Any) -> ProposedRun:
        """Return a run with the number of missing trials of each config; "" stands for configs without any time."""
        times = {name: result.seconds for name, result in self.good.items() if result.seconds is not None}
        num, seconds = sum(missing.values()), None
        if times:
            mean = sum(times.values()) / len(times)
            each = ((times.get(name) or mean) * trials for name, trials in missing.items())
            seconds = sum(each) / min(self.num_workers, max(num, 1))
        command = (*self.command, *options) if self.command else ()
        return ProposedRun(kind=kind, num_trials=num, seconds=seconds, command=command, reason=reason, **given)


def known_of(
    folder: Path, rows: Mapping[str, TrialRow], tied: Callable[[], Sequence[str]], script: str | Path | None = None
) -> Findings:
    """Return what is known of a folder with these rows, given what finds its ties; the script may be another one."""
    kept, notes = kinds.of_one_kind(rows.values())
    good, records = ranking.by_config(kept), runs.read(folder)
    last, num_workers = (records[-1].command, records[-1].num_workers) if records else ((), 1)
    command = runs.rerun_command(("mnist-sweep", "run", str(script)) if script else last, folder)
    if own := sum(row.status is Status.FAILED and row.traceback is not None for row in rows.values()):
        notes += (f"{counted(own, 'trial')} failed by an exception: fix its cause, then run with `--retry failed`.",)
    if race := saved_race.read(folder, rows.values()):
        more = ": a larger `--max-seeds` resumes it" if race.end == "seeds" else ""
        notes += (f"The race has ended{more}." if race.end else "The race adds seeds itself: its command resumes it.",)
    if not command:
        notes += ("The commands are unknown, since the last run is not recorded: pass the script (`--script`).",)
    return Findings(folder, rows, kept[0].measure, good, tied, num_workers, command, notes)


def _pending(known: Findings) -> set[str]:
    saved = {path.stem for path in (known.folder / checkpoints.FOLDER).glob("[!.]*-*.ckpt")}
    return (saved | pending_proposals.read(known.folder).keys()) - known.rows.keys()


def _lost(known: Findings) -> set[str]:
    """Return the trials that ended from outside."""
    return {name for name, row in known.rows.items() if row.status is Status.FAILED and row.traceback is None}


def _finish(known: Findings, *_: object) -> ProposedRun | None:
    pending, lost = len(_pending(known)), len(_lost(known))
    failed = sum(row.status is Status.FAILED for row in known.rows.values()) if lost else 0  # which the command retries
    if not pending + lost:
        return None
    ends = ((pending, "interrupted"), (lost, "ended from outside"), (failed - lost, "failed by an exception"))
    reason = ", ".join(f"{counted(number, 'trial')} {word}" for number, word in ends if number)
    return known.run("finish", {"": pending + failed}, reason, *(("--retry", "failed") if lost else ()))


def _seeds(known: Findings, left: Budget, within: float) -> ProposedRun | None:
    """Return the run of more seeds that the budget covers, or else the smallest one; None if the best one is known."""
    tied = list(known.tied()) if known.good else []
    if len(tied) < 2 or saved_race.read(known.folder):
        return None
    there = {name: {row.config["seed"] for row in known.good[name].rows} for name in tied}
    spent: dict[str, set[int]] = {name: set() for name in tied}  # on trials that ended badly, which no run repeats
    for row in known.rows.values():
        if row.status is not Status.OK and row.config_id in spent:
            spent[row.config_id].add(row.config["seed"])
    for config_id, _, seed in (name.rpartition("-") for name in _pending(known) | _lost(known)):
        there.get(config_id, set()).add(int(seed))  # `_finish` runs it
        spent.get(config_id, set()).discard(int(seed))
    has = min(len(seeds & there[tied[0]]) for seeds in there.values())  # of those that a comparison takes
    wanted = _seeds_wanted([known.good[name].rows for name in tied], has, within)
    if wanted <= has:
        return None  # whichever of them is better, it does not matter
    num_all = len({row.config_id for row in known.rows.values()})
    fewest = 1 + max(len(there[name]) for name in tied[:2])
    sizes = [(num, wanted) for num in range(len(tied), 1, -1)] + [(2, num) for num in range(wanted - 1, fewest - 1, -1)]
    for num_configs, num_seeds in sizes:
        names = tied[:num_configs]
        num_seeds += len(set().union(*(spent[name] for name in names)))
        missing = {name: len({*range(num_seeds)} - there[name] - spent[name]) for name in names}
        if not any(missing.values()):
            continue  # these have the seeds that others lack
        chosen = () if num_configs == num_all else ("--configs", ",".join(names))
        which = "each" if num_configs == len(tied) else f"{num_configs:,} of them"
        reason = f"{counted(len(tied), 'config')} may be the best; {num_seeds:,} seeds for {which}"
        options, given = ("--seeds", str(num_seeds), *chosen), {"config_ids": tuple(names), "seeds": num_seeds}
        run = known.run("seeds", missing, reason, *options, **given)
        if left.covers(Budget(run.num_trials, run.seconds or 0.0)):
            break
    return run


def _seeds_wanted(tied: Sequence[Sequence[TrialRow]], fewest: int, within: float) -> int:
    """Return the seeds that tied configs, the best first, are to have; no more than now where these are enough."""
    by_seed = [{row.config["seed"]: row.val or 0.0 for row in rows} for rows in tied]
    if fewest < MIN_SEEDS:
        return MIN_SEEDS
    best, *others = by_seed
    pairs = [[best[seed] - other[seed] for seed in sorted(best.keys() & other.keys())] for other in others]
    variances = [np.var(differences, ddof=1) for differences in pairs if len(differences) > 1]
    needed = seeds_for_half_width(float(np.sqrt(np.mean(variances))), within / 2) if variances else None
    return min(needed or 0, 2 * fewest)


def _search(known: Findings, left: Budget, _: float) -> ProposedRun | None:
    if any(row.config.get("changes") for row in known.rows.values()):
        return None
    num_known = len(known.rows) + len(_pending(known))
    one = known.run("search", {"": known.num_workers}, "")
    most = left.trials
    if one.seconds and left.seconds < math.inf:
        most = min(most, left.seconds // one.seconds * known.num_workers)
    num = max(1, math.ceil(EXTENSION * num_known) if most == math.inf else int(most))
    reason = f"the search has {counted(num_known, 'trial')}, and {num:,} more may find a better one"
    return known.run("search", {"": num}, reason, "--num-trials", str(num_known + num))
