"""What was selected, and in plain words what it is worth, what else might do as well, and what had no part in it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_sweep.text.names import different_images_note
from mnist_sweep.text.numbers import counted, interval, percent, percent_interval, points
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import pandas as pd

BY_SEEDS = (
    "Leads over the seeds that configs share, by the pair's own variance where it is larger than that of all, against "
    "the largest lead of equal configs at 5%, simulated with variances as unlike as those seen (Wright and Simon 2003; "
    "Berger and Boos 1994)."
)
BY_IMAGES = (
    "Tukey's range test with the binomial error of each validation accuracy, corrected for all pairs at 5% "
    "(Tukey 1953; Hayter 1984)."
)
BY_NOTHING = "No test: no seeds that configs share and that vary, and how many images validation has is not known."
OF_ONE = "No test: one config."
SMALL_DROP = 0.00005


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The config with the best mean validation accuracy over its seeds; accuracies are shares in [0, 1].

    A figure that does not exist is NaN.

    Attributes:
        config_id: The selected config.
        n: Its seeds that ended well.
        val_mean: Its mean validation accuracy.
        val_low: Lower end of the 95% interval of that mean: of the t distribution over seeds, within [0, 1]; Wilson's
            for one seed, or for several that are all alike and leave nothing to judge by.
        val_high: Upper end of it.
        test_mean: Its mean test accuracy.
        test_low: Lower end of the 95% interval of that mean.
        test_high: Upper end of it.
        num_compared: Configs that it was selected from, itself included.
        expected_drop: By how much its validation accuracy is too high because it was selected by it; with other seeds
            where configs have several, else on other images.
        expected_drop_low: Lower end of the 95% interval of that drop, which leaves an accuracy in [0, 1].
        expected_drop_high: Upper end of it.
        no_worse: Configs that are not shown to be worse than it, best first; it is the first.
        method: The test behind `no_worse`, its correction and its source.
        sentences: All of this in plain words.
    """

    config_id: str
    n: int
    val_mean: float
    val_low: float
    val_high: float
    test_mean: float
    test_low: float
    test_high: float
    num_compared: int
    expected_drop: float
    expected_drop_low: float
    expected_drop_high: float
    no_worse: tuple[str, ...]
    method: str
    sentences: tuple[str, ...]


def sentences(found: Selection, trials: "pd.DataFrame", good: "pd.DataFrame", *, num_alone: int) -> Iterator[str]:
    """Yield what a reader must know of a selection.

    Args:
        found: The selection, whose own sentences are not looked at.
        trials: All trials.
        good: Those that ended well.
        num_alone: Configs that were left out for having one good seed where most have several.
    """
    yield from _about(found)
    yield from _left_out(trials, good, num_alone, found.config_id)


def _about(found: Selection) -> Iterator[str]:
    """Yield what is selected, what it is worth on new data, and what else might do as well."""
    test, seeds = _told_mean(found.test_mean, found.test_low, found.test_high), counted(found.n, "seed")
    val = _told_mean(found.val_mean, found.val_low, found.val_high)
    yield f"Selected by validation among {counted(found.num_compared, 'config')}: {found.config_id}, {seeds}."
    yield f"On validation {val}; on test, which nothing was chosen by, {test}."
    if found.num_compared == 1:
        return
    yield _about_drop(found)
    equals, others = len(found.no_worse) - 1, found.num_compared - 1
    if found.method == BY_NOTHING:
        yield "Whether any config is worse cannot be tested: run each with several seeds, as with `--seeds 3`."
    elif not equals:
        yield f"It is better than {'the other config' if others == 1 else f'each of the {others:,} others'}."
    else:
        none = "The other config is not" if others == 1 else f"None of the {others:,} others is"
        some = f"Of the {others:,} others, {equals:,} {'is' if equals == 1 else 'are'} not"
        yield f"{none if equals == others else some} shown to be worse."
    if found.n == 1:
        yield "With one seed, how much results vary from seed to seed is not seen: `--seeds 3` or more shows it."


def _about_drop(found: Selection) -> str:
    new = "images" if found.method == BY_IMAGES else "seeds"
    if math.isnan(found.expected_drop):
        return "How much of its lead is luck cannot be told."
    told = interval(found.expected_drop_low, found.expected_drop_high)
    if found.expected_drop < SMALL_DROP:
        if len(found.no_worse) == 1:
            return f"It leads so clearly that selecting it did not flatter it: expect the same with new {new}."
        return (
            "Those that may be as good have the same accuracy, or nearly so: expect about the same on validation with "
            f"new {new} ({told})."
        )
    return (
        f"Being the best of {found.num_compared:,} is partly luck: expect about {points(found.expected_drop)} points "
        f"less on validation with new {new} ({told})."
    )


def _left_out(trials: "pd.DataFrame", good: "pd.DataFrame", num_alone: int, best: str) -> Iterator[str]:
    """Yield what had no part in the selection, and why, and what makes those that had one unlike."""
    if note := different_images_note(str(name) for name in good if good[name].nunique(dropna=False) > 1):
        yield note
    bad = trials.drop(good.index)
    if len(bad):
        counts = bad["status"].value_counts()
        statuses = [f"{counts[name]:,} {name}" for name in map(str, Status) if name in counts]
        yield f"Left out, not having ended well: {counted(len(bad), 'trial')} ({', '.join(statuses)})."
    of_best = int((bad["config_id"] == best).sum())
    if of_best:
        yield f"Of the selected config too, {counted(of_best, 'trial')} did not end well."
    if num_alone:
        yield f"Left out, having one good seed where most have several: {counted(num_alone, 'config')}."


def _told_mean(mean: float, low: float, high: float) -> str:
    return f"{percent(mean)} ({percent_interval(low, high)})"
