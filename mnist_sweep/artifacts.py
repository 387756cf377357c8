"""What a trial leaves behind besides its row: its trained model, and what TensorBoard shows of it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from mnist_sweep.fields import coerce

Keeping = Literal["best", "all", "none"]
Showing = Literal["off", "scalars", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """What the trials of a run are to leave behind.

    Attributes:
        sweep: The results folder of the sweep; logs go below it, so workers elsewhere must see it under this path.
        models: Which trials keep their trained models: the best one by validation, all that ended well, or none.
        summaries: What TensorBoard is shown of each trial: nothing, scalars and hyperparameters, or all there is.
    """

    sweep: str
    models: Keeping = "none"
    summaries: Showing = "off"

    def __post_init__(self) -> None:
        coerce(self)


class SavedModel(NamedTuple):
    """A trained model on its way to the results folder.

    Attributes:
        content: A `.keras` file, which plain Keras loads.
    """

    content: bytes
