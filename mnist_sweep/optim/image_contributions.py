"""What each image contributes to the value of a split, by which trials are compared for new images."""

import math
from typing import TYPE_CHECKING, Any

from mnist_sweep.optim import objective_metrics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_COUNTED = 10**8  # images times pairs of classes, of which a second's worth is counted


def contributes_by_image(objective: Any) -> bool:
    """Return whether it is known what each image contributes to the value of a split, unless there are too many."""
    return objective_metrics.has_examples(objective) or not objective_metrics.needs_outputs(objective)


def by_image(
    objective: Any, labels: Any, *, classes: Any = None, outputs: Any = None, examples: Any = None
) -> "NDArray[np.float64] | None":
    """Return what each image contributes to the value of a split, whose mean is that: float64 `[n]`; None if unknown.

    These are the values of the images, or, of what is no mean of them, the pseudo-values of the jackknife (Tukey 1958;
    Efron 1982), centred: by how much the value changes without an image, times their number. None if the objective is
    known for whole splits only, or there are too many images and pairs of classes to count; and of the accuracy, where
    the classes say it.
    """
    import numpy as np

    num = len(labels)
    if num < 2 or type(objective) is objective_metrics.Accuracy:
        return None
    if objective_metrics.has_examples(objective):
        of_mean = getattr(objective, "of_mean", None)
        examples = objective_metrics.per_example(objective, labels, outputs) if examples is None else examples
        if of_mean is None:
            return np.asarray(examples)
        whole = of_mean(examples.mean())
        without = np.array([of_mean(mean) for mean in (examples.sum() - examples) / (num - 1)])
    elif objective_metrics.needs_outputs(objective):
        return None
    else:
        labels = labels.astype(np.int32)
        _, first, place = np.unique(np.stack([labels, classes]), axis=1, return_index=True, return_inverse=True)
        if len(first) * num > MAX_COUNTED:
            return None
        whole = objective.of_classes(labels, classes)
        each = [objective.of_classes(np.delete(labels, one), np.delete(classes, one)) for one in first]
        without = np.array(each)[place.reshape(-1)]
    return np.asarray(float(whole) + (num - 1) * (without.mean() - without))


def standard_error(values: "NDArray[Any] | None") -> float | None:
    """Return the standard error over images of a value, given what each contributes to it; None if that is unknown."""
    return None if values is None else float(values.std(ddof=1)) / math.sqrt(len(values))
