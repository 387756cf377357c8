"""What one split of the data says of the difference between two trials or configs, a and b."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_sweep.statistics.paired_tests import Counts, Difference, mcnemar, of_images, of_seeds, of_seeds_and_images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitDifference:
    """What one split of the data says of the difference between a and b.

    Attributes:
        name: `validation` or `test`.
        accuracy_a: Mean accuracy of a over the seeds compared, in [0, 1].
        accuracy_b: The same of b.
        difference: Accuracy of a less that of b, with its interval.
        num_images: Images in the split; None where predictions were not kept.
        mcnemar: p-value of McNemar's exact test for each seed, in their order; none where predictions were not kept.
        only_a: Numbers of the images, from 0, that a has right and b has not; with several seeds, those that a has
            right so much more often than b that it is ahead in half of all seeds or more.
        only_b: The same the other way round.
    """

    name: str
    accuracy_a: float
    accuracy_b: float
    difference: Difference
    num_images: int | None = None
    mcnemar: tuple[float, ...] = ()
    only_a: tuple[int, ...] = ()
    only_b: tuple[int, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: the test rejects that there is none, and the interval leaves out 0."""
        low, high = self.difference.low, self.difference.high
        return self.difference.p < SIGNIFICANT and not low <= 0 <= high


def by_images(name: str, a: "NDArray[np.bool_]", b: "NDArray[np.bool_]") -> SplitDifference:
    """Return what the images of a split say.

    Args:
        name: The split.
        a: bool `[num_seeds, num_images]`, which images a has right.
        b: The same of b, with the same seeds in the same order.
    """
    import numpy as np

    ahead = a.astype(np.int8) - b.astype(np.int8)
    counts = [Counts.of(*pair) for pair in zip(a, b, strict=True)]
    return SplitDifference(
        name=name,
        accuracy_a=float(a.mean()),
        accuracy_b=float(b.mean()),
        difference=of_seeds_and_images(ahead) if len(a) > 1 else of_images(counts[0]),
        num_images=a.shape[1],
        mcnemar=tuple(mcnemar(count.only_a, count.only_b) for count in counts),
        only_a=tuple(np.flatnonzero(ahead.mean(axis=0) >= 0.5).tolist()),
        only_b=tuple(np.flatnonzero(ahead.mean(axis=0) <= -0.5).tolist()),
    )


def by_seeds(name: str, a: Sequence[float], b: Sequence[float]) -> SplitDifference:
    """Return what the accuracies of two or more seeds say; `a` and `b` have the same seeds in the same order."""
    import numpy as np

    return SplitDifference(
        name=name,
        accuracy_a=float(np.mean(a)),
        accuracy_b=float(np.mean(b)),
        difference=of_seeds(np.subtract(a, b)),
    )
