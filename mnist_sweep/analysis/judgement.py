"""Judgement on two configs, for a program that has to act on it: one is better, they are equivalent, or it is open.

It is drawn from `compare`. A difference that is not significant is no reason to take two configs for equal, so they are
equivalent only where the whole interval lies within a margin, below which a difference does not count.
"""

import functools
import math
import numbers
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mnist_sweep.analysis.comparison import Pairs, compare_pairs, pairs_of
from mnist_sweep.analysis.comparison_wording import MIN_SEEDS, SCOPES, SEEDS, WITHIN, Comparison, difference
from mnist_sweep.errors import ConfigError, IncomparableError
from mnist_sweep.results import predictions
from mnist_sweep.statistics.paired_tests import AccuracyDifference, data_for_half_width, difference_over_seeds
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.value_format import ACCURACY, Measure
from mnist_sweep.validation import INFINITY, require

ERROR = 0.05
ONE_SEED = "they share one seed, which says nothing about others: run both with three seeds or more"
TWO_SEEDS = "they share two seeds, and with fewer than three the test errs more often"
NO_VARIANCE = "their seeds differ by the same amount, which leaves no variance to test against"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which of two configs is better, as far as the rows of a results folder tell.

    Differences are those of a minus b on validation; those of accuracies and other shares are shares.

    Attributes:
        outcome: `better`: the difference is significant. `equivalent`: it is not, and its 95% interval lies within the
            margin. `undecided`: neither, or there is no test.
        a: Id of the first config, or of the first trial if two trained models are judged.
        b: Id of the second one.
        better: Id of the better one; None unless the outcome is `better`.
        scope: What the outcome holds for: `new images` where predictions were kept, else `these images`; None without a
            test.
        within: The margin: a smaller difference does not count.
        error: Probability of `better` for equal configs, over many verdicts, each on rows that are looked at once.
        num_seeds: Seeds that both have; 1 for two trained models.
        these_images: The difference on these images, over seeds; None without a test, and for two trained models.
        new_images: The difference on new images, over seeds and images; None where predictions were not kept.
        test: The difference on the test split in the same scope, which played no part.
        seeds_needed: Seeds of each config that are expected to decide it, if they vary as so far: a difference of the
            observed size would be found with 80% power, or the interval reaches half the margin to either side, so that
            one of the other outcomes follows. None unless the outcome is `undecided`, and where no number is known.
        images_needed: Validation images that would do so with as many seeds, or None likewise.
        reason: Why the outcome is `undecided`, or "".
        sentence: The verdict in words.
        notes: The limits of the comparison.
        objective: What both are judged by.
    """

    outcome: Literal["better", "equivalent", "undecided"]
    a: str
    b: str
    better: str | None = None
    scope: str | None = None
    within: float
    error: float = ERROR
    num_seeds: int = 0
    these_images: AccuracyDifference | None = None
    new_images: AccuracyDifference | None = None
    test: AccuracyDifference | None = None
    seeds_needed: int | None = None
    images_needed: int | None = None
    reason: str = ""
    sentence: str
    notes: tuple[str, ...] = ()
    objective: Measure = ACCURACY

    def __str__(self) -> str:
        return "\n".join((self.sentence, *self.notes))

    def __repr__(self) -> str:
        return f"<Verdict on {self.a} and {self.b}: {self.outcome}{f', {self.better}' if self.better else ''}>"


def verdict(
    folder: str | Path,
    a: str,
    b: str,
    *,
    within: float | None = None,
    in_points: bool = False,
    other: str | Path | None = None,
) -> Verdict:
    """Judge which of two configs of a results folder is better, over the seeds that both have.

    Two trials, named with their seeds, are judged as trained models. Configs need three shared seeds: with two, equal
    ones would be called different on new images in up to 7% (simulated, 2,000 comparisons for each of 14 layouts), with
    three or five in 1.2 to 5.6%. Each look at a growing folder adds to that.

    Args:
        folder: The results folder.
        a: Id of a config or trial, or the beginning of one.
        b: Id of the other one, or its beginning.
        within: The margin: of an accuracy, or another share, in (0, 0.1], and half a point, 0.005, if None; of other
            values, above 0 in their unit.
        in_points: Whether the margin of a share is given in percentage points.
        other: The results folder of b, if it is another one.

    Raises:
        ConfigError: `within` is out of range, or lacking.
        LedgerError: One of them does not exist, both are the same, or files are damaged.
    """
    margin = _given_margin(within, in_points=in_points)
    try:
        paired = pairs_of(Path(folder), a, b, other=None if other is None else Path(other))
        margin = margin_of(within, paired.measure, in_points=in_points)
        if len(paired.pairs) == 1 and not all("-" in name for name in paired.names):
            return _undecided(*paired.names, margin, ONE_SEED, num_seeds=1, seeds_needed=MIN_SEEDS, notes=paired.notes)
        found = compare_pairs(paired)
    except IncomparableError as error:
        require(0 < margin < INFINITY, "0 < within", within=within)
        return _undecided(a, b, margin, str(error).rstrip("."))
    return _judged(paired, found, margin)


def _given_margin(within: float | None, *, in_points: bool = False) -> float:
    """Return a margin as it is given, in points or not, or the default of shares.

    Raises:
        ConfigError: It is not a number.
    """
    require(within is None or isinstance(within, numbers.Real), "within is a number", within=within)
    return WITHIN if within is None else within / 100 if in_points else within


def margin_of(within: float | None, measure: Measure, *, in_points: bool = False) -> float:
    """Return a margin in the unit of values; that of shares is small, so that none in points is taken for one.

    Raises:
        ConfigError: It is out of range, or lacking for values other than shares.
    """
    margin = _given_margin(within, in_points=in_points)
    if not measure.is_share:
        if within is None:
            way_out = "state the largest difference that does not matter, in its unit"
            raise ConfigError(f"`within` (`--within`) has no default for {measure.title}: {way_out}.")
        require(0 < within < INFINITY, f"0 < within, in the unit of {measure.title}", within=within)
        return float(within)
    rule = "0 < within <= 10 (points)" if in_points else "0 < within <= 0.1 (a share: 0.005 is half a point)"
    require(0 < margin <= 0.1, rule, within=within)
    return margin


def _undecided(a: str, b: str, within: float, reason: str, **known: Any) -> Verdict:
    said = f"Whether {a} or {b} is better is undecided: {reason}."
    return Verdict(outcome="undecided", a=a, b=b, within=within, reason=reason, sentence=said, **known)


def _judged(paired: Pairs, found: Comparison, within: float) -> Verdict:
    on_val, num_seeds, is_new = found.val.difference, len(paired.pairs), found.method != SEEDS
    measure, by_seed = found.objective, np.array(found.val.by_seed)
    over_seeds = difference_over_seeds(by_seed, largest=measure.largest_difference) if num_seeds > 1 else None
    a, b = f"{found.a} ({found.label_a})", f"{found.b} ({found.label_b})"
    conclude = functools.partial(
        Verdict,
        a=found.a,
        b=found.b,
        within=within,
        scope="new images" if is_new else "these images",
        num_seeds=num_seeds,
        these_images=over_seeds,
        new_images=on_val if is_new else None,
        test=found.test.difference,
        notes=found.notes,
        objective=measure,
    )
    reason = TWO_SEEDS if num_seeds == 2 else NO_VARIANCE if math.isnan(on_val.low) else ""
    if not reason and found.val.significant:
        better = found.a if measure.score(on_val.mean) > 0 else found.b
        return conclude(outcome="better", better=better, sentence=found.sentence)
    margin, said = measure.difference(within), f"{difference(on_val, measure)} on validation"
    of, in_ = ("", "") if measure.is_accuracy else (f" of {measure.title}", f" in {measure.title}")
    if not reason and -within < on_val.low and on_val.high < within:
        sentence = f"{a} and {b} are equivalent within {margin}{of} {SCOPES[found.method]}: {said}."
        return conclude(outcome="equivalent", sentence=sentence)
    why = "the interval holds 0 and" if on_val.low <= 0 <= on_val.high else "it is not significant, and the interval"
    reason = reason or f"{why} reaches beyond {margin}"
    seeds, images = _needed(paired, found, within)
    ways = [f"{counted(num, noun)}" for num, noun in ((seeds, "seed"), (images, "validation image")) if num is not None]
    more = "more seeds and more images" if is_new else "more seeds"
    way_out = f"About {' or '.join(ways)} would decide it" if ways else f"It takes {more}"
    open_ = f"Whether {a} or {b} is better{in_} is undecided {SCOPES[found.method]}: {said}; {reason}. {way_out}."
    return conclude(outcome="undecided", reason=reason, seeds_needed=seeds, images_needed=images, sentence=open_)


def _needed(paired: Pairs, found: Comparison, within: float) -> tuple[int | None, int | None]:
    differences, on_val = np.array(found.val.by_seed), found.val.difference
    if found.method != SEEDS:
        of_a, of_b = (values.val.astype(np.float64) for values in predictions.paired_values(paired.sides))
        differences = of_a - of_b
    ways = zip(data_for_half_width(differences, within / 2), (on_val.seeds_needed, on_val.images_needed), strict=True)
    seeds, images = (min((num for num in way if num is not None), default=None) for way in ways)
    if images is not None:  # with two seeds, there is no verdict on any number
        images = None if len(paired.pairs) == 2 else max(images, (found.val.num_images or 0) + 1)
    return None if seeds is None else max(seeds, MIN_SEEDS, len(paired.pairs) + 1), images
