"""The command that estimates what a sweep will take before it runs."""

from pathlib import Path
from typing import Any

import click

from mnist_sweep.cli import options
from mnist_sweep.runners.local import Local
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.trials.artifacts import Keep
from mnist_sweep.trials.row import Status


@click.command(
    epilog="""\b
Examples:
  mnist-sweep plan sweeps/quickstart.py
  mnist-sweep plan sweeps/deep_mnist.py --steps 1000 --max-concurrent 1
  mnist-sweep plan sweeps/cifar10_resnet.py --no-calibration
"""
)
@click.argument("script", type=options.PATH)
@options.trial_options
@click.option(
    "--no-calibration", is_flag=True, help="Show networks and disk space only; measure neither time nor memory."
)
def plan(script: Path, **chosen: Any) -> None:
    """Estimate time, memory and disk space of the sweep in SCRIPT.

    Shows the layers of its networks with output, parameters, and multiply-adds per image. Then measures a few training
    steps of each kind of trial on this machine, with as many trials at a time as the run will have, and estimates what
    the missing trials will take. The time is saved in the results folder; the report of a run with the same options
    shows it beside the real time.
    """
    from rich.console import Console

    from mnist_sweep.cli.views import forecast as view
    from mnist_sweep.planning import estimate

    per_trial = {name: chosen[name] for name in ("cpus_per_trial", "gpus_per_trial", "xla")}
    on_ray = chosen["runner_name"] == "ray"
    console = Console()
    sweep = options.load_sweep(script, chosen)
    with console.status("measuring a few training steps of each kind of trial …"):
        found = estimate.plan(
            sweep,
            results=chosen["results"],
            runner=RayTune(**per_trial, max_concurrent=chosen["max_concurrent"]) if on_ray else Local(**per_trial),
            keep=Keep(models=chosen["keep_models"], predictions=not chosen["no_predictions"]),
            retry=[Status(status) for status in chosen["retry"]],
            calibrate=not chosen["no_calibration"],
            before_calibration=lambda known: view.show_networks(known, console),
        )
    view.show_forecast(found, console)
