"""Data sets: frozen values that load three splits of labelled images, from this machine or by download.

Everything that trains gets its data from `load`, so a data set is checked at one place, whoever made it.
"""

from collections.abc import Callable

from mnist_sweep.data.cifar10 import CIFAR10
from mnist_sweep.data.dataset import Dataset, DataSource, Shaped
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.mnist import MNIST
from mnist_sweep.errors import DataError

DATASETS: dict[str, type[DataSource]] = {"cifar10": CIFAR10, "digits": Digits, "mnist": MNIST}


def load(source: DataSource | Callable[[], Dataset]) -> Dataset:
    """Return the data set of a data source, or of a plain function that returns one.

    Raises:
        DataError: The source is neither, or returned something else, or data of another shape than it has said; or as
            the source itself raises it.
    """
    make = source.load if isinstance(source, DataSource) and not isinstance(source, type) else source
    name = getattr(source, "__qualname__", type(source).__name__)
    if not callable(make):
        raise DataError(f"a data source must be a function or have a `load` method, but got {source!r}.")
    dataset = make()
    if not isinstance(dataset, Dataset):
        raise DataError(f"the data source {name} must return a Dataset, but got type={type(dataset).__name__!r}.")
    if isinstance(source, Shaped) and _shape(source) != _shape(dataset):
        raise DataError(f"the data source {name} says {_shape(source)}, but its data have {_shape(dataset)}.")
    return dataset


def shaped(source: DataSource | Callable[[], Dataset]) -> Shaped:
    """Return what knows the image shape and the number of classes of a source: itself, or else its data set, loaded.

    Raises:
        DataError: As `load` raises it.
    """
    return source if isinstance(source, Shaped) and not isinstance(source, type) else load(source)


def _shape(data: Shaped) -> str:
    return f"image_shape={data.image_shape}, num_classes={data.num_classes}"
