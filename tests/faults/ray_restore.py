"""What Ray Tune's own restore makes of the same kills: a plain Tune sweep around Keras `fit`, killed and restored.

The driver is what Ray's guide to fault tolerance shows: `Tuner.restore` with `resume_unfinished` and `resume_errored`
where `can_restore` says so, else a new `Tuner`. `default` has Tune's own settings. In `careful` Tune writes its state
each second, and trials report a checkpoint at each validation and go on from it. Trials, kills and their moments are
those of `tests.faults.kills` with SIGKILL to the driver. Prints a line of counts as JSON for each.

Command: python -m tests.faults.ray_restore [default|careful …] [--times 20] [--seed 0]
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mnist_sweep import CNN, TrialConfig, grid, repeat, to_flat
from tests.benchmarks import peers
from tests.faults.kills import moment, workers

KINDS = ("default", "careful")
EPOCHS = 20
MOST_REFUSALS = 3


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS))
@click.option("--times", default=20, show_default=True, help="Kills of each kind.")
@click.option("--trials", default=36, show_default=True, help="Trials of the sweep, an even number.")
@click.option("--steps", default=2000, show_default=True, help="Steps of a trial.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random moments.")
@click.option("--driver", type=click.Path(path_type=Path), hidden=True, help="Be the driver that is killed.")
def main(kinds: tuple[str, ...], times: int, trials: int, steps: int, seed: int, driver: Path | None) -> None:
    if driver:
        drive(driver, jobs(trials, steps), is_careful=kinds == ("careful",))
        return
    for kind in kinds or KINDS:
        with tempfile.TemporaryDirectory(prefix="restore-") as folder:
            click.echo(json.dumps(hold(kind, Path(folder), times=times, trials=trials, steps=steps, seed=seed)))


def jobs(num_trials: int, steps: int) -> list[dict[str, Any]]:
    """Return the trials of `tests.faults.kills` as jobs of the peers."""
    model = CNN(filters=(8, 16), kernel_size=3, units=32, dropout=0.2)
    base = TrialConfig(model=model, num_steps=steps, evaluate_every=steps // EPOCHS)
    trials = repeat(grid(base, {"optimizer": ["adam", "momentum"]}), seeds=num_trials // 2)
    return [dict(to_flat(trial)) for trial in trials]


def drive(folder: Path, jobs: Sequence[peers.Job], *, is_careful: bool) -> None:
    """Run the jobs with Ray Tune, going on from what an earlier driver has left; print the number of results."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if is_careful:
        os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "1"
    import ray
    from ray import tune

    ray.init(address="local", include_dashboard=False)
    path = str(folder / "tune" / "killed")
    trainable = tune.with_parameters(train, jobs=jobs, folder=folder, is_careful=is_careful)
    if tune.Tuner.can_restore(path):
        tuner = tune.Tuner.restore(path, trainable, resume_unfinished=True, resume_errored=True)
    else:
        _touch(folder / "afresh", str(time.time_ns()))
        tuner = tune.Tuner(
            trainable,
            param_space={"index": tune.grid_search(list(range(len(jobs))))},
            run_config=tune.RunConfig(
                name="killed",
                storage_path=str(folder / "tune"),
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            ),
        )
    results = tuner.fit()
    _touch(folder / "results", str(len(results) - results.num_errors))


def train(config: Mapping[str, Any], jobs: Sequence[peers.Job], folder: Path, is_careful: bool) -> None:
    """Train one job in a worker of Ray; write down when it starts, how many epochs it took, and when it ends."""
    import keras
    from ray import tune

    name = f"{config['index']}-{time.time_ns()}"
    _touch(folder / "starts", name)
    job, first, found = jobs[config["index"]], 0, tune.get_checkpoint()
    if found:
        with found.as_directory() as kept:
            model = keras.models.load_model(Path(kept) / "model.keras")
            first = int((Path(kept) / "epoch").read_text())
    else:
        model = peers.network(job)

    def report(epoch: int, logs: Mapping[str, float]) -> None:
        _touch(folder / "epochs", f"{name}-{epoch}")
        with tempfile.TemporaryDirectory() as kept:
            if is_careful:
                model.save(Path(kept) / "model.keras")
                (Path(kept) / "epoch").write_text(str(epoch + 1))
            tune.report(dict(logs), checkpoint=tune.Checkpoint.from_directory(kept) if is_careful else None)

    reporting = {"callbacks": [keras.callbacks.LambdaCallback(on_epoch_end=report)], "initial_epoch": first}
    if first < EPOCHS:
        peers.fitted(model, job, peers.fit_arguments(job) | reporting)
    _touch(folder / "ends", name)


def hold(kind: str, folder: Path, *, times: int, trials: int, steps: int, seed: int) -> dict[str, Any]:
    """Run the jobs to their end through so many kills of the driver; return the counts."""
    draw, start = random.Random(seed), time.monotonic()
    kills = starts = refusals = 0
    orphans: list[int] = []
    options = ["--trials", str(trials), "--steps", str(steps), "--driver", str(folder)]
    while refusals < MOST_REFUSALS:
        command = [sys.executable, "-m", "tests.faults.ray_restore", kind, *options]
        with (folder / "log").open("a") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
            starts += 1
            watched = {folder / "epochs": "*"} if kills % 2 else {}
            if kills < times and moment(process, draw, watched=watched, orphans=orphans):
                orphans = workers(process.pid)
                process.send_signal(signal.SIGKILL)
                kills += 1
            status = process.wait(timeout=3600)
        if status == 0:
            break
        if status != -signal.SIGKILL:
            refusals += 1
            click.echo((folder / "log").read_text()[-2000:], err=True)
    return counted(folder, steps=steps // EPOCHS, trials=trials) | {
        "kind": f"ray-{kind}",
        "trials": trials,
        "steps": steps,
        "kills": kills,
        "starts": starts,
        "refusals": refusals,
        "seconds": round(time.monotonic() - start, 1),
    }


def counted(folder: Path, *, steps: int, trials: int) -> dict[str, int]:
    """Return what was trained, and how much of it once too often; an epoch has so many steps."""
    begun, ended = _times(folder / "starts"), _times(folder / "ends")
    epochs = len(_names(folder / "epochs"))
    return {
        "results": max((int(name) for name in _names(folder / "results")), default=0),
        "trainings": sum(map(len, begun.values())),
        "trials_started_again": sum(len(times) > 1 for times in begun.values()),
        "finished_trials_run_again": sum(max(begun[index]) > min(times) for index, times in ended.items()),
        "finished_trainings": sum(map(len, ended.values())),
        "steps_in_vain": (epochs - trials * EPOCHS) * steps,
        "started_afresh": len(_names(folder / "afresh")) - 1,
    }


def _times(folder: Path) -> dict[str, list[int]]:
    """Return, for each trial, when files that carry its name and the time of its training were begun."""
    times: dict[str, list[int]] = {}
    for index, began in (name.split("-") for name in _names(folder)):
        times.setdefault(index, []).append(int(began))
    return times


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def _touch(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).touch()


if __name__ == "__main__":
    main()
