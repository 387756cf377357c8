"""How long do the answers about a large sweep take, and how much memory: its report, its effects, a comparison?

The rows are those of `tables`; making them is not in the measured times. Processor time is that of the command and of
what it started; a machine that does other work has a wall time beyond it.
"""

from pathlib import Path

from mnist_sweep import config_id, grid
from tests.benchmarks.contest import OURS, Contest, Figures, Goal
from tests.benchmarks.tables import AXES, BASE, NUM_EVALUATIONS, commit_rows, measured

COMMANDS = ("report", "effects", "compare")


def commands(folder: Path, num_rows: int) -> Figures:
    """Return wall seconds, processor seconds and peak memory in MB of each command, each a process of its own."""
    commit_rows(folder, num_rows)
    one, other = (config_id(config) for config in grid(BASE, AXES)[:2])
    asked = {"report": [], "effects": [], "compare": [one, other]}
    figures = [measured(command, [command, str(folder), *asked[command]]) for command in COMMANDS]
    together = {name: figure for part in figures for name, figure in part.items()}
    return {"seconds": sum(together[f"{command}_seconds"] for command in COMMANDS)} | together


def _goal(figure: str, says: str, at_most: float) -> Goal:
    return Goal(says=says, of=lambda one: one[OURS][figure], at_most=at_most)


CONTEST = Contest(
    name="answers",
    work=f"rows of {NUM_EVALUATIONS} evaluations on the disk; seconds, processor seconds and MB of each command",
    size=10_000,
    contestants={OURS: commands},
    goals=(
        *(_goal(f"{name}_seconds", f"seconds of `mnist-sweep {name}`", 10.0) for name in COMMANDS),
        *(_goal(f"{name}_memory", f"MB of `mnist-sweep {name}`", 2048.0) for name in COMMANDS),
    ),
)
