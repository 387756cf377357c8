"""Laws of an estimate: it follows from what was measured of the trials that are missing."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import (
    CIFAR10,
    CNN,
    PBT,
    Adam,
    GradientDescent,
    Keep,
    Known,
    Local,
    Momentum,
    RayTune,
    Search,
    Softmax,
    Status,
    Sweep,
    TrialConfig,
    Uniform,
    grid,
    trial_id,
)
from mnist_sweep.errors import ConfigError, DataError, LedgerError, ResourceError
from mnist_sweep.planning import calibration_processes, plan_builder, resource_usage
from mnist_sweep.planning.plan_builder import plan
from mnist_sweep.planning.sweep_plan import Plan
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.results import saved_plan
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system import machine
from mnist_sweep.trials.row import TrialRow
from tests.conftest import Refused
from tests.training.training_code import Linear

Measured = Callable[..., None]
ALONE = Local(workers=1)
BASE = TrialConfig(model=Softmax(), num_steps=10, evaluate_every=5)
TRIALS = grid(BASE, {"optimizer": [GradientDescent(), Adam(), Adam(learning_rate=0.1)]})
SWEEP = Sweep(name="one", trials=TRIALS)
COST = TrialCost(
    start=3.0, step=1.0, image=0.0, overhead=2.0, tracing=0.0, saving=0.0, memory=3 << 30, shared_memory=1 << 30
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Let every kind cost the same, apart from those that are to fail."""

    def set_up(cost: TrialCost = COST, failures: dict[TrialConfig, str] | None = None) -> None:
        def calibrate(trials: Sequence[TrialConfig], *_: object) -> list[TrialCost | str]:
            return [(failures or {}).get(trial, cost) for trial in trials]

        monkeypatch.setattr(calibration_processes, "calibrate", calibrate)

    set_up()
    return set_up


@pytest.mark.usefixtures("measured")
def test_time_and_memory_follow_from_what_was_measured(tmp_path: Path) -> None:
    found = plan(SWEEP, results=tmp_path, runner=ALONE)
    assert (found.num_trials, found.runner, found.num_workers) == (3, "Local", 1)
    assert found.seconds == 3 + 3 * 12
    assert found.seconds_by_runner == {"Local": found.seconds, "RayTune": pytest.approx(found.seconds + 0.9 + 3 * 0.06)}
    assert (found.memory, found.worker_memory) == ((4 << 30) + resource_usage.DRIVER_MEMORY, 3 << 30)
    assert found.gpu_memory == 0
    debugged = plan(SWEEP, results=tmp_path, runner=Local(in_process=True))
    assert (debugged.memory, debugged.seconds_by_runner) == (4 << 30, {})
    times = [(one.network, one.num_trials, one.step_seconds, one.trial_seconds) for one in found.kinds]
    assert times == [(1, 1, 1.0, 12.0), (1, 2, 1.0, 12.0)]


@pytest.mark.usefixtures("measured")
def test_ray_takes_time_and_memory_of_its_own(tmp_path: Path) -> None:
    found = plan(SWEEP, results=tmp_path, runner=RayTune(max_concurrent=1))
    assert found.seconds == pytest.approx(3 + 0.9 + 3 * 12.06)
    assert found.worker_memory == (3 << 30) + resource_usage.WORKER_MEMORY
    assert found.memory == (1 << 30) + found.worker_memory + resource_usage.RAY_MEMORY


def test_every_trial_saves_its_model_where_configs_have_several_seeds(tmp_path: Path, measured: Measured) -> None:
    measured(replace(COST, saving=1.0))
    seeds = Sweep(name="seeds", trials=[replace(BASE, seed=seed) for seed in range(2)])
    found, without = (
        plan(seeds, results=tmp_path, runner=ALONE, keep=Keep(models=models)).seconds for models in ("best", "none")
    )
    assert (found, without) == (3 + 2 * 13, 3 + 2 * 12)


def test_trials_that_will_fail_are_named_and_take_no_time(tmp_path: Path, measured: Measured) -> None:
    measured(failures={TRIALS[1]: "OSError: out of cheese"})  # the first of its kind
    found = plan(SWEEP, results=tmp_path, runner=ALONE)
    assert found.seconds == 3 + 12
    assert [(one.num_trials, one.failure) for one in found.kinds] == [(1, ""), (2, "OSError: out of cheese")]
    assert found.warnings == ("2 trials of network 1 (Adam, batch 50) will fail: OSError: out of cheese.",)


def test_kinds_of_a_network_are_named_by_what_distinguishes_them(tmp_path: Path, measured: Measured) -> None:
    others: dict[str, Any] = {"batch_size": 20, "precision": "mixed_bfloat16", "weight_decay": 0.1}
    others |= {"augmentation": "pad_crop_flip", "optimizer": GradientDescent()}
    found = plan(Sweep(name="two", trials=[BASE, replace(BASE, **others)]), results=tmp_path, runner=ALONE)
    names = ["Adam, batch 50", "GradientDescent, batch 20, mixed_bfloat16, pad_crop_flip, weight decay"]
    assert [one.name for one in found.kinds] == names


@pytest.mark.usefixtures("measured")
def test_code_that_trains_itself_is_not_named_after_defaults_that_it_may_never_read(tmp_path: Path) -> None:
    trials = grid(replace(BASE, model=Linear(), optimizer=Adam()), {"optimizer": [Adam(), GradientDescent()]})
    found = plan(Sweep(name="own", trials=trials), results=tmp_path, runner=ALONE)
    assert [one.name for one in found.kinds] == ["own training code", "own training code, GradientDescent"]


@pytest.mark.usefixtures("measured")
def test_a_trial_of_a_population_takes_the_time_of_its_round_and_leaves_a_whole_curve(tmp_path: Path) -> None:
    axes = {"optimizer.learning_rate": Uniform(low=0.1, high=1.0)}
    search = Search(base=BASE, axes=axes, num_trials=6, algorithm=PBT(population=3))
    found = plan(Sweep(name="rounds", search=search), results=tmp_path, runner=ALONE)
    assert found.seconds == 3 + 6 * 7  # each of the two rounds has 5 steps
    alone = plan(Sweep(name="alone", trials=TRIALS), results=tmp_path, runner=ALONE)
    assert found.disk["rows"] == 2 * alone.disk["rows"]
    assert found.disk["checkpoints"] == (2 + 6) / 2 * alone.disk["checkpoints"]


@pytest.mark.usefixtures("measured")
def test_the_time_is_saved_for_the_run_that_it_is_of(tmp_path: Path) -> None:
    plan(SWEEP, results=tmp_path, runner=ALONE)
    run = saved_plan.run_of(map(trial_id, TRIALS), "Local", 1)
    assert saved_plan.read(tmp_path / "one") == (run, 39.0)


def test_without_a_calibration_networks_and_disk_are_planned_and_nothing_is_written(tmp_path: Path) -> None:
    found = plan(SWEEP, results=tmp_path, runner=ALONE, calibrate=False)
    assert [one.num_trials for one in found.networks] == [3]
    assert min(found.disk[name] for name in ("rows", "tables", "predictions", "models", "checkpoints")) > 0
    assert (found.seconds, found.memory, found.kinds, found.warnings) == (None, None, (), ())
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_kept_takes_no_space(tmp_path: Path) -> None:
    found = plan(SWEEP, results=tmp_path, keep=Keep(models="none", predictions=False), calibrate=False)
    assert (found.disk["models"], found.disk["predictions"]) == (0, 0)


@pytest.mark.usefixtures("measured")
def test_what_is_finished_is_left_out(tmp_path: Path, make_row: Callable[..., TrialRow]) -> None:
    ledger = Ledger(tmp_path / "one")
    ledger.open()
    ledger.commit(make_row(TRIALS[0]))
    ledger.commit(make_row(TRIALS[1], Status.FAILED, error="OSError: out of cheese"))
    assert plan(SWEEP, results=tmp_path, runner=ALONE).seconds == 3 + 12
    retried = plan(SWEEP, results=tmp_path, runner=ALONE, retry=[Status.FAILED])
    assert (retried.num_trials, retried.networks[0].num_trials) == (2, 3)
    ledger.commit(make_row(TRIALS[2]))
    nothing = plan(SWEEP, results=tmp_path, runner=ALONE)
    assert (nothing.num_trials, nothing.disk, nothing.seconds) == (0, {}, None)


def test_a_sweep_without_its_data_is_planned_without_its_disk_unless_it_is_to_be_measured(tmp_path: Path) -> None:
    far = Sweep(name="far", trials=[TrialConfig(data=CIFAR10())])
    found = plan(far, results=tmp_path, calibrate=False)
    assert found.data_error.startswith("cifar-10-binary.tar.gz ")
    assert (found.num_trials, found.disk, found.networks[0].image_shape) == (1, {}, (32, 32, 3))
    with pytest.raises(DataError):
        plan(far, results=tmp_path)


def test_as_many_run_at_a_time_as_fit_are_wanted_and_are_there(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def workers(runner: Local | RayTune, num_trials: int = 9) -> int:
        sweep = Sweep(name="many", trials=grid(BASE, {"seed": list(range(num_trials))}))
        return plan(sweep, results=tmp_path, runner=runner, calibrate=False).num_workers

    monkeypatch.setattr(machine, "num_cpus", lambda: 4)
    monkeypatch.setattr(machine, "gpus", lambda: ["0"])
    assert (workers(RayTune(max_concurrent=3)), workers(Local(workers=3))) == (3, 3)
    for kind in (RayTune, Local):
        assert (workers(kind()), workers(kind(cpus_per_trial=2))) == (4, 2)
        assert (workers(kind(), 2), workers(kind(gpus_per_trial=0.5))) == (2, 2)
    assert (workers(Local(in_process=True)), workers(Local(cpus_per_trial=5))) == (1, 1)
    with refused(ResourceError, "must fit one machine"):
        workers(RayTune(cpus_per_trial=5))


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_measured(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").touch()
    with refused(LedgerError, "results folder", "move away what is in its place"):
        plan(SWEEP, results=tmp_path / "file")


@dataclass(frozen=True)
class Wide:
    """A user's model, which cannot describe itself."""

    units: int = 7

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        layers = keras.layers
        return keras.Sequential([keras.Input(image_shape), layers.Flatten(), layers.Dense(num_classes)])


def test_trials_that_differ_in_numbers_alone_share_a_network() -> None:
    models = [CNN(filters=(4,)), CNN(filters=(4,), dropout=0.5), CNN(filters=(8,)), Softmax()]
    trials = grid(TrialConfig(), {"model": models, "optimizer": [Adam(), Momentum()], "seed": [0, 1]})
    plans = plan_builder.networks(trials)
    assert [(one.model, one.num_trials) for one in plans] == [(models[0], 8), (models[2], 4), (models[3], 4)]
    assert {one.image_shape for one in plans} == {(8, 8, 1)}


@dataclass(frozen=True)
class Odd:
    """A user's model without weights until it is called, without a `return`, or with an error."""

    kind: str

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        layers = keras.layers
        model = keras.Sequential([layers.Flatten(), layers.Dense(8), layers.Dense(8), layers.Dense(num_classes)])
        if self.kind == "broken":
            raise RuntimeError("no such layer")
        return model if self.kind == "unbuilt" else None


@pytest.mark.usefixtures("tf")
def test_models_of_every_kind_are_described_or_one_line_says_why_not() -> None:
    plans = plan_builder.networks([TrialConfig(model=Odd(kind)) for kind in ("unbuilt", "none", "broken")])
    assert [one.parameters for one in plans] == [64 * 8 + 8 + 8 * 8 + 8 + 8 * 10 + 10, 0, 0]
    assert plans[1].error.endswith("but it returns None: end it with `return model`.")
    assert "but it raises RuntimeError: no such layer (test_plan_builder.py:" in plans[2].error
    found = Plan(name="x", networks=tuple(plans), num_trials=3, runner="Local", num_workers=1, free_disk=1)
    assert [warning.partition(":")[0] for warning in found.warnings] == [
        "1 trial of network 2 cannot be planned",
        "1 trial of network 3 cannot be planned",
    ]


def test_a_model_that_trains_itself_has_no_layers_and_no_error() -> None:
    (one,) = plan_builder.networks([TrialConfig(model=Linear())])
    assert (one.layers, one.error, one.image_shape) == ((), "", (8, 8, 1))


@pytest.mark.usefixtures("tf")
def test_a_model_of_the_users_is_built_to_be_described() -> None:
    (one,) = plan_builder.networks([TrialConfig(model=Wide())])
    assert one.layers[-1].output == (10,)
    assert sum(layer.parameters for layer in one.layers) == 650
    assert sum(layer.multiply_adds for layer in one.layers) == 640
    assert {layer.rule for layer in one.layers} == {""}


@pytest.mark.usefixtures("measured")
def test_a_race_is_planned_from_stated_spreads_or_at_most(tmp_path: Path, refused: Refused) -> None:
    race = SWEEP.with_options(until=Known(within=0.05, max_seeds=10))
    most = plan(race, results=tmp_path, runner=ALONE)
    assert (most.num_trials, most.max_trials, most.forecast) == (30, 30, None)
    near, far = (plan(race, results=tmp_path, runner=ALONE, spreads=(0.01, spread)) for spread in (0.001, 0.5))
    for one in (near, far):
        assert one.forecast is not None
        assert one.num_trials == one.forecast.trials.middle
        assert one.seconds == 3 + one.num_trials * 12
    assert far.num_trials < near.num_trials < 30
    for spreads in ((0.0, 0.1), (float("inf"), 0.1), (0.1, 1.1), (0.1, -0.1), (float("nan"), 0.1)):
        with refused(ConfigError, "the spread over seeds lies in (0, 1], that of configs in [0, 1]"):
            plan(race, results=tmp_path, runner=ALONE, spreads=spreads)
    with refused(ConfigError, "spreads are those of a race"):
        plan(SWEEP, results=tmp_path, runner=ALONE, spreads=(0.1, 0.1))


@pytest.mark.usefixtures("measured")
def test_a_race_is_planned_from_its_seeds(tmp_path: Path, make_row: Callable[..., TrialRow]) -> None:
    race, ledger = SWEEP.with_options(until=Known(within=0.05, max_seeds=10)), Ledger(tmp_path / "one")
    ledger.open()
    for number, seed in itertools.product(range(3), range(3)):
        trial = replace(TRIALS[number], seed=seed)
        ledger.commit(make_row(trial, val_accuracy=0.9 - 0.2 * number + seed / 100))
    found = plan(race, results=tmp_path, runner=ALONE, spreads=(0.1, 0.001))
    assert found.forecast is not None
    assert found.num_trials < 12, "they are far apart, whatever spreads are stated"
    assert found.max_trials == 21
