"""Comparison of two trials, or two configs: is their difference real?

Two trials are compared image by image, since both saw the same images. Two configs are compared over the seeds they
share, and over the images as well where predictions were kept: a difference that holds with other seeds and on other
images has to exceed both kinds of noise. The conclusion is drawn from validation; test is reported beside it.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.analysis import comparison_wording as wording
from mnist_sweep.analysis.comparison_wording import (
    IMAGE_VALUES,
    IMAGES,
    SEEDS,
    SEEDS_AND_IMAGES,
    Comparison,
    SplitDifference,
)
from mnist_sweep.analysis.inputs import notes_on_values
from mnist_sweep.errors import IncomparableError, LedgerError
from mnist_sweep.results import predictions
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.lookup import Match, find
from mnist_sweep.statistics.paired_tests import (
    difference_over_image_values,
    difference_over_images,
    difference_over_seeds,
    difference_over_seeds_and_images,
    mcnemar,
)
from mnist_sweep.text.names import label, varying
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import Measure


class Pairs(NamedTuple):
    """Two trials or configs: their names, the rows that are compared with each other, notes on others, the folders."""

    names: tuple[str, str]
    pairs: list[tuple[TrialRow, TrialRow]]
    notes: tuple[str, ...]
    folders: tuple[Path, Path]

    @property
    def sides(self) -> list[tuple[Path, tuple[TrialRow, ...]]]:
        """The folder and the compared rows of each of the two."""
        return [*zip(self.folders, zip(*self.pairs, strict=True), strict=True)]

    @property
    def measure(self) -> Measure:
        """What all of them are judged by."""
        return self.pairs[0][0].measure


def compare(folder: str | Path, a: str, b: str) -> Comparison:
    """Compare two trials or configs of a results folder, each given by its id or the beginning of it.

    Raises:
        IncomparableError: One of them has no results, or cannot be paired with the other; or they are two single
            trials of whose images no values were kept.
        LedgerError: One of them does not exist, both are the same, or predictions are damaged.
    """
    return compare_pairs(pairs_of(Path(folder), a, b))


def pairs_of(folder: Path, a: str, b: str, *, other: Path | None = None) -> Pairs:
    """Return the rows of two trials or configs that are compared, the second one of another folder if that is given."""
    folders = folder, other or folder
    rows = Ledger(folder).rows(with_history=False)
    of_other = Ledger(other).rows(with_history=False) if other else rows
    one, two, notes = _of_one_kind(find(rows, a, folder), find(of_other, b, folders[1]))
    return Pairs((one.name, two.name), _pairs(one, two), notes, folders)


def compare_pairs(paired: Pairs) -> Comparison:
    """Return the comparison of paired rows; see `compare`."""
    pairs, measure = paired.pairs, paired.measure
    val, test, method = _differences(paired)
    fields = varying(row.config for row in pairs[0])
    labels = [label(row.config, fields) if fields else "" for row in pairs[0]]
    names = paired.names if len(pairs) > 1 else [row.trial_id for row in pairs[0]]  # which are trained models
    a, b = (f"{name} ({text})" if text else name for name, text in zip(names, labels, strict=True))
    values = [[float(row.val or 0) for row in rows] for rows in zip(*pairs, strict=True)]
    configs = [row.config for pair in pairs for row in pair]
    size = val.num_images or configs[0].get("data.val_size")  # may be anything in a data set of the user's own
    num_images = size if measure.is_accuracy and type(size) is int and size > 0 else None
    spread = wording.unequal_spread(paired.names, values, measure, num_images=num_images)
    limits = wording.notes(configs, method, measure), spread, notes_on_values(measure, itertools.chain(*values))
    return Comparison(
        a=paired.names[0],
        b=paired.names[1],
        label_a=labels[0],
        label_b=labels[1],
        seeds=tuple((one.config["seed"], other.config["seed"]) for one, other in pairs),
        val=val,
        test=test,
        method=method,
        sentence=wording.conclusion(a, b, val, test, method, measure),
        notes=(*paired.notes, *itertools.chain(*limits)),
        objective=measure,
    )


def _differences(paired: Pairs) -> tuple[SplitDifference, SplitDifference, str]:
    pairs, largest = paired.pairs, paired.measure.largest_difference
    if len(pairs) == 1 or all(predictions.are_kept(*side) for side in paired.sides):
        of_a, of_b = predictions.paired_values(paired.sides)
        val = over_images("validation", of_a.val, of_b.val, largest=largest)
        test = over_images("test", of_a.test, of_b.test, largest=largest)
        of_models = IMAGES if paired.measure.is_accuracy else IMAGE_VALUES
        return val, test, SEEDS_AND_IMAGES if len(pairs) > 1 else of_models
    val = over_seeds("validation", *zip(*[(a.val, b.val) for a, b in pairs], strict=True), largest=largest)
    test = over_seeds("test", *zip(*[(a.test, b.test) for a, b in pairs], strict=True), largest=largest)
    return val, test, SEEDS


def over_images(name: str, a: NDArray[Any], b: NDArray[Any], *, largest: float = 1.0) -> SplitDifference:
    """Return the difference on a split, given which of its images a and b classify correctly, or the images' values.

    They are bool or float64 `[num_seeds, num_images]`, with the same seeds in one order. No difference of two values is
    larger than `largest`.
    """
    is_right = a.dtype == np.bool_
    ahead = a.astype(np.int8) - b.astype(np.int8) if is_right else a - b
    only_a, only_b = ((sign * ahead > 0).sum(axis=1).tolist() for sign in (1, -1))
    if len(a) > 1:
        difference = difference_over_seeds_and_images(ahead, largest=largest)
    elif is_right:
        difference = difference_over_images(int((a & b).sum()), only_a[0], only_b[0], int((~a & ~b).sum()))
    else:
        difference = difference_over_image_values(ahead[0], largest=largest)
    return SplitDifference(
        name=name,
        mean_a=float(a.mean()),
        mean_b=float(b.mean()),
        difference=difference,
        by_seed=tuple(ahead.mean(axis=1).tolist()),
        num_images=a.shape[1],
        mcnemar=tuple(map(mcnemar, only_a, only_b)) if is_right else (),
        only_a=tuple(np.flatnonzero(is_right & (ahead.mean(axis=0) >= 0.5)).tolist()),
        only_b=tuple(np.flatnonzero(is_right & (ahead.mean(axis=0) <= -0.5)).tolist()),
    )


def over_seeds(name: str, a: Sequence[float], b: Sequence[float], *, largest: float = 1.0) -> SplitDifference:
    """Return the difference of the values of two or more seeds; `a` and `b` have the same seeds in one order.

    No difference of two values is larger than `largest`.
    """
    return SplitDifference(
        name=name,
        mean_a=float(np.mean(a)),
        mean_b=float(np.mean(b)),
        difference=difference_over_seeds(np.subtract(a, b), largest=largest),
        by_seed=tuple(np.subtract(a, b).tolist()),
    )


def _of_one_kind(one: Match, other: Match) -> tuple[Match, Match, tuple[str, ...]]:
    kept, notes = kinds.of_one_kind([*one.rows, *other.rows])
    names = {row.trial_id for row in kept}
    left = [Match(found.name, tuple(row for row in found.rows if row.trial_id in names)) for found in (one, other)]
    if not all(found.rows for found in left):
        differ = kinds.differences(map(kinds.kind_of, one.rows), map(kinds.kind_of, other.rows))
        cause = "; ".join(differ) or "the rows of one have no digests, or come from another sweep"
        named = f"{one.name} and {other.name} were not trained with the same data and code"
        raise IncomparableError(f"{named} ({cause}): they cannot be paired.")
    return left[0], left[1], notes


def _pairs(one: Match, other: Match) -> list[tuple[TrialRow, TrialRow]]:
    good_a, good_b = _good(one), _good(other)
    if len(one.rows) == len(other.rows) == 1:
        pairs = [*zip(good_a.values(), good_b.values(), strict=True)]
    else:
        pairs = [(good_a[seed], good_b[seed]) for seed in sorted(good_a.keys() & good_b.keys())]
    if any(a.trial_id == b.trial_id for a, b in pairs):
        raise LedgerError(f"{one.name} would be compared with itself: name two different trials or configs.")
    if not pairs:
        way_out = "run both with the same seeds, or compare two single trials"
        raise IncomparableError(f"{one.name} and {other.name} share no seed that succeeded: {way_out}.")
    if len({row.config["data"] for pair in pairs for row in pair}) > 1:
        raise IncomparableError(f"{one.name} and {other.name} use different data sets: they cannot be paired.")
    return pairs


def _good(found: Match) -> dict[int, TrialRow]:
    good = [row for row in found.rows if row.status is Status.OK and None not in (row.val, row.test)]
    if not good:
        row = found.rows[0]
        ended = f"it ended as {row.status.value}{f' ({row.error})' if row.error else ''}"
        raise IncomparableError(f"{found.name} has no {row.measure.title} to compare: {ended}.")
    return {row.config["seed"]: row for row in good}
