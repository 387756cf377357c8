"""Loading of data sources: the registry of the built-in ones, and the check of any data set.

All training data comes from `load`, so every data set is checked in one place, built in or not.
"""

import inspect
from collections.abc import Callable
from functools import partial

from mnist_sweep.data.cifar10 import CIFAR10
from mnist_sweep.data.dataset import Dataset, DataSource, Shaped
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.files.arrays import Arrays
from mnist_sweep.data.files.csv_table import Csv
from mnist_sweep.data.files.idx_folder import Idx
from mnist_sweep.data.files.image_folder import ImageFolder
from mnist_sweep.data.files.own_files import EncodedImages, OwnFiles
from mnist_sweep.data.files.parquet_table import Parquet
from mnist_sweep.data.mnist import KMNIST, MNIST, FashionMNIST
from mnist_sweep.errors import DataError, SweepError
from mnist_sweep.text.causes import first_cause

DATASETS: dict[str, type[DataSource]] = {
    "arrays": Arrays,
    "cifar10": CIFAR10,
    "csv": Csv,
    "digits": Digits,
    "fashion_mnist": FashionMNIST,
    "idx": Idx,
    "image_folder": ImageFolder,
    "kmnist": KMNIST,
    "mnist": MNIST,
    "parquet": Parquet,
}


def load(source: DataSource | Callable[[], Dataset]) -> Dataset:
    """Return the data set of a data source, or of a plain function that returns one.

    Many encoded images are decoded only once, into the cache of this machine.

    Raises:
        DataError: The source is neither, raised something, or returned something else, or data of another shape than
            it declares.
        SweepError: As raised by the source itself.
    """
    make = source.load if isinstance(source, DataSource) and not isinstance(source, type) else source
    if isinstance(source, EncodedImages):
        from mnist_sweep.data.files.preparation import prepared

        make = partial(source.load, prepared)
    name = getattr(source, "__qualname__", type(source).__name__)
    if not callable(make):
        raise DataError(f"a data source must be a function or have a `load` method, but got {source!r}.")
    try:
        dataset = make()
    except SweepError:
        raise
    except Exception as error:  # a user's data source may raise anything
        raise DataError(f"the data source {name} raised {first_cause(error)}.") from error
    if inspect.iscoroutine(dataset):
        dataset.close()  # else Python warns that nobody has awaited it
    if not isinstance(dataset, Dataset):
        raise DataError(f"the data source {name} must return a Dataset, but got type={type(dataset).__name__!r}.")
    if isinstance(source, Shaped) and _shape(source) != _shape(dataset):
        raise DataError(f"the data source {name} declares {_shape(source)}, but its data has {_shape(dataset)}.")
    return dataset


def is_verified(source: object) -> bool:
    """Return whether the data of a source are always the same, being built in and verified."""
    return type(source) in DATASETS.values() and not isinstance(source, OwnFiles)


def shaped(source: DataSource | Callable[[], Dataset]) -> Shaped:
    """Return an object with the image shape and the number of classes: the source itself, or else its loaded data set.

    Raises:
        DataError: As raised by `load`.
    """
    return source if isinstance(source, Shaped) and not isinstance(source, type) else load(source)


def _shape(data: Shaped) -> str:
    return f"image_shape={data.image_shape}, num_classes={data.num_classes}"
