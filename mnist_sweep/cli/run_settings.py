"""What the options of a run stand for: its runner, what it keeps, and its trackers."""

from typing import TYPE_CHECKING, Any

import click

from mnist_sweep.cli import options

if TYPE_CHECKING:
    from mnist_sweep.runners.local import Local
    from mnist_sweep.runners.ray.tune import RayTune
    from mnist_sweep.trackers.protocol import Tracker
    from mnist_sweep.trials.artifacts import Keep

SHARED = ("cpus_per_trial", "gpus_per_trial", "xla", "scheduler")
IN_PROCESSES = ("max_concurrent", "max_retries")
ON_RAY = ("address",)
KEEP = ("models", "summaries", "checkpoint_seconds", "storage", "set_aside")


def runner(chosen: dict[str, Any]) -> "Local | RayTune":
    """Return the chosen runner, unless an option of another one is given."""
    name_of_runner = chosen["runner_name"]
    taken = [*SHARED]
    for goes_with, names in (("ray", ON_RAY), ("ray or local", IN_PROCESSES)):
        if name_of_runner in goes_with.split():
            taken += names
        elif name := next(filter(options.is_given, names), None):
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --runner {goes_with} only.")
    given = {name: chosen[name] for name in taken if name in chosen}
    if name_of_runner == "ray":
        from mnist_sweep.runners.ray.tune import RayTune

        return RayTune(**given)
    from mnist_sweep.runners.local import Local

    return Local(workers=given.pop("max_concurrent", None), **given, in_process=name_of_runner == "in-process")


def keep(chosen: dict[str, Any]) -> "Keep":
    """Return what is kept besides rows and tables."""
    from mnist_sweep.trials.artifacts import Keep

    kept = {name: chosen[name] for name in KEEP if name in chosen}
    return Keep(predictions=not chosen["no_predictions"], **kept)


def trackers(*, mlflow: str | None, wandb: str | None, **_: Any) -> "list[Tracker]":
    """Return the trackers that are asked for."""
    found: list[Tracker] = []
    if mlflow is not None:
        from mnist_sweep.trackers.mlflow import MLflow

        found.append(MLflow(uri=mlflow))
    if wandb is not None:
        from mnist_sweep.trackers.wandb import WandB

        found.append(WandB(project=wandb))
    return found
