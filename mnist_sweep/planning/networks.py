"""What a sweep consists of, before it runs: its distinct networks, layer by layer."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mnist_sweep.data import sources
from mnist_sweep.data.dataset import Shaped
from mnist_sweep.models import shapes
from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.signature import model_signature

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """One network of a sweep; trials that differ in numbers alone share it.

    Attributes:
        key: What `network` returns for its trials.
        model: Its hyperparameters, as the first of its trials has them.
        image_shape: Height, width and channels of its images.
        num_trials: Trials that train it.
        layers: What each layer makes of one image.
    """

    key: Hashable
    model: Any
    image_shape: tuple[int, int, int]
    num_trials: int
    layers: tuple[LayerShape, ...]

    @property
    def parameters(self) -> int:
        """Weights that are trained."""
        return sum(layer.parameters for layer in self.layers)


def network(trial: TrialConfig) -> Hashable:
    """Return what trials of one network have in common."""
    return model_signature(trial.model), trial.data


def networks(trials: Iterable[TrialConfig]) -> list[NetworkPlan]:
    """Return the distinct networks of trials, in their order.

    Raises:
        SweepError: A data set cannot be loaded, or a model does not fit its images.
    """
    groups: dict[Hashable, list[TrialConfig]] = {}
    for trial in trials:
        groups.setdefault(network(trial), []).append(trial)
    shaped = {trial.data: sources.shaped(trial.data) for trial, *_ in groups.values()}
    return [
        NetworkPlan(
            key=key,
            model=same[0].model,
            image_shape=shaped[same[0].data].image_shape,
            num_trials=len(same),
            layers=tuple(_described(same[0], shaped[same[0].data])),
        )
        for key, same in groups.items()
    ]


def _described(trial: TrialConfig, dataset: Shaped) -> list[LayerShape]:
    describe = getattr(trial.model, "describe", None)
    if describe is not None:
        layers: list[LayerShape] = describe(dataset.image_shape, dataset.num_classes)
        return layers
    from mnist_sweep.training.network import build_model

    return shapes.describe_built(build_model(trial, dataset))


def show(name: str, plans: Sequence[NetworkPlan], console: "Console") -> None:
    """Print a table for each network."""
    num_trials = sum(plan.num_trials for plan in plans)
    console.print(f"{name}: {counted(num_trials, 'trial')}, {counted(len(plans), 'network')}", highlight=False)
    for number, plan in enumerate(plans, start=1):
        height, width, channels = plan.image_shape
        console.print(
            f"\nnetwork {number} of {counted(plan.num_trials, 'trial')} on {height}x{width}x{channels} images: "
            f"{_shown(plan.model)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        console.print(_table(plan.layers))


def _shown(model: Any) -> str:
    """Return a model with the fields that its trials share."""
    cls, *shared = model_signature(model)
    return f"{cls.__name__}({', '.join(f'{name}={value!r}' for name, value in shared)})"


def _table(layers: Sequence[LayerShape]) -> "Table":
    from rich.table import Table

    with_rules = any(layer.rule for layer in layers)
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    table.add_column("layer", "all")
    table.add_column("output", no_wrap=True)
    table.add_column("parameters", f"{sum(layer.parameters for layer in layers):,}", justify="right", no_wrap=True)
    multiply_adds = sum(layer.multiply_adds for layer in layers)
    table.add_column("multiply-adds", f"{multiply_adds:,}", justify="right", no_wrap=True)
    if with_rules:
        table.add_column("(W - F + 2P) / S + 1", overflow="fold")
    for layer in layers:
        cells = [
            layer.name,
            "x".join(map(str, layer.output)),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
            layer.rule,
        ]
        table.add_row(*cells[: 5 if with_rules else 4])
    return table
