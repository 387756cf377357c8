"""What the trials of a run are made from besides their configs: data sets and the user's own code, with digests."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

from mnist_sweep.data import dataset_checks, loading
from mnist_sweep.data.dataset import Dataset, DataSource
from mnist_sweep.errors import DataError, ProcessLostError, SweepError
from mnist_sweep.system.child_process import ChildProcess
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.names import Flat
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat
from mnist_sweep.trials.kinds import code_key, data_key
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.user_code.reachable_code import CodeDigests, own_parts


class Digests(NamedTuple):
    """The digests in a trial's row: of its data set, and of the user's own code, None if its source is unknown."""

    data: str
    code: str | None


class RunInputs:
    """Data sets and code as they are now, each read once; at the end of the context the data sets are dropped.

    What has to load a data set raises DataError if it cannot be loaded, or has one class only.
    """

    def __init__(self, load: Callable[[Any], Dataset] = loading.load) -> None:
        self._load = load
        self._datasets: dict[Any, Dataset] = {}
        self._data_digests: dict[Any, str] = {}
        self._code = CodeDigests()

    def dataset(self, source: Any) -> Dataset:
        """Return the data set of a data source."""
        if source not in self._datasets:
            loaded = self._load(source)
            dataset_checks.validate(_name_of(source), loaded)
            self._datasets[source] = loaded
        return self._datasets[source]

    def notes(self, source: Any) -> list[str]:
        """Return what the user should know of a data set before the first trial, a line each."""
        is_verified = loading.is_verified(source)
        return dataset_checks.notes(_name_of(source), self.dataset(source), is_verified=is_verified)

    def digests(self, trial: TrialConfig) -> Digests:
        """Return the digests of what a trial is trained with."""
        if trial.data not in self._data_digests:
            self._data_digests[trial.data] = self.dataset(trial.data).digest()
        return Digests(self._data_digests[trial.data], self._code.of(trial))

    def own_digests(self, trials: Iterable[TrialConfig]) -> dict[str, str]:
        """Return the digests of data sets and code that are the user's own, by their keys as in `trials.kinds`."""
        found = {}
        for trial in {(trial.data, own_parts(trial)): trial for trial in trials}.values():
            flat = to_flat(trial)
            if own_parts(trial) and (code := self._code.of(trial)):
                found[code_key(flat)] = code
            if not loading.is_verified(trial.data):
                found[data_key(flat)] = self.digests(trial).data
        return found

    def definitions(self, trials: Iterable[TrialConfig]) -> dict[str, str]:
        """Return the digest of each definition of the user's own that trials reach, by its name."""
        found: dict[str, str] = {}
        for trial in {own_parts(trial): trial for trial in trials}.values():
            found |= self._code.definitions(trial) or {}
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Drop the data sets; their digests stay."""
        self._datasets.clear()


def load_in_child(source: DataSource | Callable[[], Dataset]) -> Dataset:
    """Return the data set of a source; one of the user's own is loaded in a child process, so that it can end no run.

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
            raise DataError(f"the data source {_name_of(source)} cannot be loaded: {lost}.") from lost
    return loaded


def _load(flat: Flat, definitions: bytes) -> Dataset:
    shipping.unpack(definitions)
    source = from_flat(flat).data
    try:
        return loading.load(source)
    except SweepError:
        raise
    except BaseException as error:  # a user's function may raise anything, `sys.exit` included
        raise DataError(f"the data source {_name_of(source)} raised {first_cause(error)}.") from error


def _name_of(source: Any) -> str:
    return str(getattr(source, "__qualname__", type(source).__name__))
