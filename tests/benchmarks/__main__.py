"""Contests against what a user would pick instead.

Command: python -m tests.benchmarks [CONTEST …]
"""

from pathlib import Path

import click

from tests.benchmarks import (
    answers,
    empty,
    images,
    memory,
    moments,
    networks,
    recipe,
    start,
    step,
    tables,
    watch,
    watched,
)
from tests.benchmarks.contest import Contest, be, hold

CONTESTS: dict[str, Contest] = {
    contest.name: contest
    for contest in (
        *networks.CONTESTS,
        moments.CONTEST,
        step.CONTEST,
        images.CONTEST,
        recipe.CONTEST,
        empty.CONTEST,
        tables.CONTEST,
        answers.CONTEST,
        *start.CONTESTS,
        memory.CONTEST,
        *watch.CONTESTS,
        watched.CONTEST,
    )
}
RESULTS = Path(__file__).parents[2] / "results" / "reference" / "benchmarks"


@click.command(help="Hold CONTESTs (all if none is named), print their tables, and write their runs to CSV files.")
@click.argument("names", metavar="[CONTEST]…", nargs=-1, type=click.Choice(list(CONTESTS)))
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each contestant.")
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder of the CSV files.")
@click.option(
    "--size", type=click.IntRange(1), help="Less work than the contest asks for: a smoke run, not written down."
)
@click.option("--be", "contestant", hidden=True, help="Be this contestant in this process.")
@click.option("--folder", type=click.Path(path_type=Path), hidden=True, help="Where the contestant writes.")
def main(
    names: tuple[str, ...], rounds: int, results: Path, size: int | None, contestant: str | None, folder: Path | None
) -> None:
    for name in names or CONTESTS:
        contest = CONTESTS[name]
        if contestant and folder:
            be(contest, contestant, folder, size or contest.size)
        else:
            hold(contest, rounds=rounds, size=size or contest.size, results=None if size else results)


if __name__ == "__main__":
    main()
