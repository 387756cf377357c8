"""The options of `run`, `quickstart` and `plan`: which trials there are, how they run, and when a race ends.

Options that do not go together raise click's UsageError, and those that do not fit a sweep SweepError.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnist_sweep.text.numbers import seconds_of

if TYPE_CHECKING:
    from mnist_sweep.data.dataset import DataSource
    from mnist_sweep.search.race import Known
    from mnist_sweep.sweep.sweep import Sweep
    from mnist_sweep.trials.value_format import Measure

PATH = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, readable=False, path_type=Path)  # it may be missing, but no file
RACE = ("within", "error", "max_seeds", "assume")
SCRIPT = click.Path(exists=True, dir_okay=False, path_type=Path)
TRACEBACK = click.option("--traceback", is_flag=True, expose_value=False, help="Show where an error was raised.")


def time(text: str) -> float:
    """Return the seconds of `90`, `90min` or `2h`, above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = seconds_of(text) or 0.0
    if not seconds > 0:
        raise ValueError(f"{text!r} is not a time above 0: write 90 for seconds, 90min or 2h.")
    return seconds


def image_size(text: str) -> tuple[int, int]:
    """Return the height and the width of `48x64`, or of `64` for both, in pixels."""
    sides = text.lower().split("x")
    if not (len(sides) in (1, 2) and all(side.isdecimal() and int(side) > 0 for side in sides)):
        raise ValueError(f"{text!r} is not a size: write 64, or 48x64 for height and width.")
    return int(sides[0]), int(sides[-1])


def pair(text: str) -> tuple[float, float]:
    """Return both numbers of `0.5,2`."""
    try:
        first, second = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is not two numbers: write them as in 0.5,2.") from None
    return first, second


def count(name: str, text: str, *, least: int = 1, default: int | None = None) -> Callable[..., Any]:
    """Return an option that takes a whole number."""
    return click.option(name, type=click.IntRange(least), metavar="N", default=default, help=text)


IMAGE_SIZE = click.option(
    "--image-size", type=image_size, metavar="SIZE", help="Scale images to this size: 64, or 48x64 (height x width)."
)
VALUE_RANGE = click.option(
    "--value-range",
    type=pair,
    metavar="LOW,HIGH",
    help="Values in .npz and .npy files that become 0 and 1; default: whole numbers from 0 to 255.",
)


def _adding(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda command: functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


trial_options = _adding(
    click.option("--data", metavar="PATH", help="Images to use: a file, a folder, or the name of a built-in data set."),
    IMAGE_SIZE,
    VALUE_RANGE,
    click.option(
        "--runner",
        "runner_name",
        type=click.Choice(("in-process", "local", "ray")),
        default="ray",
        help="ray; local: in processes on this machine, without Ray; in-process: one by one in this process, to debug.",
    ),
    click.option("--results", type=PATH, default=Path("results"), help="Folder of the sweeps' own folders."),
    count("--cpus-per-trial", "CPUs, and threads, per trial.", default=1),
    click.option(
        "--gpus-per-trial", type=click.FloatRange(0), default=0.0, help="GPUs per trial; a fraction shares a GPU."
    ),
    click.option("--xla", is_flag=True, help="Compile gradients with XLA: for GPUs; slower on a CPU."),
    count("--max-concurrent", "Maximum number of trials at a time."),
    count("--num-trials", "Run only the first N trials of the sweep; end a search after N."),
    count("--seeds", "Run each config with seeds 0 to N-1 instead of its own."),
    click.option("--configs", metavar="ID,…", help="Run only these configs of the sweep, by their ids or prefixes."),
    count("--steps", "Training steps of every trial, overriding the sweep's."),
    click.option(
        "--precision",
        type=click.Choice(("float32", "mixed_bfloat16", "mixed_float16")),
        help="Precision of every trial, overriding the sweep's.",
    ),
    click.option(
        "--retry",
        type=click.Choice(["failed", "diverged", "stopped"]),
        multiple=True,
        help="Rerun trials whose rows have this status; may be repeated.",
    ),
    click.option(
        "--keep-models",
        "models",
        type=click.Choice(("best", "all", "none")),
        default="best",
        help="Which trained models to keep in models/: the selected config's, all, or none.",
    ),
    click.option(
        "--set-aside",
        is_flag=True,
        help="Move rows trained with other data or code to set_aside/ in the results folder, and rerun their trials.",
    ),
    TRACEBACK,
    click.option("--no-predictions", is_flag=True, help="Do not keep predicted classes, which `compare` needs."),
)

race_options = _adding(
    click.option(
        "--until-known",
        is_flag=True,
        help="Race the configs: add a seed at a time, drop configs shown to be worse, and stop when the best is known.",
    ),
    click.option(
        "--within",
        type=click.FloatRange(0, min_open=True),
        metavar="POINTS",
        help="With --until-known: largest difference of validation means that does not matter, in percentage points, "
        "or in the objective's unit.",
    ),
    click.option(
        "--error",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="X",
        default=0.05,
        help="With --until-known: largest probability of a wrong answer.",
    ),
    count("--max-seeds", "With --until-known: maximum number of seeds per config.", least=2, default=30),
    click.option(
        "--assume",
        type=click.Choice(("alike", "any")),
        default="alike",
        help="With --until-known: configs differ only in the mean and spread of their results (alike), or in any way, "
        "which takes many more seeds.",
    ),
    click.option(
        "--for-new-images",
        is_flag=True,
        help="With --until-known: answer for new images; no seeds are added when only more images could help.",
    ),
)


def load_sweep(script: Path, options: Mapping[str, Any]) -> "Sweep":
    """Return the sweep of a script, with the options that change its trials."""
    from mnist_sweep.sweep import script as scripts

    return with_options(scripts.load(script), options, data_source(options))


def with_options(sweep: "Sweep", options: Mapping[str, Any], data: "DataSource | None" = None) -> "Sweep":
    """Return a sweep with the options that change its trials."""
    names = ("num_trials", "seeds", "steps", "precision")
    configs = options["configs"].split(",") if options["configs"] is not None else None
    return sweep.with_options(**{name: options[name] for name in names}, configs=configs, data=data)


def data_source(options: Mapping[str, Any]) -> "DataSource | None":
    """Return the data source that is given for all trials, or None."""
    from mnist_sweep.data.files.recognition import recognise

    given = {name: options[name] for name in ("image_size", "value_range") if options[name] is not None}
    if options["data"] is None:
        for name in given:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} goes with --data only; in a script, data have their own {name}.")
        return None
    return recognise(options["data"], **given)


def until(chosen: Mapping[str, Any], measure: "Measure") -> "Known | None":
    """Return when a race of trials that are judged by a value ends, or None."""
    given = {name for name in chosen if is_given(name)}
    if not chosen["until_known"]:
        for name in (*RACE, "for_new_images", "spreads"):
            if name in given:
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --until-known only.")
        return None
    if chosen["within"] is None:
        raise click.UsageError("--until-known needs --within POINTS, the difference that does not matter to you.")
    for name in ("num_trials", "seeds"):
        if name in given:
            why = "which races all configs and adds seeds"
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with --until-known, {why}.")
    from mnist_sweep.search.race import Known

    if measure.is_share and chosen["within"] > 100:
        raise click.UsageError(f"--within is in points of {measure.title}, at most 100.")
    images, within = "new" if chosen["for_new_images"] else "these", chosen["within"] / measure.scale
    return Known(**{name: chosen[name] for name in RACE} | {"within": within, "images": images})


def is_given(name: str) -> bool:
    """Return whether an option stands on the command line."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
