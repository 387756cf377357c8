"""The commands that plan and run a sweep."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnist_sweep.cli import options, run_settings
from mnist_sweep.cli.answer import Answer, answering
from mnist_sweep.cli.exit_status import ExitStatus
from mnist_sweep.cli.notify import notifying, receiver
from mnist_sweep.cli.streams import echo
from mnist_sweep.text.numbers import clock, counted

if TYPE_CHECKING:
    from mnist_sweep.sweep.sweep import Sweep


@click.command(
    epilog="""\b
Examples:
  mnist-sweep plan sweeps/quickstart.py
  mnist-sweep plan sweeps/deep_mnist.py --steps 1000 --max-concurrent 1
  mnist-sweep plan sweeps/cifar10_resnet.py --no-calibration
  mnist-sweep plan sweeps/quickstart.py --until-known --within 1 --spreads 0.7,3
"""
)
@click.argument("script", type=options.PATH)
@options.trial_options
@options.race_options
@click.option(
    "--spreads",
    type=options.pair,
    metavar="SEEDS,CONFIGS",
    help="With --until-known, before the first seed: standard deviations over seeds and over configs, such as 0.5,2, "
    "in the unit of --within.",
)
@click.option(
    "--no-calibration", is_flag=True, help="Show networks and disk space only; measure neither time nor memory."
)
@answering
def plan(script: Path, **chosen: Any) -> Answer:
    """Estimate time, memory and disk space of the sweep in SCRIPT.

    Show each layer's output, parameters, and multiply-adds per image. Then time a few training steps of each kind of
    trial, as many trials at a time as the run will have, and estimate what the missing trials will take. The estimate
    is saved in the results folder; the report of a run with the same options shows it beside the real time.
    """
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import plan as view
    from mnist_sweep.planning import plan_builder
    from mnist_sweep.trials.row import Status

    console, sweep = Terminal(), options.load_sweep(script, chosen)
    sweep, scale = sweep.with_options(until=options.until(chosen, sweep.measure)), sweep.measure.scale
    with console.status("measuring a few training steps of each kind of trial …"):
        found = plan_builder.plan(
            sweep,
            results=chosen["results"],
            runner=run_settings.runner(chosen),
            keep=run_settings.keep(chosen),
            retry=list(map(Status, chosen["retry"])),
            calibrate=not chosen["no_calibration"],
            before_calibration=lambda known: view.show_networks(known, console),
            spreads=chosen["spreads"] and (chosen["spreads"][0] / scale, chosen["spreads"][1] / scale),
        )
    return Answer(value=found, show=lambda: view.show_plan(found, console))


@click.command(
    epilog="""\b
Examples:
  mnist-sweep run sweeps/quickstart.py
  mnist-sweep run sweeps/deep_mnist.py --steps 200 --seeds 1
  mnist-sweep run sweeps/deep_mnist.py --address auto --gpus-per-trial 0.5
  mnist-sweep run sweeps/deep_mnist.py --until-known --within 0.5
Exit status: 0 every trial has a row, or the time budget is used up, and none failed; 1 some failed;
2 bad usage, config or data; 129 hung up; 130 interrupted; 143 terminated.
"""
)
@click.argument("script", type=options.PATH)
@options.trial_options
@click.option("--address", help="Running Ray cluster (`auto` or HOST:PORT); default: start Ray on this machine.")
@options.count("--max-retries", "Retries after a worker dies.", least=0, default=2)
@click.option(
    "--scheduler",
    type=click.Choice(("fifo", "asha", "median", "hyperband")),
    default="fifo",
    help="Ray Tune scheduler that stops trials early if they fall behind; fifo stops none.",
)
@click.option(
    "--time-budget",
    type=options.time,
    metavar="TIME",
    help="Time, such as 90 (seconds), 90min or 2h, after which the run pauses; the same command resumes it.",
)
@options.race_options
@click.option(
    "--checkpoint-every",
    "checkpoint_seconds",
    type=options.time,
    metavar="TIME",
    default="30s",
    help="Time between checkpoints of a running trial.",
)
@click.option(
    "--storage",
    metavar="WHERE",
    show_default="the results folder",
    help="Folder or URL (s3://…, gs://…) that all machines can reach, for checkpoints, logs and models.",
)
@click.option(
    "--summaries",
    type=click.Choice(("off", "scalars", "full")),
    default="off",
    help="TensorBoard logs of each trial, in logs/: none, scalars only, or everything.",
)
@click.option("--mlflow", metavar="URI", help="Also log each trial as a run to an MLflow server.")
@click.option(
    "--wandb",
    metavar="PROJECT",
    help="Also log each trial as a run to Weights & Biases; to files with WANDB_MODE=offline.",
)
@click.option(
    "--notify",
    type=receiver,
    envvar="MNIST_SWEEP_NOTIFY",
    show_envvar=True,
    metavar="URL|COMMAND",
    help="When the run ends or fails, post a JSON object to a URL, or pass it to a command on standard input.",
)
@click.option("--quiet", is_flag=True, help="Print only errors.")
@answering
def run(script: Path, **chosen: Any) -> Answer:
    """Run the missing trials of SCRIPT; write tables and a report.

    The same command resumes an interrupted run, and runs what you have added to the script.
    """
    return _run(lambda: options.load_sweep(script, chosen), chosen)


@click.command(
    epilog="""\b
Examples:
  mnist-sweep quickstart                                    the digits of scikit-learn
  mnist-sweep quickstart --data pets --image-size 64
  mnist-sweep quickstart --data train.csv --num-trials 8
"""
)
@answering
def quickstart(**chosen: Any) -> Answer:
    """Run a ready-made sweep on your images, without a script.

    Compare five optimizers, four dropout rates and two widths of a small network, and write tables and a report. At
    least 50 training images are needed, one batch. The PATH of --data is an .npz, CSV or Parquet file, a folder of
    images, arrays, IDX files or tables, or the name of a built-in data set (default: digits).
    """
    from mnist_sweep.sweep.ready_sweep import ready_sweep

    return _run(lambda: options.with_options(ready_sweep(options.data_source(chosen)), chosen), chosen)


quickstart.params[:0] = [option for option in run.params if option.name not in ("script", "as_json")]


def _run(make: "Callable[[], Sweep]", chosen: dict[str, Any]) -> Answer:
    if chosen["notify"]:
        return notifying(chosen["notify"], lambda: _run_sweep(make, chosen))
    return _run_sweep(make, chosen)


def _run_sweep(make: "Callable[[], Sweep]", chosen: dict[str, Any]) -> Answer:
    from mnist_sweep.analysis.folder_status import folder_status
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import progress, status
    from mnist_sweep.reports import background
    from mnist_sweep.sweep.execution import run as run_sweep
    from mnist_sweep.trials.json_value import json_value
    from mnist_sweep.trials.row import Status

    sweep, console = make(), Terminal(quiet=chosen["quiet"])
    until = options.until(chosen, sweep.measure)
    with background.Imports() as imports:
        outcome = run_sweep(
            sweep,
            results=chosen["results"],
            runner=run_settings.runner(chosen),
            keep=run_settings.keep(chosen),
            retry=list(map(Status, chosen["retry"])),
            time_budget=chosen["time_budget"],
            listeners=[
                *([] if chosen["quiet"] else [progress.for_console(console)]),
                imports,
                *run_settings.trackers(**chosen),
            ],
            until=until,
        )
    status.show(folder_status(outcome.rows, outcome.folder), console)
    report = None
    if outcome.num_run or (outcome.rows and not _has_report(outcome.folder)):
        from mnist_sweep.reports.writer import write_report

        report = write_report(outcome.folder)
        console.print(f"report: {report}", soft_wrap=True, highlight=False)
    rest = ", until the time budget was used up: the same command runs the rest" if outcome.out_of_time else ""
    took = f"ran {outcome.num_run} of {counted(outcome.num_trials, 'trial')} in {clock(outcome.seconds)}{rest}"
    console.print(took, soft_wrap=True)
    for line in outcome.unsent:
        echo(line, err=True)
    is_good = outcome.complete or (outcome.out_of_time and not outcome.num_failed)
    value = {**json_value(outcome), "report": report}
    return Answer(value=value, status=ExitStatus.OK if is_good else ExitStatus.NOT_ALL)


def _has_report(folder: Path) -> bool:
    """Return whether the report is newer than the last run, after which it may not have been written."""
    report, runs = folder / "report.html", folder / "runs.jsonl"
    return report.exists() and (not runs.exists() or report.stat().st_mtime_ns >= runs.stat().st_mtime_ns)
