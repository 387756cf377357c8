"""The config of a trial, one frozen value with everything needed to run it again, and its id.

The id is a hash of the flat form without the fields that have their default values, so that a field added later changes
no existing id. Hence a default, once released, never changes.
"""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from mnist_sweep import validation
from mnist_sweep.data.dataset import Dataset, DataSource
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.loading import DATASETS
from mnist_sweep.errors import UnknownNameError
from mnist_sweep.models.catalog import MODELS
from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.protocol import Model, TrainingCode
from mnist_sweep.optim.losses import LOSSES, CrossEntropy, Loss, OwnLoss
from mnist_sweep.optim.objective_metrics import OBJECTIVES, Accuracy, AnyObjective, description
from mnist_sweep.optim.optimizers import OPTIMIZERS, Adam, Optimizer
from mnist_sweep.optim.schedules import SCHEDULES, Constant, Schedule
from mnist_sweep.trials.ids import flat_id, trial_name
from mnist_sweep.trials.parts import as_json, check_names, fields_of, make, part_of, type_of
from mnist_sweep.trials.registry import name_of
from mnist_sweep.trials.value_format import ACCURACY, Direction, Measure
from mnist_sweep.validation import INFINITY, require, require_at_least

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Augmentation = Literal["none", "pad_crop_flip"]

REGISTRIES: dict[str, Mapping[str, Any]] = {
    "data": DATASETS,
    "model": MODELS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "objective": OBJECTIVES,
}


class _WithId:
    """Place for the id of a config, which never changes, once it is known; it is no field."""

    __slots__ = ("_config_id",)
    _config_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialConfig(_WithId):
    """Everything that determines a trial's results.

    The parts, the first four fields, `loss` and `objective`, take a value, or a registered name or import path for the
    value with its defaults.

    Attributes:
        data: The data set: a value of DATASETS, one of your own with `load()`, or a function that returns a Dataset.
        model: The network: a value of MODELS, or a frozen dataclass of your own with `build()`, or with `train()`.
        optimizer: The update rule with its learning rate.
        schedule: Factor on the learning rate at each step.
        num_steps: Training steps, at least 1.
        batch_size: Examples in a training step, at least 1 and at most the size of the training split.
        evaluate_every: Steps between evaluations on the validation split, at least 1; one always follows the last step.
        precision: Arithmetic of the layers; weights and the loss are always float32.
        log_every: Steps between points of the learning curve with training metrics only, at least 1; None means that
            only evaluations are points.
        weight_decay: Half of this times the sum of the squares of all trainable weights is added to the minimised
            loss, but not to the reported one; at least 0.
        augmentation: Random changes to training images; `pad_crop_flip` shifts by up to 4 pixels and mirrors.
        loss: What training minimises: a value of LOSSES, or one of your own with `per_example(labels, outputs)`, or a
            function of these.
        objective: What the trial is judged by: a value of OBJECTIVES, or one of your own with `compute` or
            `per_example`, or a function, of labels and outputs. All trials of a sweep have the same.
        changes: Numbers that change in the middle of training: the step from which they hold, rising, in
            [1, num_steps), and the values by dotted field name (`optimizer.learning_rate`, `model.dropout`).
        seed: Seed of all randomness in the trial, in [0, 2**31).
    """

    data: DataSource | Callable[[], Dataset] = field(default_factory=Digits)
    model: Model | TrainingCode = field(default_factory=CNN)
    optimizer: Optimizer = field(default_factory=Adam)
    schedule: Schedule = field(default_factory=Constant)
    num_steps: int = 1000
    batch_size: int = 50
    evaluate_every: int = 100
    precision: Precision = "float32"
    log_every: int | None = None
    weight_decay: float = 0.0
    augmentation: Augmentation = "none"
    loss: Loss | OwnLoss = field(default_factory=CrossEntropy)
    objective: AnyObjective = field(default_factory=Accuracy)
    changes: tuple[tuple[int, tuple[tuple[str, float], ...]], ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        validation.coerce(self)
        for name in REGISTRIES:
            object.__setattr__(self, name, part_of(name, getattr(self, name), REGISTRIES[name]))
        _measure_of(self.objective)
        require_at_least(1, num_steps=self.num_steps, batch_size=self.batch_size)
        require_at_least(1, evaluate_every=self.evaluate_every, log_every=self.log_every)
        require(0 <= self.weight_decay < INFINITY, "0 <= weight_decay < infinity", weight_decay=self.weight_decay)
        steps = [0, *(step for step, _ in self.changes), self.num_steps]
        rising = all(step < after for step, after in itertools.pairwise(steps))
        require(rising, "0 < steps of changes < num_steps, rising", changes=self.changes, num_steps=self.num_steps)
        require(0 <= self.seed < 2**31, "0 <= seed < 2**31", seed=self.seed)

    @property
    def measure(self) -> Measure:
        """What the trial is judged by."""
        return _measure_of(self.objective)


def _measure_of(objective: Any) -> Measure:
    """Return what an objective says of its values; a wrong name, direction or unit is a ConfigError."""
    if type(objective) is Accuracy:
        return ACCURACY
    name, direction, unit = description(objective)
    return Measure(name, cast(Direction, direction), unit)


def to_flat(config: TrialConfig) -> dict[str, Any]:
    """Return a config as one level of dotted field names with JSON values; `from_flat` is the inverse.

    The objective is in it unless it is the accuracy.
    """
    return {name: value for name, value, _ in _flat_items(config)}


def _flat_items(config: TrialConfig) -> Iterator[tuple[str, Any, bool]]:
    """Yield the name and the JSON value of each field of the flat form, and whether it has its default value."""
    for name, default in fields_of(TrialConfig):
        value = getattr(config, name)
        if name not in REGISTRIES:
            yield name, as_json(value, name), value == default
            continue
        if type(value) is Accuracy:
            continue
        kind = type_of(value)
        yield name, name_of(kind, REGISTRIES[name]), kind is type(default)
        for inner, inner_default in fields_of(kind):
            given = getattr(value, inner)
            yield f"{name}.{inner}", as_json(given, f"{name}.{inner}"), given == inner_default


def from_flat(flat: Mapping[str, Any]) -> TrialConfig:
    """Return the config of a flat form.

    Raises:
        UnknownNameError: This version does not know a name or a field.
        ConfigError: A value breaks a rule.
        ScriptError: An import path cannot be imported here.
    """
    options = {name: value for name, value in flat.items() if "." not in name}
    for name in flat.keys() - options.keys():
        part = name.partition(".")[0]
        if part not in options or part not in REGISTRIES:
            raise UnknownNameError(f"{name!r} belongs to no part that is given: the parts are {', '.join(REGISTRIES)}.")
    for name in options.keys() & REGISTRIES.keys():
        inner = {key.partition(".")[2]: value for key, value in flat.items() if key.startswith(f"{name}.")}
        options[name] = make(name, options[name], inner, REGISTRIES[name])
    check_names(TrialConfig, options, "a trial")
    return TrialConfig(**options)


def config_id(config: TrialConfig) -> str:
    """Return the hash of a config without its seed: all seeds of a config share it."""
    if not hasattr(config, "_config_id"):
        flat = {name: value for name, value, is_default in _flat_items(config) if not (is_default or name == "seed")}
        object.__setattr__(config, "_config_id", flat_id(flat))
    return config._config_id


def trial_id(config: TrialConfig) -> str:
    """Return the id of a trial: its config's id and its seed."""
    return trial_name(config_id(config), config.seed)


def defaults(config: TrialConfig) -> tuple[str, ...]:
    """Return the names in the flat form that have their default values, in its order."""
    return tuple(name for name, _, is_default in _flat_items(config) if is_default)


def with_seed(config: TrialConfig, seed: int) -> TrialConfig:
    """Return the trial of a config with another seed, without validating its other fields again."""
    trial = copy.copy(config)
    object.__setattr__(trial, "seed", seed)
    object.__setattr__(trial, "_config_id", config_id(config))
    return trial


def custom_parts(config: TrialConfig) -> list[str]:
    """Return the parts of a config that are in no registry, so that their code must be sent to the workers."""
    return [part for part, registry in REGISTRIES.items() if type_of(getattr(config, part)) not in registry.values()]


def has_custom_training(config: TrialConfig) -> bool:
    """Return whether a part of a config other than its data is in no registry, so that its trial needs a process."""
    return any(part != "data" for part in custom_parts(config))
