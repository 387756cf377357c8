"""The plan of a sweep as a value: what its missing trials will take on this machine, and what will not fit."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.search.race_forecast import Forecast
from mnist_sweep.text.numbers import clock, counted, size
from mnist_sweep.trials.graph_sharing import model_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """One network of a sweep; trials that differ in numbers only share it.

    Attributes:
        key: What `network_key` returns for its trials.
        model: Its hyperparameters, as in the first of its trials.
        image_shape: Height, width and channels of its images.
        layers: Its layers, each with its output for one image; empty if they are unknown.
        error: Why its layers are unknown, in one line; empty if they are known.
    """

    key: Hashable = field(metadata={"json": False})
    model: Any = field(metadata={"json": False})
    image_shape: tuple[int, int, int]
    num_trials: int
    layers: tuple[LayerShape, ...] = ()
    error: str = ""

    @property
    def description(self) -> str:
        """The model's class with its fields, apart from those that change no layer."""
        cls, *fields = model_signature(self.model)
        return f"{cls.__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    @property
    def parameters(self) -> int:
        """Number of trainable weights."""
        return sum(layer.parameters for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPlan:
    """What trials of one kind will take.

    Attributes:
        network: Number of their network in the plan, from 1.
        name: Optimizer, batch size and whatever else distinguishes the kinds of a network; of code that trains itself
            what is not the default.
        step_seconds: A training step; 0 if the trials will fail.
        evaluation_seconds: An evaluation on the validation split.
        trial_seconds: The longest of the trials, once its graphs are traced.
        failure: Why the trials will fail, in one line; empty if they will not.
    """

    network: int
    name: str
    num_trials: int
    step_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    trial_seconds: float = 0.0
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plan:
    """What a run of a sweep will take on this machine: times in seconds, sizes in bytes.

    Attributes:
        networks: The distinct networks of all its trials.
        num_trials: Trials to run, without the finished ones; for a race, the median forecast, or the most without one.
        runner: Name of the runner's class.
        num_workers: Trials at a time.
        disk: Disk space by type of file; empty if there is nothing to run, or without the data.
        free_disk: Free disk space where the results folder is.
        data_error: Why a data set cannot be loaded, in one line; empty if all can be.
        seconds: Wall time of the run; None without a calibration.
        seconds_by_runner: The same by the name of each runner's class, with as many trials at a time; empty without.
        memory: Peak of all workers, with what they share and Ray; None without a calibration.
        worker_memory: Peak of each worker's own memory.
        gpu_memory: Peak of each worker on its GPU; 0 without one. Trials that do not fit there fail.
        free_memory: Memory that new processes can take; None if not known.
        kinds: The trials by kind; empty without a calibration.
        max_trials: Trials that a race runs at most; None for other sweeps.
        forecast: How the race may continue; None for other sweeps, and where no seeds and no spreads are known.
    """

    name: str
    networks: tuple[NetworkPlan, ...]
    num_trials: int
    runner: str
    num_workers: int
    disk: Mapping[str, int] = field(default_factory=dict)
    free_disk: int
    data_error: str = ""
    seconds: float | None = None
    seconds_by_runner: Mapping[str, float] = field(default_factory=dict)
    memory: int | None = None
    worker_memory: int = 0
    gpu_memory: int = 0
    free_memory: int | None = None
    kinds: tuple[KindPlan, ...] = ()
    max_trials: int | None = None
    forecast: Forecast | None = None

    def __repr__(self) -> str:
        time = "" if self.seconds is None else f", time {clock(self.seconds)}"
        memory = "" if self.memory is None else f", memory {size(self.memory)}"
        disk = f", disk {size(sum(self.disk.values()))}" if self.disk else ""
        warnings = f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
        return f"<Plan of {self.name!r}: {counted(self.num_trials, 'trial')} to run{time}{memory}{disk}{warnings}>"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What will not fit or will fail, one line each."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        if self.memory and self.free_memory is not None and self.memory > self.free_memory:
            shared = self.memory - self.num_workers * self.worker_memory
            fit = (self.free_memory - shared) // self.worker_memory
            way_out = f"run with --max-concurrent {fit}" if fit >= 1 else "not even one fits"
            trials = f"{counted(self.num_workers, 'trial')} at a time take{'s' if self.num_workers == 1 else ''}"
            yield f"{trials} {size(self.memory)} of memory, but only {size(self.free_memory)} is free: {way_out}."
        if (needed := sum(self.disk.values())) > self.free_disk:
            way_out = "choose another folder with --results, or keep less (--keep-models none, --no-predictions)"
            yield f"the results need {size(needed)}, but only {size(self.free_disk)} is free on the disk: {way_out}."
        failing = [kind for kind in self.kinds if kind.failure]
        for number, network in enumerate(self.networks, start=1):
            if network.error and number not in [kind.network for kind in failing]:
                yield f"{counted(network.num_trials, 'trial')} of network {number} cannot be planned: {network.error}"
        for kind in failing:
            trials = f"{counted(kind.num_trials, 'trial')} of network {kind.network} ({kind.name})"
            yield f"{trials} will fail: {kind.failure}."
