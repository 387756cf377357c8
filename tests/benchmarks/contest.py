"""Contests: the same work done by mnist_sweep and by what a user would pick instead, in turn on the same machine.

Each run is a fresh process, so that its time holds everything a user waits for: imports, start-up, tracing, shutdown.
What only the contests need is imported where it is used, so that no contestant pays for it.
Runs are written down as they end, so an interrupted contest goes on where it was.
"""

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parents[2]
OURS = "mnist_sweep"
Figures = Mapping[str, float]
Round = Mapping[str, Figures]
"""One run of each contestant, by its name."""
Line = dict[str, Any]
"""Figures of one run, and what they were measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a contest must show.

    Attributes:
        says: The figure in words, as it is printed.
        of: Returns the figure of one round.
        at_least: The least that its median over the rounds may be, or None.
        at_most: The most that its median over the rounds may be, or None.
    """

    says: str
    of: Callable[[Round], float]
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One question about speed or size.

    Attributes:
        name: Its name on the command line and of its CSV file.
        work: What every contestant does, in one line.
        size: How much of it there is (trials, rows, …); a smoke run takes less.
        contestants: Each runs work of a size, may write into the folder it is given, and returns its figures;
            `seconds` is the wall time of its process unless it returns one of its own. Heavy imports stay inside.
        goals: What the rounds must show.
    """

    name: str
    work: str
    size: int
    contestants: Mapping[str, Callable[[Path, int], Figures]]
    goals: tuple[Goal, ...]


def ratio(peer: str) -> Callable[[Round], float]:
    """Return the function from a round to a peer's seconds over ours."""
    return lambda figures: figures[peer]["seconds"] / figures[OURS]["seconds"]


def ratio_to_best(*, ours: str = OURS, besides: tuple[str, ...] = ()) -> Callable[[Round], float]:
    """Return the function from a round to the fastest peer's seconds over ours; `besides` names those that are ours."""

    def of(figures: Round) -> float:
        peers = [one["seconds"] for name, one in figures.items() if name not in {OURS, ours, *besides}]
        return min(peers) / figures[ours]["seconds"]

    return of


def be(contest: Contest, contestant: str, folder: Path, size: int) -> None:
    """Run a contestant in this process and leave its figures in the folder."""
    figures = contest.contestants[contestant](folder, size)
    (folder / "figures.json").write_text(json.dumps(dict(figures)))


def hold(contest: Contest, *, rounds: int, size: int, results: Path | None) -> None:
    """Let the contestants take turns until each has run `rounds` times, and print what came out.

    Args:
        contest: What to hold.
        rounds: Runs of each contestant.
        size: How much work.
        results: Folder of the CSV file that runs are read from and written to; None keeps none.
    """
    import pandas as pd

    file = results / f"{contest.name}.csv" if results else None
    runs = pd.read_csv(file) if file and file.exists() else pd.DataFrame(columns=["round", "contestant", "size"])
    click.echo(f"\n{contest.name}: {contest.work} (size {size})")
    for number in range(1, rounds + 1):
        for contestant in contest.contestants:
            if ((runs["round"] == number) & (runs["contestant"] == contestant) & (runs["size"] == size)).any():
                continue
            run = {"round": number, "contestant": contestant} | _measured(contest, contestant, size)
            runs = pd.concat([runs, pd.DataFrame([run])], ignore_index=True) if len(runs) else pd.DataFrame([run])
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                runs.to_csv(file, index=False, lineterminator="\n")
    for line in report(contest, runs[(runs["round"] <= rounds) & (runs["size"] == size)], whole=size == contest.size):
        click.echo(line)


def report(contest: Contest, runs: "pd.DataFrame", *, whole: bool) -> list[str]:
    """Return the lines that say what the runs show; goals are judged by rounds of the whole work."""
    figures = [name for name in runs.columns if name not in {"round", "contestant", *MACHINE, "load"}]
    middle = runs.groupby("contestant", sort=False)[figures].median()
    lines = [line.rstrip() for line in middle.to_string(float_format="{:.4g}".format, na_rep="").splitlines()]
    rounds = [
        {str(one["contestant"]): {name: float(one[name]) for name in figures} for one in group.to_dict("records")}
        for _, group in runs.groupby("round")
    ]
    for goal in contest.goals:
        values = [value for one in rounds if not math.isnan(value := goal.of(one))]
        if not values:
            lines.append(f"{goal.says}: not measured")
            continue
        spread = f"{statistics.median(values):.3g} (min {min(values):.3g}, max {max(values):.3g}, n = {len(values)})"
        lines.append(f"{goal.says}: {spread}; {_verdict(goal, statistics.median(values), whole=whole)}")
    return lines


def _verdict(goal: Goal, value: float, *, whole: bool) -> str:
    bounds = {"at least": goal.at_least, "at most": goal.at_most}
    asked = [f"{name} {bound:g}" for name, bound in bounds.items() if bound is not None]
    if not asked:
        return "no goal"
    too_small = goal.at_least is not None and value < goal.at_least
    too_large = goal.at_most is not None and value > goal.at_most
    met = "missed" if too_small or too_large else "met"
    return f"{' and '.join(asked)} is asked for: {met if whole else 'not answered by a smaller run'}"


MACHINE = ("size", "cpus", "processor", "versions", "date")


def _measured(contest: Contest, contestant: str, size: int) -> dict[str, object]:
    """Run a contestant in a process of its own and return its figures and what they were measured on.

    Raises:
        RuntimeError: The process failed.
    """
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="contest-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tests.benchmarks", "--be", contestant, "--folder", name, "--size", str(size)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with (folder / "log.txt").open("wb") as log:
            start = time.perf_counter()
            done = subprocess.run(
                [*command, contest.name],
                cwd=ROOT,
                env=environment,  # in which modules are compiled once, as pip leaves those that it installs
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
            seconds = time.perf_counter() - start
        if done.returncode:
            end_of_log = (folder / "log.txt").read_text(errors="replace")[-4000:]
            raise RuntimeError(f"{contestant} ended with status {done.returncode}:\n{end_of_log}")
        figures = {"seconds": round(seconds, 3), **json.loads((folder / "figures.json").read_text())}
    click.echo(f"  {contestant}: {figures['seconds']:.1f} s (load average before it {load:.2f})")
    return {**figures, "load": round(load, 2), **machine(size)}


def read_lines(file: Path) -> list[Line]:
    """Return the lines of a CSV file, none if it is not there."""
    import pandas as pd

    lines = pd.read_csv(file).to_dict("records") if file.exists() else []
    return [{str(name): value for name, value in line.items()} for line in lines]


def write_lines(file: Path, lines: Sequence[Line]) -> None:
    """Write a CSV file anew."""
    import pandas as pd

    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(lines).to_csv(file, index=False, lineterminator="\n")


def machine(size: int) -> dict[str, object]:
    """Return what a run was measured on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    packages = ("mnist-sweep", "ray", "tensorflow", "keras")
    return {
        "size": size,
        "cpus": len(os.sched_getaffinity(0)),
        "processor": names[0].partition(":")[2].strip() if names else platform.machine(),
        "versions": "; ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
        ),
        "date": time.strftime("%Y-%m-%d"),
    }
