"""The command line: parses, calls, prints; no logic."""

import gc
import signal
import sys
from pathlib import Path
from typing import Any, get_args

import click

from mnist_sweep.artifacts import Keeping, Showing
from mnist_sweep.config import Precision
from mnist_sweep.data import FileSource
from mnist_sweep.errors import LedgerError, SweepError
from mnist_sweep.labels import counted
from mnist_sweep.ledger import Ledger
from mnist_sweep.rows import Status, TrialRow
from mnist_sweep.runners import RUNNERS, Local, RayTune, Runner

BAD_USAGE = 2
INTERRUPTED = 130
TERMINATED = 143


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  mnist-sweep run sweeps/quickstart.py
  mnist-sweep status results/quickstart
Completion for bash (zsh and fish alike):
  eval "$(_MNIST_SWEEP_COMPLETE=bash_source mnist-sweep)"
""",
)
@click.version_option(package_name="mnist-sweep", message="%(prog)s %(version)s")
def cli() -> None:
    """Hyperparameter sweeps you can trust."""


@cli.command(
    epilog="""\b
Examples:
  mnist-sweep run sweeps/quickstart.py
  mnist-sweep run sweeps/deep_mnist.py --steps 200 --seeds 1
  mnist-sweep run sweeps/deep_mnist.py --address auto --gpus-per-trial 0.5
Exit status: 0 every trial has a row and none failed; 1 some failed; 2 bad usage, config or data;
130 interrupted; 143 terminated.
"""
)
@click.argument("script", type=click.Path(path_type=Path))
@click.option(
    "--runner",
    "runner_name",
    type=click.Choice(sorted(RUNNERS)),
    default="ray",
    show_default=True,
    help="Where trials run: on Ray, or one by one in this process.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder that holds a folder for each sweep.",
)
@click.option(
    "--address", help="Address of a running Ray cluster (`auto` or host:port); else Ray starts on this machine."
)
@click.option(
    "--cpus-per-trial", type=click.IntRange(1), default=1, show_default=True, help="CPUs and threads of a trial."
)
@click.option(
    "--gpus-per-trial",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="GPUs of a trial; a fraction shares a card.",
)
@click.option("--xla", is_flag=True, help="Compile gradients with XLA; for GPUs, on a CPU it is slower.")
@click.option("--max-concurrent", type=click.IntRange(1), help="Trials at a time at the most.")
@click.option("--num-trials", type=click.IntRange(1), help="Take the first N trials of the script only.")
@click.option("--seeds", type=click.IntRange(1), help="Run each config with the seeds 0 to N-1 instead of its own.")
@click.option("--steps", type=click.IntRange(1), help="Training steps of every trial, instead of the script's.")
@click.option(
    "--precision", type=click.Choice(get_args(Precision)), help="Precision of every trial, instead of the script's."
)
@click.option(
    "--retry", type=click.Choice(["failed"]), multiple=True, help="Run the trials again whose rows have this status."
)
@click.option(
    "--keep-models",
    type=click.Choice(get_args(Keeping)),
    default="best",
    show_default=True,
    help="Whose trained models stay in models/: the best trial's, all, or none.",
)
@click.option(
    "--summaries",
    type=click.Choice(get_args(Showing)),
    default="off",
    show_default=True,
    help="What TensorBoard is shown of each trial, in logs/: nothing, scalars, or all there is.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def run(script: Path, **options: Any) -> int:
    """Run what is missing of the sweep in SCRIPT, and write its tables."""
    from rich.console import Console

    from mnist_sweep import overview, progress
    from mnist_sweep import script as scripts
    from mnist_sweep.sweep import run as run_sweep

    sweep = scripts.load(script).changed(
        **{name: options[name] for name in ("num_trials", "seeds", "steps", "precision")}
    )
    console = Console(quiet=options["quiet"])
    outcome = run_sweep(
        sweep,
        results=options["results"],
        runner=_runner(**options),
        progress=progress.for_console(console),
        retry=[Status(status) for status in options["retry"]],
        keep_models=options["keep_models"],
        summaries=options["summaries"],
        code=[script.parent.resolve()],
    )
    overview.show(outcome.rows, outcome.folder, console)
    console.print(
        f"ran {outcome.num_run} of {counted(outcome.num_trials, 'trial')} in {progress.duration(outcome.seconds)}"
    )
    return 0 if outcome.complete else 1


@cli.command()
@click.argument("script", type=click.Path(path_type=Path))
def plan(script: Path) -> int:
    """Show the networks of the sweep in SCRIPT, layer by layer.

    Of each layer the output, the parameters, and the multiply-adds for one image; nothing is trained.
    """
    from rich.console import Console

    from mnist_sweep import plan as plans
    from mnist_sweep import script as scripts

    sweep = scripts.load(script)
    plans.show(sweep.name, plans.networks(sweep.trials), Console())
    return 0


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def status(folder: Path) -> int:
    """Say what lies in DIR, and which trials are the best.

    The script is not needed.
    """
    from rich.console import Console

    from mnist_sweep import overview

    overview.show(_rows(folder, with_history=False), folder, Console())
    return 0


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def table(folder: Path) -> int:
    """Rebuild the CSV files of DIR from its rows."""
    from mnist_sweep.table import write_tables

    for path in write_tables(folder, _rows(folder)):
        click.echo(path)
    return 0


@cli.command(
    epilog="""\b
Examples:
  mnist-sweep predict results/deep_mnist photo.jpg scan.png
  mnist-sweep predict results/deep_mnist t10k-images-idx3-ubyte.gz --trial 3e245bb0b710-0
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--trial", "trial_id", help="Trial whose model is asked, instead of the best one's.")
@click.option("--top", type=click.IntRange(1), default=3, show_default=True, help="Classes shown of each image.")
def predict(folder: Path, images: tuple[Path, ...], trial_id: str | None, top: int) -> int:
    """Say what the best model in DIR takes each IMAGE for.

    Images are PNG, JPEG or IDX files; what is done to them first is said.
    """
    from mnist_sweep import predict as predictions

    row, model_file = predictions.choose(folder, trial_id)
    answers = predictions.predict(model_file, images)
    click.echo(f"by the model of trial {row.trial_id}, validation accuracy {row.val_accuracy:.4f}")
    for answer in answers:
        names = predictions.class_names(row, len(answer.probabilities))
        ranked = sorted(zip(answer.probabilities, names, strict=True), key=lambda pair: -pair[0])[:top]
        shown = ", ".join(f"{name} {probability:.1%}" for probability, name in ranked)
        click.echo(f"{answer.name}: {shown}{f' ({answer.treatment})' if answer.treatment else ''}")
    return 0


@cli.command(
    epilog="""\b
Examples:
  mnist-sweep data mnist
  MNIST_SWEEP_DATA=/data mnist-sweep data mnist             looks in /data/mnist first
  MNIST_SWEEP_MNIST_URL=https://… mnist-sweep data mnist    downloads from there
"""
)
@click.argument("name")
def data(name: str) -> int:
    """Find or download the data set NAME, and verify it."""
    from mnist_sweep.config import make

    source = make("data", name, {})
    loaded = source.load()
    if isinstance(source, FileSource):
        for part, path in source.files().items():
            click.echo(f"{part}: {path}")
    sizes = ", ".join(f"{len(getattr(loaded, split).labels):,} {split}" for split in ("train", "val", "test"))
    click.echo(f"{name}: {sizes} images of {'x'.join(map(str, loaded.image_shape))}, verified")
    return 0


def main(script: str | None = None) -> None:
    """Run the command line and end the process with its exit status.

    Args:
        script: A sweep script, which the command line's arguments are then the options of; None for the whole command.
    """
    arguments = sys.argv[1:] if script is None else ["run", script, *sys.argv[1:]]
    interrupted = INTERRUPTED

    def terminate(*_: Any) -> None:
        nonlocal interrupted
        interrupted = TERMINATED
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    try:
        sys.exit(cli.main(arguments, prog_name="mnist-sweep", standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(BAD_USAGE)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "mnist-sweep"
        _fail(f"{error.format_message()} See `{command} --help`.")
    except SweepError as error:
        _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: the finished trials are kept; run the same command to go on.", err=True)
        sys.exit(interrupted)


def _fail(message: str) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(BAD_USAGE)


def _rows(folder: Path, *, with_history: bool = True) -> list[TrialRow]:
    gc.disable()  # the process ends soon, and looking through all rows again and again would take half its time
    rows = list(Ledger(folder).rows(with_history=with_history).values())
    if not rows:
        raise LedgerError(f"{folder} holds no rows: name a sweep's results folder, as in results/quickstart.")
    return rows


def _runner(**options: Any) -> Runner:
    per_trial = {name: options[name] for name in ("cpus_per_trial", "gpus_per_trial", "xla")}
    where = {name: options[name] for name in ("address", "max_concurrent")}
    if options["runner_name"] == "ray":
        return RayTune(**per_trial, **where)
    for name, value in where.items():
        if value is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --runner ray only.")
    return Local(**per_trial)
