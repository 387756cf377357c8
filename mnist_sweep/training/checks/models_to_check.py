"""The check of the user's own models, losses and objectives before any trial trains, in the process that trains them.

It refuses what can only be a mistake, and would otherwise give wrong numbers or fail far from its cause; what may be
meant becomes a note. An exception in `build` is left to the trial, whose row reports it. Built-in ones, and models that
train themselves, need no check. A model that cannot be used is a ConfigError, which says why, and the way out.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mnist_sweep.data.dataset import Dataset, Shaped
from mnist_sweep.errors import ConfigError
from mnist_sweep.models import shapes
from mnist_sweep.models.catalog import is_builtin
from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.optim import losses, objective_metrics
from mnist_sweep.optim.regression import is_of_numbers
from mnist_sweep.text.lines import shortened
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks import refused_objectives, sample
from mnist_sweep.training.checks.sample import Sample
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.graph_sharing import model_signature
from mnist_sweep.validation import shown_in_one_line

MAX_MODELS = 4096


class Candidate(NamedTuple):
    """A model, loss or objective to check: one of the trials that have it, and a sample of its data."""

    config: TrialConfig
    sample: Sample


Checked = tuple[str | None, list[str]]  # a digest of a model's initial weights, None if `build` fails, and notes


def candidates(trials: Iterable[TrialConfig], datasets: Mapping[Any, Dataset]) -> list[Candidate]:
    """Return the distinct models, losses and objectives of trials that the sweep trains and that are not built in."""
    own = {_key(trial): trial for trial in trials if not _needs_no_check(trial)}
    samples = {source: sample.draw(datasets[source]) for source in {trial.data for trial in own.values()}}
    return [Candidate(trial, samples[trial.data]) for trial in own.values()]


def check_models(models: Sequence[Candidate]) -> list[str]:
    """Check models in this process; return notes for the user, one line each."""
    found = [_checked(model) for model in models]
    for model, (digest, _) in reversed([*zip(models, found, strict=True)][:-1]):
        if digest is not None:
            with _refused(*model):
                _builds().check_again(*model, digest)
    return [note for _, notes in found for note in notes]


def check_model(config: TrialConfig, data: Dataset) -> None:
    """Check the model and the loss of one trial, unless they need no check or this process has checked them."""
    if not _needs_no_check(config):
        _checked(Candidate(config, sample.draw(data)))


def describe(config: TrialConfig, data: Shaped) -> list[LayerShape]:
    """Return the layers of a trial's model, built in this process."""
    with _refused(config, data):
        return shapes.describe_calls(_builds().calls(config, data))


def _checked(model: Candidate) -> Checked:
    def check() -> Checked:
        if not losses.is_builtin(model.config.loss):
            _check_loss(model)
        if not objective_metrics.is_builtin(model.config.objective):
            of_numbers = is_of_numbers(model.sample.labels)
            refused_objectives.check(model.config.objective, model.sample.num_classes, of_numbers=of_numbers)
        if is_builtin(model.config.model):
            return None, []
        with _refused(*model):
            digest, notes = _builds().check(*model)
        return digest, [f"{_name(model.config)}: {note}" for note in notes]

    key = _key(model.config), model.sample.image_shape, model.sample.num_classes
    found: Checked = tensorflow_runtime.cached("checked models", key, check, limit=MAX_MODELS)
    return found


def _check_loss(model: Candidate) -> None:
    tensorflow_runtime.load()
    from mnist_sweep.training.checks import refused_losses

    shapes = None
    if losses.main_output(model.config.loss) is not None:
        try:
            with _refused(*model):
                shapes = _builds().output_shapes(*model)
        except _builds().BuildError:  # which the trial reports
            return
    refused_losses.check(model.config.loss, model.sample, shapes)


def _needs_no_check(config: TrialConfig) -> bool:
    builtin = is_builtin(config.model), losses.is_builtin(config.loss), objective_metrics.is_builtin(config.objective)
    return trains_itself(config.model) or all(builtin)


def _builds() -> Any:
    tensorflow_runtime.load()
    from mnist_sweep.training.checks import repeated_builds

    return repeated_builds


@contextlib.contextmanager
def _refused(config: TrialConfig, data: Shaped) -> Iterator[None]:
    """Add the contract of `build` to what is wrong with a model."""
    try:
        yield
    except ConfigError as error:
        shape = ", ".join(map(str, ("batch", *data.image_shape)))
        raise ConfigError(
            f"`build` of {_name(config)} must return a new Keras model from float32 images ({shape}) in [0, 1] to "
            f"logits (batch, {data.num_classes}), but {error}."
        ) from None  # a row names the last error of a chain


def _name(config: TrialConfig) -> str:
    return shortened(shown_in_one_line(config.model))


def _key(config: TrialConfig) -> tuple[Any, ...]:
    loss = None if losses.is_builtin(config.loss) else config.loss
    objective = None if objective_metrics.is_builtin(config.objective) else config.objective
    return model_signature(config.model), config.precision, config.data, loss, objective
