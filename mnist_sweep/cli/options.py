"""The options that `run` and `plan` have in common."""

from pathlib import Path
from typing import get_args

import click

from mnist_sweep.artifacts import Keeping
from mnist_sweep.config import Precision
from mnist_sweep.runners import RUNNERS

RUNNER = click.option(
    "--runner",
    "runner_name",
    type=click.Choice(sorted(RUNNERS)),
    default="ray",
    show_default=True,
    help="Where trials run: on Ray, or one by one in this process.",
)
RESULTS = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder that holds a folder for each sweep.",
)
CPUS_PER_TRIAL = click.option(
    "--cpus-per-trial", type=click.IntRange(1), default=1, show_default=True, help="CPUs and threads of a trial."
)
GPUS_PER_TRIAL = click.option(
    "--gpus-per-trial",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="GPUs of a trial; a fraction shares a card.",
)
XLA = click.option("--xla", is_flag=True, help="Compile gradients with XLA; for GPUs, on a CPU it is slower.")
MAX_CONCURRENT = click.option("--max-concurrent", type=click.IntRange(1), help="Trials at a time at the most.")
NUM_TRIALS = click.option(
    "--num-trials", type=click.IntRange(1), help="Take the first N trials of the script only; end a search after N."
)
SEEDS = click.option(
    "--seeds", type=click.IntRange(1), help="Run each config with the seeds 0 to N-1 instead of its own."
)
STEPS = click.option("--steps", type=click.IntRange(1), help="Training steps of every trial, instead of the script's.")
PRECISION = click.option(
    "--precision", type=click.Choice(get_args(Precision)), help="Precision of every trial, instead of the script's."
)
RETRY = click.option(
    "--retry",
    type=click.Choice(["failed", "diverged", "stopped"]),
    multiple=True,
    help="Run the trials again whose rows have this status.",
)
KEEP_MODELS = click.option(
    "--keep-models",
    type=click.Choice(get_args(Keeping)),
    default="best",
    show_default=True,
    help="Whose trained models stay in models/: the best trial's, all, or none.",
)
NO_PREDICTIONS = click.option(
    "--no-predictions", is_flag=True, help="Do not keep the predicted classes, which `compare` asks for."
)
