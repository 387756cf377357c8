"""Laws of configs: what is one setting, what its id depends on, and what can never become a config."""

import copy
import functools
import itertools
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep import (
    CIFAR10,
    CNN,
    MNIST,
    MODELS,
    Adagrad,
    Adam,
    Constant,
    Cosine,
    Dataset,
    Digits,
    GradientDescent,
    Momentum,
    ResNet,
    RMSProp,
    Softmax,
    Stepwise,
    TrialConfig,
    config_id,
    from_flat,
    to_flat,
    trial_id,
)
from mnist_sweep.data import loading
from mnist_sweep.data.files.own_files import OwnFiles
from mnist_sweep.errors import ConfigError, ScriptError
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.trials.config import REGISTRIES, defaults, with_seed
from mnist_sweep.trials.parts import make
from tests.conftest import MakeRow, Refused
from tests.training import training_code

NAN, INFINITY = float("nan"), float("inf")
REQUIRED: dict[type, dict[str, Any]] = {
    Stepwise: {"boundaries": (500, 800)},
    **{cls: {"path": "pets"} for cls in loading.DATASETS.values() if issubclass(cls, OwnFiles)},
}

# Ids of this version; a later one that changes any of them would run every finished trial again.
GOLDEN: list[tuple[TrialConfig, str]] = [
    (TrialConfig(), "44136fa355b3-0"),
    (TrialConfig(seed=7), "44136fa355b3-7"),
    (TrialConfig(data=MNIST(), model=CNN(dropout=0.4), num_steps=2000), "14099435695c-0"),
    (TrialConfig(data=Digits(val_size=200), model=Softmax(), optimizer=GradientDescent()), "c47aa6af775d-0"),
    (TrialConfig(model=CNN(filters=(8, 16), kernel_size=3, pool_size=3, units=64, dropout=0.25)), "1fc041398f0c-0"),
    (TrialConfig(model=CNN(initializer="truncated_normal"), optimizer=Adam(learning_rate=1e-4)), "b02c2118a687-0"),
    (TrialConfig(model=Softmax(initializer="glorot_uniform"), optimizer=Momentum(learning_rate=0.1)), "ca1b51621dcd-0"),
    (TrialConfig(optimizer=RMSProp(rho=0.99, momentum=0.5), precision="mixed_bfloat16"), "bc0da9dca7b2-0"),
    (TrialConfig(optimizer=Adagrad(), schedule=Cosine(warmup_steps=10), batch_size=128), "92757e61f7b5-0"),
    (TrialConfig(schedule=Stepwise(boundaries=(500, 800), factor=0.5), evaluate_every=50), "0489603143af-0"),
    (TrialConfig(model=ResNet(depth=8), weight_decay=2e-4, augmentation="pad_crop_flip"), "598750423991-0"),
    (TrialConfig(data=CIFAR10(train_size=9_000, val_size=1_000)), "56fdb145ae54-0"),
]


@dataclass(frozen=True)
class Net:
    """A user's model, which coerces and validates nothing itself."""

    width: int = 64
    rate: float = 0.5
    wide: bool = False
    depth: Literal[1, 3] = 1
    sizes: tuple[int, ...] = (3, 3)
    stride: tuple[int, int] = (2, 2)
    window: Any = (5, 5)
    grown: tuple[float, ...] = field(default_factory=lambda: (1.0, 2.0))

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Descent:
    """A user's optimizer."""

    learning_rate: float = 1.0
    SLOTS: ClassVar[Mapping[str, float]] = {}

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Any, numbers: Any, step: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Flat:
    """A user's schedule."""

    def factors(self, first: int, last: int, num_steps: int) -> Any:
        return np.ones(last - first)


@dataclass(frozen=True)
class Images:
    """A user's data set, with a field that has no default."""

    folder: str

    def load(self) -> Dataset:
        return loading.load(Digits())


@dataclass
class Changeable:
    width: int = 64

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        raise NotImplementedError


@dataclass(eq=False)
class ChangeableByIdentity(Changeable):
    pass


def own_digits() -> Dataset:
    return loading.load(Digits(val_size=100))


def with_part(kind: str, part: Any) -> TrialConfig:
    return TrialConfig(**{kind: part})


def every(registry: Mapping[str, Any]) -> list[Any]:
    return [cls(**REQUIRED.get(cls, {})) for _, cls in sorted(registry.items())]


LooseCNN, LooseDigits, LooseNet, LooseStepwise = [cast(Any, cls) for cls in (CNN, Digits, Net, Stepwise)]  # any types

COMBINATIONS = [
    TrialConfig(**dict(zip(REGISTRIES, parts, strict=True)), num_steps=7, seed=5)
    for parts in itertools.product(*(every(registry) for registry in REGISTRIES.values()))
]
OWN = [
    TrialConfig(model=Net(), optimizer=Descent(), schedule=Flat(), data=Images(folder="a/b")),
    TrialConfig(model=Net(width=3, rate=0.1, wide=True, depth=3, sizes=(1,), stride=(1, 2), window=((1, 2), (3,)))),
    TrialConfig(data=own_digits),
]
SPECIAL = [
    TrialConfig(data=Digits(val_size=200, test_size=100), precision="mixed_bfloat16", batch_size=1, evaluate_every=9),
    TrialConfig(data=MNIST(val_size=1000), seed=2**31 - 1),
    TrialConfig(model=CNN(filters=(8, 16, 32), kernel_size=3, pool_size=1, units=7, dropout=1 / 3)),
    TrialConfig(model=CNN(initializer="truncated_normal"), optimizer=Adam(learning_rate=1e-4, epsilon=1e-7)),
    TrialConfig(model=Softmax(initializer="glorot_uniform"), optimizer=GradientDescent(learning_rate=0.1)),
    TrialConfig(optimizer=RMSProp(learning_rate=0.01, rho=0.99, momentum=0.5, epsilon=1e-3)),
    TrialConfig(optimizer=Momentum(momentum=0.0), schedule=Stepwise(boundaries=(10, 20), factor=0.5, warmup_steps=5)),
    TrialConfig(optimizer=Adagrad(learning_rate=0.1 + 0.2), schedule=Cosine(final=0.01, warmup_steps=3)),
    TrialConfig(schedule=Constant(warmup_steps=100)),
]


def name(config: TrialConfig) -> str:
    parts = (type(config.data), type(config.model), type(config.optimizer), type(config.schedule))
    return "-".join(part.__name__ for part in parts)


@pytest.mark.parametrize("config", COMBINATIONS + SPECIAL + OWN, ids=name)
def test_flat_form_is_json_and_leads_back(config: TrialConfig) -> None:
    flat = to_flat(config)
    read = json.loads(json.dumps(flat, allow_nan=False))
    assert repr(read) == repr(flat)
    assert from_flat(read) == config
    assert trial_id(from_flat(read)) == trial_id(config)


# Any config of the registered parts, and any JSON value in the place of a field's.
RATES = st.floats(0, 1e6, exclude_min=True)
SHARES = st.sampled_from([0.0, -0.0]) | st.floats(0, 1, exclude_max=True)
COUNTS = st.integers(1, 10**6)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "data": st.builds(Digits, val_size=st.integers(1, 800), test_size=st.integers(1, 900)) | st.just(MNIST()),
    "model": st.builds(Softmax, initializer=st.sampled_from(["zeros", "glorot_uniform"]))
    | st.builds(CNN, filters=st.lists(COUNTS, min_size=1, max_size=3), kernel_size=COUNTS, units=COUNTS, dropout=SHARES)
    | st.builds(ResNet, depth=st.sampled_from([8, 20]), filters=COUNTS),
    "optimizer": st.builds(GradientDescent, learning_rate=RATES)
    | st.builds(Momentum, learning_rate=RATES, momentum=SHARES)
    | st.builds(Adam, learning_rate=RATES, epsilon=RATES)
    | st.builds(RMSProp, learning_rate=RATES, rho=SHARES, momentum=SHARES, epsilon=RATES)
    | st.builds(Adagrad, learning_rate=RATES),
    "schedule": st.builds(Constant, warmup_steps=st.integers(0, 100))
    | st.builds(Cosine, final=SHARES)
    | st.builds(Stepwise, boundaries=st.sets(COUNTS, min_size=1, max_size=3).map(sorted), factor=st.floats(0.001, 1)),
}
CONFIGS = st.builds(
    TrialConfig,
    **PARTS,
    num_steps=COUNTS,
    batch_size=COUNTS,
    evaluate_every=COUNTS,
    precision=st.sampled_from(["float32", "mixed_bfloat16"]),
    log_every=st.none() | COUNTS,
    weight_decay=SHARES,
    seed=st.integers(0, 2**31 - 1),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)
NAMES = st.sampled_from([*to_flat(TrialConfig()), "model.unheard_of", "unheard_of", "seed.a", ""])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(config=CONFIGS, drawn=st.randoms(use_true_random=False))
def test_flat_form_of_any_config_leads_back_in_any_order_and_keeps_the_id(config: TrialConfig, drawn: Random) -> None:
    items = list(json.loads(json.dumps(to_flat(config), allow_nan=False)).items())
    drawn.shuffle(items)
    again = from_flat(dict(items))
    assert again == config
    assert repr(again) == repr(config)
    assert trial_id(again) == trial_id(config)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(config=CONFIGS, other=CONFIGS, names=st.sets(st.sampled_from([item.name for item in fields(TrialConfig)])))
def test_configs_have_one_id_exactly_if_they_are_equal(
    config: TrialConfig, other: TrialConfig, names: set[str]
) -> None:
    other = replace(config, **{name: getattr(other, name) for name in names})
    assert (trial_id(config) == trial_id(other)) == (config == other)
    assert (config_id(config) == config_id(other)) == (config == replace(other, seed=config.seed))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changes=st.dictionaries(NAMES, JSON, min_size=1, max_size=2), missing=st.sets(NAMES, max_size=2))
def test_any_flat_form_is_refused_in_one_line_or_is_that_of_a_config(
    changes: dict[str, Any], missing: set[str]
) -> None:
    flat = {name: value for name, value in to_flat(TrialConfig()).items() if name not in missing} | changes
    try:
        config = from_flat(flat)
    except (ConfigError, ScriptError) as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 # a config may come as well
        return
    assert from_flat(to_flat(config)) == config
    assert trial_id(from_flat(to_flat(config))) == trial_id(config)


def test_flat_form_says_every_field_in_the_order_of_its_declaration() -> None:
    assert to_flat(TrialConfig(model=Softmax(), optimizer=Momentum(), schedule=Cosine(warmup_steps=3))) == {
        "data": "digits",
        "data.val_size": 300,
        "data.test_size": 300,
        "model": "softmax",
        "model.initializer": "zeros",
        "optimizer": "momentum",
        "optimizer.learning_rate": 0.05,
        "optimizer.momentum": 0.9,
        "schedule": "cosine",
        "schedule.final": 0.0,
        "schedule.warmup_steps": 3,
        "num_steps": 1000,
        "batch_size": 50,
        "evaluate_every": 100,
        "precision": "float32",
        "log_every": None,
        "weight_decay": 0.0,
        "augmentation": "none",
        "loss": "cross_entropy",
        "loss.label_smoothing": 0.0,
        "loss.class_weights": None,
        "changes": [],
        "seed": 0,
    }
    assert next(iter(to_flat(TrialConfig()))) == "data"


def test_flat_form_of_an_older_version_gets_the_defaults_of_newer_fields() -> None:
    assert from_flat({"model": "softmax", "num_steps": 7}) == TrialConfig(model=Softmax(), num_steps=7)


def test_flat_form_of_a_function_is_its_name() -> None:
    flat = to_flat(TrialConfig(data=own_digits))
    assert flat["data"] == f"{__name__}:own_digits"
    assert from_flat(flat).data is own_digits


@pytest.mark.parametrize(("config", "golden"), GOLDEN, ids=[golden for _, golden in GOLDEN])
def test_trial_id_is_the_same_in_every_version(config: TrialConfig, golden: str) -> None:
    assert trial_id(config) == golden


WRITTEN = [
    ({"num_steps": 700}, {"num_steps": 700.0}),
    ({"num_steps": 700}, {"num_steps": np.int64(700)}),
    ({"seed": 3}, {"seed": np.uint8(3)}),
    ({"optimizer": Momentum(momentum=0.0)}, {"optimizer": Momentum(momentum=-0.0)}),
    ({"model": Net(grown=(0.0, 1.0))}, {"model": LooseNet(grown=[-0.0, 1])}),
    ({"precision": "mixed_float16"}, {"precision": np.str_("mixed_float16")}),
    ({"optimizer": Adam(learning_rate=1.0)}, {"optimizer": Adam(learning_rate=1)}),
    ({"optimizer": Adam(learning_rate=0.1)}, {"optimizer": Adam(learning_rate=np.float64(0.1))}),
    ({"optimizer": Adam()}, {"optimizer": "adam"}),
    ({"model": CNN(filters=(8, 16))}, {"model": LooseCNN(filters=[8, 16])}),
    ({"model": CNN(filters=(8, 16))}, {"model": LooseCNN(filters=(8.0, np.int64(16)))}),
    ({"model": CNN(units=64)}, {"model": LooseCNN(units=64.0)}),
    ({"model": CNN(dropout=0.0)}, {"model": CNN(dropout=0)}),
    ({"model": CNN(initializer="truncated_normal")}, {"model": LooseCNN(initializer=np.str_("truncated_normal"))}),
    ({"schedule": Stepwise(boundaries=(10, 20))}, {"schedule": LooseStepwise(boundaries=[10.0, 20])}),
    ({"data": Digits(val_size=200)}, {"data": LooseDigits(val_size=np.int16(200))}),
    ({"model": Net(width=7)}, {"model": LooseNet(width=7.0)}),
    ({"model": Net(width=7)}, {"model": LooseNet(width=np.int32(7))}),
    ({"model": Net()}, {"model": LooseNet(width=64.0)}),
    ({"model": Net(rate=2.0)}, {"model": Net(rate=2)}),
    ({"model": Net(wide=True)}, {"model": LooseNet(wide=np.True_)}),
    ({"model": Net()}, {"model": LooseNet(depth=1.0)}),
    ({"model": Net(depth=3)}, {"model": LooseNet(depth=np.int64(3))}),
    ({"model": Net(sizes=(5, 6))}, {"model": LooseNet(sizes=[5, np.float64(6)])}),
    ({"model": Net()}, {"model": LooseNet(sizes=[3, 3])}),
    ({"model": Net()}, {"model": LooseNet(stride=[2, 2])}),
    ({"model": Net(stride=(1, 3))}, {"model": LooseNet(stride=[1.0, np.int64(3)])}),
    ({"model": Net()}, {"model": Net(window=[5, 5])}),
    ({"model": Net()}, {"model": Net(grown=(1, 2))}),
    ({"model": Net()}, {"model": f"{__name__}:Net"}),
    ({"optimizer": Descent(learning_rate=2.0)}, {"optimizer": Descent(learning_rate=2)}),
]


@pytest.mark.parametrize(("one", "other"), WRITTEN, ids=[str(number) for number in range(len(WRITTEN))])
def test_trial_id_ignores_how_a_value_was_written(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert TrialConfig(**one) == TrialConfig(**other)
    assert trial_id(TrialConfig(**one)) == trial_id(TrialConfig(**other))
    assert repr(to_flat(TrialConfig(**one))) == repr(to_flat(TrialConfig(**other)))
    assert hash(TrialConfig(**one)) == hash(TrialConfig(**other))


def test_every_field_at_its_default_is_left_out_of_the_id() -> None:
    flat = to_flat(TrialConfig())
    assert {*defaults(TrialConfig()), "seed"} == set(flat)
    assert config_id(TrialConfig()) == "44136fa355b3"  # of {}


def test_a_field_off_its_default_is_part_of_the_id_together_with_its_part() -> None:
    changed = TrialConfig(model=CNN(units=64), optimizer=Momentum(), batch_size=7)
    hashed = [name for name in to_flat(changed) if name not in defaults(changed)]
    assert hashed == ["model.units", "optimizer", "batch_size"]


@pytest.mark.parametrize("registered", [True, False])
def test_new_field_at_its_default_changes_no_id(monkeypatch: pytest.MonkeyPatch, registered: bool) -> None:
    @dataclass(frozen=True)
    class Before:
        units: int = 8

        def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
            raise NotImplementedError

    @dataclass(frozen=True)
    class After(Before):
        units: int = 8
        new: float = 0.5
        newer: tuple[int, ...] = field(default_factory=lambda: (1, 2))

    Before.__qualname__ = After.__qualname__ = "Grown"
    for units in (8, 16):
        ids = []
        for version in (Before, After):
            if registered:
                monkeypatch.setitem(MODELS, "grown", version)
            ids.append(trial_id(TrialConfig(model=version(units=units))))
        assert ids[0] == ids[1]
        assert trial_id(TrialConfig(model=After(units=units, new=0.6))) != ids[0]
        assert trial_id(TrialConfig(model=After(units=units, newer=(1,)))) != ids[0]


def test_row_of_a_version_without_a_field_is_still_read(make_row: MakeRow) -> None:
    flat = to_flat(TrialConfig(model=Softmax()))
    older = {key: value for key, value in flat.items() if key != "evaluate_every"}
    row = make_row(TrialConfig(model=Softmax()))
    older_row = replace(row, config=older, defaults=tuple(key for key in row.defaults if key in older))
    assert from_json(to_json(older_row)).trial_id == trial_id(from_flat(older))


def off_default() -> list[TrialConfig]:
    """Return one config for each field of each registered type, with that field alone off its default, and more."""
    others: dict[str, Any] = {
        "filters": (8,),
        "depth": 8,
        "log_every": 10,
        "changes": ((1, (("model.dropout", 0.5),)),),
        "augmentation": "pad_crop_flip",
        "boundaries": (1, 2, 3),
        "class_weights": "balanced",
        "initializer": "glorot_uniform",
        "precision": "mixed_float16",
        "path": "others",
        "image_size": (32, 32),
        "label": "digit",
        "color": "rgb",
        "resize": "crop",
        "value_range": (0.0, 2.0),
        "unit": "points",
        "target": "number",
    }
    trials = [TrialConfig(), TrialConfig(model=CNN(initializer="truncated_normal"))]
    for kind, registry in REGISTRIES.items():
        for part in every(registry):
            trials.append(with_part(kind, part))
            for item in fields(part):
                value = getattr(part, item.name)
                counts = type(value) is int and item.name != "depth"
                other = (value - 1 if value else 1) if counts else others.get(item.name, 0.123)
                trials.append(with_part(kind, replace(part, **{item.name: other})))
    for item in fields(TrialConfig()):
        if item.name not in REGISTRIES:
            value = getattr(TrialConfig(), item.name)
            trials.append(TrialConfig(**{item.name: others.get(item.name) or value + 1}))
    return list(dict.fromkeys(trials))


def test_every_field_alone_makes_another_trial() -> None:
    trials = off_default()
    assert len(trials) > 40
    assert len({trial_id(trial) for trial in trials}) == len(trials)


def test_seed_is_in_the_trials_id_and_not_in_the_configs() -> None:
    trials = [TrialConfig(num_steps=7, seed=seed) for seed in (0, 1, 2**31 - 1)]
    (own_id,) = {config_id(trial) for trial in trials}
    assert [trial_id(trial) for trial in trials] == [f"{own_id}-{trial.seed}" for trial in trials]


@pytest.mark.parametrize("is_known", [True, False])
def test_trial_with_another_seed_is_the_one_that_is_made_anew(is_known: bool) -> None:
    config = TrialConfig(num_steps=7, model=CNN(filters=(8, 16)), changes=((3, (("weight_decay", 0.1),)),))
    if is_known:
        config_id(config)
    trial, anew = with_seed(config, 3), replace(config, seed=3)
    assert (trial, hash(trial), repr(trial), trial_id(trial)) == (anew, hash(anew), repr(anew), trial_id(anew))
    assert config.seed == 0


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_id_that_is_known_goes_with_no_other_config(copied: Callable[[TrialConfig], TrialConfig]) -> None:
    config = TrialConfig(num_steps=7)
    assert config_id(copied(config)) == config_id(config) == config_id(copied(config))
    assert config_id(replace(config, num_steps=8)) == config_id(TrialConfig(num_steps=8)) != config_id(config)


def test_id_is_the_same_in_every_process() -> None:
    code = "from mnist_sweep import *; print(trial_id(TrialConfig(model=CNN(filters=(8, 16)), seed=3)))"
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == trial_id(TrialConfig(model=CNN(filters=(8, 16)), seed=3))


@pytest.mark.parametrize("kind", REGISTRIES)
def test_part_is_a_value_or_the_name_of_one_with_its_defaults(kind: str) -> None:
    for word, cls in REGISTRIES[kind].items():
        if cls not in REQUIRED:
            assert getattr(with_part(kind, word), kind) == make(kind, word, {}, REGISTRIES[kind]) == cls()


def test_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        TrialConfig().seed = 3  # type: ignore[misc]  # the mistake under test


BAD_VALUES: list[tuple[Any, dict[str, Any], list[str]]] = [
    (CNN, {"dropout": 1.0}, ["`0 <= dropout < 1`", "dropout=1.0"]),
    (CNN, {"dropout": -0.1}, ["`0 <= dropout < 1`", "dropout=-0.1"]),
    (CNN, {"dropout": NAN}, ["`0 <= dropout < 1`", "dropout=nan"]),
    (CNN, {"dropout": "abc"}, ["CNN.dropout", "'abc'"]),
    (CNN, {"filters": (8, 0)}, ["filters >= 1", "filters=(8, 0)"]),
    (CNN, {"filters": ()}, ["filters", "filters=()"]),
    (CNN, {"filters": 8}, ["CNN.filters", "8"]),
    (CNN, {"filters": (True,)}, ["CNN.filters", "True"]),
    (CNN, {"kernel_size": 0}, ["`kernel_size >= 1`", "kernel_size=0"]),
    (CNN, {"pool_size": 0}, ["`pool_size >= 1`", "pool_size=0"]),
    (CNN, {"units": 0}, ["`units >= 1`", "units=0"]),
    (CNN, {"units": 2.5}, ["CNN.units", "2.5"]),
    (CNN, {"initializer": "zeros"}, ["CNN.initializer", "'glorot_uniform'", "'truncated_normal'", "'zeros'"]),
    (Softmax, {"initializer": "ones"}, ["Softmax.initializer", "'zeros'", "'ones'"]),
    (Digits, {"val_size": 0}, ["`val_size >= 1`", "val_size=0"]),
    (Digits, {"val_size": 1000, "test_size": 797}, ["val_size=1000", "test_size=797"]),
    (Momentum, {"momentum": 1.0}, ["`0 <= momentum < 1`", "momentum=1.0"]),
    (Momentum, {"momentum": -0.1}, ["`0 <= momentum < 1`", "momentum=-0.1"]),
    (Adam, {"beta_1": 1.0}, ["`0 <= beta_1 < 1`", "beta_1=1.0"]),
    (Adam, {"beta_2": NAN}, ["`0 <= beta_2 < 1`", "beta_2=nan"]),
    (Adam, {"epsilon": 0.0}, ["epsilon", "epsilon=0.0"]),
    (RMSProp, {"rho": 1.0}, ["`0 <= rho < 1`", "rho=1.0"]),
    (RMSProp, {"epsilon": INFINITY}, ["epsilon=inf"]),
    (TrialConfig, {"num_steps": 0}, ["`num_steps >= 1`", "num_steps=0"]),
    (TrialConfig, {"log_every": 0}, ["`log_every >= 1`", "log_every=0"]),
    (TrialConfig, {"weight_decay": -1e-4}, ["`0 <= weight_decay < infinity`", "weight_decay=-0.0001"]),
    (TrialConfig, {"augmentation": "rotate"}, ["'pad_crop_flip'", "augmentation='rotate'"]),
    (TrialConfig, {"batch_size": 0}, ["`batch_size >= 1`", "batch_size=0"]),
    (TrialConfig, {"evaluate_every": 0}, ["`evaluate_every >= 1`", "evaluate_every=0"]),
    (TrialConfig, {"seed": -1}, ["`0 <= seed < 2**31`", "seed=-1"]),
    (TrialConfig, {"seed": 2**31}, ["`0 <= seed < 2**31`", "seed=2147483648"]),
    (TrialConfig, {"num_steps": True}, ["TrialConfig.num_steps", "True"]),
    (TrialConfig, {"num_steps": "abc"}, ["TrialConfig.num_steps", "'abc'"]),
    (TrialConfig, {"num_steps": 2.5}, ["TrialConfig.num_steps", "2.5"]),
    (TrialConfig, {"num_steps": None}, ["TrialConfig.num_steps", "None"]),
    (TrialConfig, {"precision": "float8"}, ["'float32', 'mixed_bfloat16', 'mixed_float16'", "'float8'"]),
    (TrialConfig, {"model": None}, ["`model`", "`build`", "None"]),
    (TrialConfig, {"model": CNN}, ["`model`", "instance", "CNN"]),
    (TrialConfig, {"model": Adam()}, ["`model`", "`build`", "Adam("]),
    (TrialConfig, {"model": Changeable()}, ["`model`", "frozen dataclass", "Changeable("]),
    (TrialConfig, {"model": ChangeableByIdentity()}, ["`model`", "frozen dataclass", "Changeable"]),
    (TrialConfig, {"model": f"{__name__}:Changeable"}, ["model", "frozen dataclass", "Changeable"]),
    (TrialConfig, {"model": f"{__name__}:own_digits"}, ["model", "frozen dataclass", "own_digits"]),
    (TrialConfig, {"model": f"{__name__}:Descent"}, ["model", "build", "Descent"]),
    (TrialConfig, {"model": f"{__name__}:GOLDEN"}, ["model", "frozen dataclass", "GOLDEN"]),
    (TrialConfig, {"model": LooseNet(width="wide")}, ["Net.width", "'wide'"]),
    (TrialConfig, {"optimizer": Softmax()}, ["`optimizer`", "`apply`"]),
    (TrialConfig, {"schedule": 0.1}, ["`schedule`", "`factors`", "0.1"]),
    (TrialConfig, {"schedule": "stepwise"}, ["schedule", "stepwise", "boundaries"]),
    (TrialConfig, {"data": 3}, ["`data`", "`load`", "3"]),
    (TrialConfig, {"data": f"{__name__}:Images"}, ["data", "Images", "folder"]),
]


@pytest.mark.parametrize(
    ("cls", "given", "parts"), BAD_VALUES, ids=[f"{cls.__name__}-{given}" for cls, given, _ in BAD_VALUES]
)
def test_bad_value_is_refused_with_the_rule_and_the_value(
    refused: Refused, cls: Any, given: dict[str, Any], parts: list[str]
) -> None:
    with refused(ConfigError, *parts):
        cls(**given)


@pytest.mark.parametrize("kind", REGISTRIES)
def test_import_path_that_leads_nowhere_is_no_part(refused: Refused, kind: str) -> None:
    with refused(ScriptError, f"the {kind} 'nosuch.module:Thing'"):
        with_part(kind, "nosuch.module:Thing")


@pytest.mark.parametrize(
    ("flat", "parts"),
    [
        ({"nosuch": 1}, ["'nosuch'", "a trial", "batch_size", "num_steps"]),
        ({"model": "cnn", "model.nosuch": 1}, ["'nosuch'", "the model 'cnn'", "filters"]),
        ({"model": "softmax", "model.filters": [8]}, ["'filters'", "the model 'softmax'", "initializer"]),
        ({"optimizer": "adam", "optimizer.momentum": 0.9}, ["'momentum'", "'adam'", "beta_1"]),
        ({"nosuch.rate": 1}, ["nosuch", "model", "optimizer"]),
        ({"seed.value": 1}, ["seed"]),
        ({"data": f"{__name__}:own_digits", "data.val_size": 3}, ["own_digits"]),
    ],
)
def test_flat_form_with_an_unknown_field_is_refused(refused: Refused, flat: dict[str, Any], parts: list[str]) -> None:
    with refused(ConfigError, *parts):
        from_flat(flat)


def test_no_field_of_a_flat_form_is_ignored(refused: Refused) -> None:
    with refused(ConfigError, "model"):
        from_flat({"model.filters": [8]})


@pytest.mark.parametrize("bad", [3, None, ["cnn"]])
def test_part_of_a_flat_form_is_a_name(refused: Refused, bad: Any) -> None:
    with refused(ConfigError, "model", repr(bad)):
        from_flat({"model": bad})


def test_function_without_an_import_path_is_no_data_set_of_a_row(refused: Refused) -> None:
    with refused(ConfigError, "<lambda>", "top level of a module"):
        trial_id(TrialConfig(data=lambda: loading.load(Digits())))


def test_part_of_the_wrong_kind_is_refused_with_the_way_to_write_it(refused: Refused) -> None:
    for model, hint in [
        (Net, "the class itself: write Net()"),
        (SimpleNamespace(build=3), "a SimpleNamespace: write a frozen dataclass with `build` or `train`, whose fields"),
        (functools.partial(CNN), "a partial: write a frozen dataclass with `build`"),
        (Digits(), "which has no `build`"),
    ]:
        with refused(ConfigError, "`model` must be an instance of a frozen dataclass with `build`", hint):
            TrialConfig(model=cast(Any, model))


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        (training_code.Both(), "has both `build` and `train`"),
        (training_code.Sequence(), "must be a plain function, without `async` and `yield`"),
        (training_code.Coroutine(), "must be a plain function, without `async` and `yield`"),
        (
            training_code.Contextless(),
            "`def train(self, context)`, but: too many positional arguments",
        ),
        (training_code.Greedy(), "must take a context, as in `def train(self, context)`, but: missing"),
    ],
)
def test_training_code_that_cannot_be_called_is_refused(refused: Refused, model: Any, hint: str) -> None:
    with refused(ConfigError, type(model).__name__, hint):
        TrialConfig(model=model)


def test_a_field_named_train_is_no_training_code() -> None:
    @dataclass(frozen=True)
    class Frozen:
        train: bool = False

        def build(self, image_shape: Any, num_classes: int) -> None:
            """Return nothing."""

    assert TrialConfig(model=cast(Any, Frozen())).model == Frozen()
