"""Loading of the user's own data in a child process, so that no data function can end the run."""

from collections.abc import Callable, Generator
from typing import Any

from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset, DataSource
from mnist_sweep.errors import DataError, ProcessLostError, SweepError
from mnist_sweep.system.child_process import ChildProcess
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.names import Flat
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat
from mnist_sweep.trials.user_code import shipping


def load(source: DataSource | Callable[[], Dataset]) -> Dataset:
    """Return the data set of a source, as `loading.load` does; one of the user's own is loaded in a child process.

    Raises:
        DataError: As raised by `loading.load`, or the source raised something else, or ended its process.
    """
    if type(source) in loading.DATASETS.values():
        return loading.load(source)
    config = TrialConfig(data=source)
    definitions = shipping.pack(shipping.own_definitions([config]))
    with ChildProcess() as child:
        try:
            loaded: Dataset = child.call(_load, to_flat(config), definitions)
        except ProcessLostError as lost:
            raise DataError(f"the data source {name_of(source)} cannot be loaded: {lost}.") from lost
    return loaded


def _load(flat: Flat, definitions: bytes) -> Generator[None, None, Dataset]:
    yield from ()
    shipping.unpack(definitions)
    source = from_flat(flat).data
    try:
        return loading.load(source)
    except SweepError:
        raise
    except BaseException as error:  # a user's function may raise anything, `sys.exit` included
        raise DataError(f"the data source {name_of(source)} raised {first_cause(error)}.") from error


def name_of(source: Any) -> str:
    """Return what messages call a data source: the name of its class or function."""
    return str(getattr(source, "__qualname__", type(source).__name__))
