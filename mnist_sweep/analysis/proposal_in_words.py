"""A proposal of what to run next, as a value and in a few words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnist_sweep.text.numbers import counted, duration

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
