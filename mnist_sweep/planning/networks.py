"""The distinct networks of a sweep, layer by layer, before anything is trained."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from mnist_sweep.data import sources
from mnist_sweep.data.dataset import Shaped
from mnist_sweep.models import shapes
from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.signature import model_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """One network of a sweep; trials that differ in numbers only share it.

    Attributes:
        key: What `network_key` returns for its trials.
        model: Its hyperparameters, as in the first of its trials.
        image_shape: Height, width and channels of its images.
        num_trials: Trials that train it.
        layers: Its layers, each with its output for one image.
    """

    key: Hashable
    model: Any
    image_shape: tuple[int, int, int]
    num_trials: int
    layers: tuple[LayerShape, ...]

    @property
    def parameters(self) -> int:
        """Number of trainable weights."""
        return sum(layer.parameters for layer in self.layers)


def network_key(trial: TrialConfig) -> Hashable:
    """Return what trials of one network have in common."""
    return model_signature(trial.model), trial.data


def networks(trials: Iterable[TrialConfig]) -> list[NetworkPlan]:
    """Return the distinct networks of trials, in their order.

    Raises:
        SweepError: A data set cannot be loaded, or a model does not fit its images.
    """
    groups: dict[Hashable, list[TrialConfig]] = {}
    for trial in trials:
        groups.setdefault(network_key(trial), []).append(trial)
    data = {trial.data: sources.shaped(trial.data) for trial, *_ in groups.values()}
    return [
        NetworkPlan(
            key=key,
            model=trial.model,
            image_shape=data[trial.data].image_shape,
            num_trials=1 + len(others),
            layers=tuple(_layers(trial, data[trial.data])),
        )
        for key, (trial, *others) in groups.items()
    ]


def _layers(trial: TrialConfig, dataset: Shaped) -> list[LayerShape]:
    if describe := getattr(trial.model, "describe", None):
        layers: list[LayerShape] = describe(dataset.image_shape, dataset.num_classes)
        return layers
    from mnist_sweep.training.graph_cache import build_model

    return shapes.describe_built(build_model(trial, dataset))
