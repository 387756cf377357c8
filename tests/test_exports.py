"""What `import mnist_sweep` offers: all of it listed, and all of it there."""

import re
import types
from dataclasses import is_dataclass

import pytest

import mnist_sweep
from mnist_sweep.data import cifar10, dataset, digits, mnist
from mnist_sweep.models import cnn, resnet, softmax_regression
from mnist_sweep.optim import optimizers, schedules
from mnist_sweep.runners import local
from mnist_sweep.runners.ray import tune
from mnist_sweep.search import distributions, search
from mnist_sweep.sweep import outcome, sweep
from mnist_sweep.trials import config, row

DATA, MODELS = [cifar10, dataset, digits, mnist], [cnn, resnet, softmax_regression]
MODULES = [*DATA, *MODELS, optimizers, schedules, local, tune, distributions, search, outcome, sweep, config, row]


def test_no_name_is_listed_twice() -> None:
    assert len({*mnist_sweep.__all__}) == len(mnist_sweep.__all__)


@pytest.mark.parametrize("name", mnist_sweep.__all__)
def test_exported_name_exists(name: str) -> None:
    assert getattr(mnist_sweep, name) is not None


def test_no_other_name_is_there_but_modules() -> None:
    names = {name for name in dir(mnist_sweep) if not name.startswith("_")}
    modules = {name for name in names if isinstance(getattr(mnist_sweep, name), types.ModuleType)}
    assert names - modules - {"TYPE_CHECKING", "Any"} == set(mnist_sweep.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Momentun'"):
        _ = mnist_sweep.Momentun


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_value_that_a_script_can_make_or_get_is_exported(module: types.ModuleType) -> None:
    classes = [value for value in vars(module).values() if isinstance(value, type) and is_dataclass(value)]
    values = {cls.__name__ for cls in classes if cls.__module__ == module.__name__ and cls.__name__[0] != "_"}
    assert values
    assert values - set(mnist_sweep.__all__) == set()


@pytest.mark.parametrize("registry", ["DATASETS", "MODELS", "OPTIMIZERS", "SCHEDULES"])
def test_everything_registered_is_exported(registry: str) -> None:
    classes = getattr(mnist_sweep, registry).values()
    assert [cls for cls in classes if getattr(mnist_sweep, cls.__name__, None) is not cls] == []


def test_no_name_is_a_module_in_disguise() -> None:
    assert isinstance(mnist_sweep.run, types.FunctionType)
    assert isinstance(mnist_sweep.main, types.FunctionType)
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", mnist_sweep.__version__)
