"""The wording of a selection: accuracies to expect, configs that are tied with the best, and what was left out."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mnist_sweep.analysis.selection_result import Selection
from mnist_sweep.text.names import different_images_note
from mnist_sweep.text.numbers import counted, interval, percent, percent_interval, points
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import pandas as pd

OVER_SEEDS = (
    "Leads over the seeds that configs share, by the pair's own variance where it is larger than that of all, against "
    "the largest lead of equal configs at 5%, simulated with variances as unlike as those seen (Wright and Simon 2003; "
    "Berger and Boos 1994)."
)
OVER_IMAGES = (
    "Tukey's range test with the binomial error of each validation accuracy, corrected for all pairs at 5% "
    "(Tukey 1953; Hayter 1984)."
)
UNTESTABLE = "No test: no seeds that configs share and that vary, and how many images validation has is not known."
ONE_CONFIG = "No test: one config."
SMALL_BIAS = 0.00005


def sentences(found: Selection, trials: "pd.DataFrame", good: "pd.DataFrame", *, num_alone: int) -> Iterator[str]:
    """Yield the sentences of a selection.

    Args:
        found: The selection, whose own sentences are not used.
        trials: All trials.
        good: Those that ended well.
        num_alone: Configs that were left out for having one good seed where most have several.
    """
    yield from _result(found)
    yield from _left_out(trials, good, num_alone, found.config_id)


def _result(found: Selection) -> Iterator[str]:
    """Yield the selected config, its accuracies, what to expect on new data, and its ties."""
    test, seeds = _mean(found.test_mean, found.test_low, found.test_high), counted(found.n, "seed")
    val = _mean(found.val_mean, found.val_low, found.val_high)
    yield f"Selected by validation among {counted(found.num_compared, 'config')}: {found.config_id}, {seeds}."
    yield f"On validation {val}; on test, which nothing was chosen by, {test}."
    if found.num_compared == 1:
        return
    yield _selection_bias(found)
    ties, others = len(found.tied) - 1, found.num_compared - 1
    if found.method == UNTESTABLE:
        yield "Whether any config is worse cannot be tested: run each with several seeds, as with `--seeds 3`."
    elif not ties:
        yield f"It is better than {'the other config' if others == 1 else f'each of the {others:,} others'}."
    else:
        none = "The other config is not" if others == 1 else f"None of the {others:,} others is"
        some = f"Of the {others:,} others, {ties:,} {'is' if ties == 1 else 'are'} not"
        yield f"{none if ties == others else some} shown to be worse."
    if found.n == 1:
        yield "With one seed, how much results vary from seed to seed is not seen: `--seeds 3` or more shows it."


def _selection_bias(found: Selection) -> str:
    new = "images" if found.method == OVER_IMAGES else "seeds"
    if math.isnan(found.selection_bias):
        return "How much of its lead is luck cannot be told."
    ends = interval(found.selection_bias_low, found.selection_bias_high)
    if found.selection_bias < SMALL_BIAS:
        if len(found.tied) == 1:
            return f"It leads so clearly that selecting it did not flatter it: expect the same with new {new}."
        return (
            "Those that may be as good have the same accuracy, or nearly so: expect about the same on validation with "
            f"new {new} ({ends})."
        )
    return (
        f"Being the best of {found.num_compared:,} is partly luck: expect about {points(found.selection_bias)} points "
        f"less on validation with new {new} ({ends})."
    )


def _left_out(trials: "pd.DataFrame", good: "pd.DataFrame", num_alone: int, best: str) -> Iterator[str]:
    """Yield what was left out of the selection, and why, and what makes the rest hard to compare."""
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


def _mean(mean: float, low: float, high: float) -> str:
    return f"{percent(mean)} ({percent_interval(low, high)})"
