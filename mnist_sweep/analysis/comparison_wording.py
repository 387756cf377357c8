"""The result of comparing two trials or configs, and its wording: the conclusion, the method and the limits."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from mnist_sweep.statistics.paired_tests import SMALLEST_STD, AccuracyDifference
from mnist_sweep.text.html_fragments import html_repr
from mnist_sweep.text.names import different_images_note, varying
from mnist_sweep.text.numbers import counted, probability
from mnist_sweep.trials.value_format import ACCURACY, Measure

IMAGES = "Two trained models on the same images: McNemar's exact test (1947), Newcombe's interval (1998, method 10)."
IMAGE_VALUES = "Two trained models on the same images: paired t-test over images."
SEEDS_AND_IMAGES = (
    "Paired t-test over seeds and images as crossed random factors: variance by Gallas (2006), quantiles of both "
    "weighted by their shares of it (Cochran 1964)."
)
SEEDS = "Paired t-test over seeds."
SCOPES = {
    **dict.fromkeys((IMAGES, IMAGE_VALUES, SEEDS_AND_IMAGES), "for new images"),
    SEEDS: "for these images",
}
ALPHA = 0.05
WITHIN = 0.005  # a difference of shares that does not count
MIN_SEEDS = 3  # of configs that are judged
UNEQUAL = 0.01  # p-value of an F-test of two variances
ONE_SEED = "This compares two trained models: with other seeds, their configs may rank differently."
TWO_SEEDS = "Two seeds say little about the variation between seeds, so the interval is wide: run three or more."
THESE_IMAGES = "The interval ignores the variation between images: for new images, the difference varies more."
NOT_KEPT = f"Not all predictions were kept. {THESE_IMAGES}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitDifference:
    """The difference between a and b on one split of the data.

    Attributes:
        name: `validation` or `test`.
        mean_a: Mean value of a over the compared seeds.
        mean_b: Mean value of b.
        difference: Value of a minus that of b, with its interval and p-value.
        by_seed: The difference in each seed.
        num_images: Images in the split; None where predictions were not kept.
        mcnemar: p-value of McNemar's exact test for each seed, in their order; empty where predictions were not kept.
        only_a: Indices, from 0, of the images that a classifies correctly and b does not; with several seeds, those
            where a is correct more often than b, by at least half of the seeds.
        only_b: The same with a and b exchanged.
    """

    name: str
    mean_a: float
    mean_b: float
    difference: AccuracyDifference
    by_seed: tuple[float, ...] = ()
    num_images: int | None = None
    mcnemar: tuple[float, ...] = ()
    only_a: tuple[int, ...] = ()
    only_b: tuple[int, ...] = ()

    @property
    def significant(self) -> bool:
        """Whether the difference is significant: the p-value is below 5%, and the interval excludes 0."""
        low, high = self.difference.low, self.difference.high
        return self.difference.pvalue < ALPHA and not low <= 0 <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The difference between two trials or configs, with its uncertainty.

    Attributes:
        a: Id of the first one.
        b: Id of the second one.
        label_a: The fields of a in which it differs from b, such as `learning_rate=0.01`.
        label_b: The same fields of b.
        seeds: The compared seeds of a and b, pair by pair; they differ only where single trials are compared.
        val: The difference on validation.
        test: The difference on test.
        method: The statistical test, with its source.
        sentence: The conclusion.
        notes: The limits of the conclusion.
        objective: What both are judged by.
    """

    a: str
    b: str
    label_a: str
    label_b: str
    seeds: tuple[tuple[int, int], ...]
    val: SplitDifference
    test: SplitDifference
    method: str
    sentence: str
    notes: tuple[str, ...]
    objective: Measure = ACCURACY

    def __str__(self) -> str:
        return "\n".join((self.sentence, *self.notes))

    def __repr__(self) -> str:
        return f"<Comparison of {self.a} and {self.b}: {difference(self.val.difference, self.objective)} on validation>"

    def _repr_html_(self) -> str:
        columns = ["split", self.a, self.b, "difference", "low", "high", "pvalue"]
        splits = (self.val, self.test)
        lines = [(split.name, split.mean_a, split.mean_b, *split.difference[:4]) for split in splits]
        return html_repr((self.sentence, *self.notes, self.method), columns, lines)


def conclusion(
    a: str, b: str, val: SplitDifference, test: SplitDifference, method: str, measure: Measure = ACCURACY
) -> str:
    """Return the conclusion from validation, and the same difference on test, with the better one first."""
    on_val, on_test = val.difference, test.difference
    if val.significant and measure.score(on_val.mean) < 0:
        a, b, on_val, on_test = b, a, on_val.reversed(), on_test.reversed()
    if val.significant:
        verdict = f"{a} is significantly better than {b}"
    elif math.isnan(on_val.pvalue):
        verdict = f"Whether {a} and {b} differ cannot be tested"
    else:
        verdict = f"{a} and {b} are statistically tied"
    verdict += "" if measure.is_accuracy else f" in {measure.title}"
    beside = "" if test.significant or math.isnan(on_test.pvalue) else ", which is not significant"
    needed, scope = "" if val.significant else _needed(on_val), SCOPES[method]
    on_both = f"{difference(on_val, measure)} on validation, {difference(on_test, measure)} on test"
    return f"{verdict} {scope}: {on_both}{beside}.{needed}"


def difference(found: AccuracyDifference, measure: Measure = ACCURACY) -> str:
    """Return a difference with its interval and p-value, as `+0.67 points (95% interval -1.33 to 2.84, p = 0.69)`."""
    ends = measure.delta_interval(found.low, found.high)
    return f"{measure.difference(found.mean, signed=True)} ({ends}, {probability(found.pvalue)})"


def notes(configs: Sequence[Mapping[str, Any]], method: str, measure: Measure = ACCURACY) -> Iterator[str]:
    """Yield the limits of a comparison of trials with these flat configs."""
    if len(configs) == 2:
        yield ONE_SEED
    if len(configs) == 4:
        yield TWO_SEEDS
    if method != SEEDS:
        return
    yield NOT_KEPT if measure.is_accuracy else THESE_IMAGES
    if note := different_images_note(varying(configs)):
        yield note


def unequal_spread(
    names: Sequence[str],
    given: Sequence[Sequence[float]],
    measure: Measure = ACCURACY,
    *,
    num_images: int | None = None,
) -> Iterator[str]:
    """Yield a note if the values of one of two configs vary more over seeds (F-test at the 1% level).

    One run in 20 that collapses makes tests of means err in up to 29% of comparisons. Accuracies vary at least by their
    rounding to whole images, if their number is known: that some are equal is often chance.
    """
    if len(given[0]) < 2:
        return
    pairs = zip(names, (float(np.std(values, ddof=1)) for values in given), strict=True)
    (less, small), (more, large) = sorted(pairs, key=lambda pair: pair[1])
    df, least = len(given[0]) - 1, 1 / (num_images * math.sqrt(12)) if num_images else SMALLEST_STD
    if 2 * scipy.special.fdtrc(df, df, (large / max(small, least)) ** 2) < UNEQUAL:
        deviations = f"standard deviations {measure.delta(large)} and {measure.difference(small)}"
        vary = f"The seeds of {more} vary more than those of {less} ({deviations})"
        yield f"{vary}: a few runs may decide the difference of the means, so look at each seed."


def _needed(found: AccuracyDifference) -> str:
    """Return how much data would make a difference of this size significant, with a space in front, or nothing."""
    if not found.mean or math.isnan(found.pvalue):
        return ""
    needed = (found.seeds_needed, "seed"), (found.images_needed, "validation image")
    ways = [f"about {counted(number, noun)}" for number, noun in needed if number is not None]
    if not ways:
        return " A difference of this size would take more seeds and more images together to detect."
    return f" A difference of this size would take {' or '.join(ways)} to detect (with 80% power)."
