"""What trials leave behind besides their rows: trained models, TensorBoard logs, predictions, checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from mnist_sweep.validation import coerce, require

Retention = Literal["best", "all", "none"]
SummaryDetail = Literal["off", "scalars", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What a run keeps besides rows and tables, and where.

    Attributes:
        models: Which trials keep their trained models: the median seed of the selected config, all that ended well, or
            none.
        predictions: Whether the predicted classes of validation and test are kept, one byte an image, or numbers, four.
        summaries: What TensorBoard shows of each trial, in `logs/`: nothing, scalars, or everything.
        checkpoint_seconds: Seconds between two checkpoints of a running trial, above 0.
        storage: Folder or URL that all machines see, for checkpoints, logs and a copy of the kept models; None means
            the results folder.
        set_aside: Whether rows of other data or code than now are moved to `set_aside/`, and their trials run again;
            otherwise a run with such rows is refused.
    """

    models: Retention = "best"
    predictions: bool = True
    summaries: SummaryDetail = "off"
    checkpoint_seconds: float = 30.0
    storage: str | None = None
    set_aside: bool = False

    def __post_init__(self) -> None:
        coerce(self)
        require(self.checkpoint_seconds > 0, "checkpoint_seconds > 0", checkpoint_seconds=self.checkpoint_seconds)
        is_place = self.storage is None or bool(self.storage.rpartition("://")[2])
        require(is_place, "storage is a folder or a URL such as s3://bucket/folder", storage=self.storage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts(Keep):
    """What the trials of one run leave behind, as its workers need to know it.

    Attributes:
        storage: Folder or URL of the sweep's checkpoints and logs, which workers must see under this very name.
        run_marker: Name of a file that lies there while the run lasts: a worker that sees it writes checkpoints, and
            pauses its trial when it is gone. None means that no checkpoints are written.
        keep_shared_prefixes: Whether trials keep their final states, for longer trials with the same beginning.
        fields: Names of the fields in which the sweep's trials differ, which name the trials' logs.
        several_seeds: Whether configs have several trials, so that no worker alone can tell whose model is to be kept.
        digests: Digests of the data and of the user's own code by `kinds.data_key` and `code_key`; a trial does not
            resume from a checkpoint of others.
    """

    storage: str
    run_marker: str | None = None
    models: Retention = "none"
    keep_shared_prefixes: bool = False
    fields: tuple[str, ...] = ()
    several_seeds: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)

    def are_stored_in(self, folder: Path) -> bool:
        """Return whether the storage is this results folder, which no other run writes to meanwhile."""
        return self.storage == str(folder.resolve())


class SavedModel(NamedTuple):
    """A trained model on its way to the results folder, as a `.keras` file, which plain Keras loads.

    `mistakes` is an `.npz` file of the validation images that it classifies wrongly with the most confidence; None if
    it predicts numbers.
    """

    content: bytes
    mistakes: bytes | None
