"""The command that says what a sweep will cost before it runs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnist_sweep.cli import options
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.planning.makespan import Rounds
from mnist_sweep.runners.catalog import RUNNERS
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    from rich.console import Console

    from mnist_sweep.planning.calibration import Way
    from mnist_sweep.planning.forecast import Forecast
    from mnist_sweep.planning.networks import NetworkPlan


@click.command(
    epilog="""\b
Examples:
  mnist-sweep plan sweeps/quickstart.py
  mnist-sweep plan sweeps/deep_mnist.py --steps 1000 --max-concurrent 1
  mnist-sweep plan sweeps/cifar10_resnet.py --no-calibration
"""
)
@click.argument("script", type=click.Path(path_type=Path))
@options.of_trials
@click.option("--no-calibration", is_flag=True, help="Measure nothing: show networks and disk, not time and memory.")
def plan(script: Path, **chosen: Any) -> int:
    """Show the networks of the sweep in SCRIPT, and what its missing trials will cost on this machine.

    Of each layer the output, the parameters, and the multiply-adds for one image; of the sweep its time, memory and
    disk, from a few training steps of each kind of trial, as many at a time as the run will have. The time is kept in
    the results folder, for the report of the run with the same options to show it beside the real one.
    """
    from rich.console import Console

    from mnist_sweep.cli.views import forecast as outlook
    from mnist_sweep.errors import DataError
    from mnist_sweep.planning import calibration
    from mnist_sweep.planning import networks as plans
    from mnist_sweep.results.ledger import Ledger
    from mnist_sweep.sweep.work_queue import WorkQueue
    from mnist_sweep.system import machine
    from mnist_sweep.text.numbers import counted

    console = Console()
    sweep = options.chosen_sweep(script, chosen)
    ledger = Ledger(chosen["results"] / sweep.name)
    retry = set(map(Status, chosen["retry"]))
    rows = ledger.rows(with_history=False)
    agenda = WorkQueue(sweep.trials, sweep.search, folder=ledger.folder, rows=rows, retry=retry)
    machine.free_disk(ledger.folder)  # what cannot be written is refused before anything is measured
    to_run = [*agenda.missing.values(), *agenda.ahead]
    networks = plans.networks([*agenda.trials.values(), *agenda.ahead])
    way = calibration.way_here(
        RUNNERS[chosen["runner_name"]].__name__,
        threads=chosen["cpus_per_trial"],
        gpus=chosen["gpus_per_trial"],
        xla=chosen["xla"],
        max_concurrent=chosen["max_concurrent"],
        num_trials=agenda.num_at_a_time,
    )
    lack = None
    try:
        datasets = agenda.datasets
    except DataError as error:
        if not chosen["no_calibration"]:
            raise
        lack = error
    plans.show(sweep.name, networks, console)
    if lack:
        known = f"to run: {counted(len(to_run), 'trial')}; what they leave on the disk is not known, for {lack}"
        console.print(f"\n{known}", soft_wrap=True, markup=False, highlight=False)
    elif not to_run:
        console.print("\nto run: nothing, every trial has its row")
    else:
        found = _forecast(
            to_run, datasets, networks, way, ledger.folder, script.parent, console, rounds=agenda.rounds, **chosen
        )
        _keep(found, agenda.work, ledger.folder)
        console.print()
        outlook.show(found, console)
    return 0


def _forecast(
    to_run: Sequence[TrialConfig],
    datasets: Mapping[Any, Dataset],
    networks: Sequence["NetworkPlan"],
    way: "Way",
    folder: Path,
    code: Path,
    console: "Console",
    *,
    rounds: Rounds | None,
    **chosen: Any,
) -> "Forecast":
    """Measure a few steps of each kind of trial, if that is wanted, and return what the run will cost."""
    from mnist_sweep.planning import calibration, forecast

    measured = None
    if not chosen["no_calibration"]:
        with console.status("measuring a few steps of each kind of trial …"):
            measured = calibration.calibrate(to_run, way, code=[code.resolve()])
    left = Artifacts(
        storage=str(folder),
        models=chosen["keep_models"],
        predictions=not chosen["no_predictions"],
        keep_shared_prefixes=rounds is not None,
    )
    return forecast.of(
        to_run,
        datasets,
        networks,
        way=way,
        artifacts=left,
        folder=folder,
        calibration=measured,
        rounds=rounds,
    )


def _keep(found: "Forecast", work: Iterable[str], folder: Path) -> None:
    """Keep the time, if it was measured, for the report of the run."""
    from mnist_sweep.results import saved_plan

    if found.seconds:
        kept = saved_plan.SavedPlan(
            trials=saved_plan.digest(work),
            runner=found.way.runner,
            num_workers=found.way.num_workers,
            seconds=found.seconds,
        )
        saved_plan.write(folder, kept)
