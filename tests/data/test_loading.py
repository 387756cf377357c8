"""One contract for every data set, and for what `load` takes."""

import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_sweep.data.dataset import Dataset, DataSource, Shaped
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.files.own_files import OwnFiles
from mnist_sweep.data.loading import DATASETS, is_verified, load, shaped
from mnist_sweep.errors import DataError
from mnist_sweep.testing import check_data_source

VERIFIED = sorted(name for name, cls in DATASETS.items() if not issubclass(cls, OwnFiles))


@pytest.fixture(params=[name for name in VERIFIED if name not in ("fashion_mnist", "kmnist")])  # without files at hand
def source(request: pytest.FixtureRequest) -> DataSource:
    if request.param != "digits":
        request.getfixturevalue(f"real_{request.param}")
    options = {"train_size": 9_000, "val_size": 1_000} if request.param == "cifar10" else {}
    return DATASETS[request.param](**options)


def digits() -> Dataset:
    return Digits().load()


def test_source_loads_every_class_in_every_split(source: DataSource) -> None:
    dataset = load(source)
    for split in (dataset.train, dataset.val, dataset.test):
        assert set(split.labels.tolist()) == set(range(dataset.num_classes))
        assert split.images.shape[1:] == dataset.image_shape
        assert split.images.max() <= dataset.pixel_max


def test_source_keeps_the_contract_and_knows_its_shape_before_it_loads(source: DataSource) -> None:
    check_data_source(source)
    assert not isinstance(shaped(source), Dataset)


def test_no_image_of_test_is_in_train(source: DataSource) -> None:
    dataset = load(source)
    trained = {image.tobytes() for image in dataset.train.images}
    assert not any(image.tobytes() in trained for image in dataset.test.images)


def test_source_is_a_value(source: DataSource) -> None:
    copy = pickle.loads(pickle.dumps(source))
    assert (copy, hash(copy)) == (source, hash(source))


def test_source_says_where_its_files_lie(source: Any) -> None:
    assert all(path.is_file() for path in source.files().values())


def test_own_files_are_not_verified(source: DataSource) -> None:
    assert is_verified(source)
    own: Any = DATASETS["image_folder"]
    assert not is_verified(own("pets"))
    assert not is_verified(digits)


@pytest.mark.parametrize("name", VERIFIED)
def test_the_shape_is_known_where_no_data_is_at_hand(name: str) -> None:
    known = shaped(DATASETS[name]())
    assert known.num_classes == 10
    assert len(known.image_shape) == 3


def test_the_shape_of_any_other_source_is_that_of_its_data() -> None:
    assert isinstance(shaped(digits), Dataset)
    assert isinstance(shaped(SimpleNamespace(load=digits)), Dataset)
    with pytest.raises(DataError, match="must return a Dataset"):
        shaped(Digits)  # type: ignore[arg-type]  # a class, not a value of it


def test_a_source_that_is_wrong_about_its_data_is_refused() -> None:
    wrong = SimpleNamespace(load=digits, image_shape=(28, 28, 1), num_classes=10)
    assert isinstance(wrong, Shaped)
    with pytest.raises(DataError, match=r"image_shape=\(28, 28, 1\), .* its data has image_shape=\(8, 8, 1\)"):
        load(wrong)


def test_function_is_a_source_too() -> None:
    assert load(digits).image_shape == (8, 8, 1)


async def coroutine() -> None:
    pass


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: None, "must return a Dataset, but got type='NoneType'"),
        (coroutine, "data source coroutine must return a Dataset, but got type='coroutine'"),
        (
            SimpleNamespace(load=lambda: [1, 2]),
            "data source SimpleNamespace must return a Dataset, but got type='list'",
        ),
        (Digits, "data source Digits must return a Dataset, but got type='Digits'"),
        ("digits", "must be a function or have a `load` method, but got 'digits'"),
    ],
)
def test_anything_but_a_dataset_is_refused(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(source)


LISTS_HEAVY_IMPORTS = """
import sys, types
parent = sys.modules["mnist_sweep"] = types.ModuleType("mnist_sweep")  # without what its __init__ imports
parent.__path__ = ["mnist_sweep"]
import mnist_sweep.data.loading
print([name for name in ("numpy", "sklearn", "rich", "tensorflow", "pandas", "ray", "ssl") if name in sys.modules])
"""


def test_importing_the_package_loads_nothing_heavy() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LISTS_HEAVY_IMPORTS]
    shown = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
