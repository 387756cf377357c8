"""What trials leave behind besides their rows: trained models, TensorBoard logs, predictions, checkpoints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mnist_sweep.validation import coerce, require

Retention = Literal["best", "all", "none"]
SummaryDetail = Literal["off", "scalars", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """What the trials of a run leave behind.

    Attributes:
        storage: Folder or URL of the sweep's checkpoints and logs, which workers must see under this very name.
        run_marker: Name of a file that lies there while the run lasts: a worker that sees it writes checkpoints, and
            pauses its trial when it is gone. None means that no checkpoints are written.
        models: Which trials keep their trained models: the best one by validation, all that ended well, or none.
        summaries: What TensorBoard shows of each trial: nothing, scalars and hyperparameters, or everything.
        predictions: Whether the predicted classes of validation and test are kept.
        checkpoint_seconds: Seconds between two checkpoints of a trial, above 0.
        keep_shared_prefixes: Whether trials keep their final states, for longer trials with the same beginning.
    """

    storage: str
    run_marker: str | None = None
    models: Retention = "none"
    summaries: SummaryDetail = "off"
    predictions: bool = True
    checkpoint_seconds: float = 30.0
    keep_shared_prefixes: bool = False

    def are_stored_in(self, folder: Path) -> bool:
        """Return whether the storage is this results folder, which no other run writes to meanwhile."""
        return self.storage == str(folder.resolve())

    def __post_init__(self) -> None:
        coerce(self)
        require(self.checkpoint_seconds > 0, "checkpoint_seconds > 0", checkpoint_seconds=self.checkpoint_seconds)


class SavedModel(NamedTuple):
    """A trained model on its way to the results folder.

    Attributes:
        content: A `.keras` file, which plain Keras loads.
        mistakes: An `.npz` file of the validation images that it classifies wrongly with the most confidence.
    """

    content: bytes
    mistakes: bytes
