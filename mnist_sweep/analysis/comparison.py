"""Is the difference between two trials, or two configs, real?

Two trials are compared image by image: both saw the same ones. Two configs are compared over the seeds they share, and
over the images too where predictions were kept, for a difference that is to hold with other seeds and on other images
has to overcome both noises. The conclusion is drawn from validation; test stands beside it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.analysis.split_difference import SplitDifference, by_images, by_seeds
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import correct_images
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.lookup import Match, find
from mnist_sweep.statistics.paired_tests import Difference
from mnist_sweep.text.names import different_images_note, varying
from mnist_sweep.text.numbers import counted, interval, percent, points, probability
from mnist_sweep.trials.row import Status, TrialRow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NUM_SHOWN = 20
BY_IMAGES = "Two trained models on the same images: McNemar's exact test (1947), interval of Newcombe (1998)."
BY_BOTH = "Over seeds and images, crossed: variance of Gallas (2006), t distribution of Satterthwaite (1946)."
BY_SEEDS = "Over seeds: paired t-test."
ONE_SEED = "This is about two trained models: with other seeds, their configs may come out differently."
TWO_SEEDS = "Two seeds tell little of the noise of seeds, so the interval may be too narrow: run three or more."
NOT_KEPT = "Not all predictions were kept, so other images are not accounted for: on them the difference varies more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is known of the difference between two trials or configs.

    Attributes:
        a: Id of the first one.
        b: Id of the second one.
        seeds: The seeds compared, a's and b's; the two differ only where single trials are compared.
        val: What validation says.
        test: What test says.
        method: How it was tested, with its source.
        sentence: The conclusion.
        notes: What it does not cover.
    """

    a: str
    b: str
    seeds: tuple[tuple[int, int], ...]
    val: SplitDifference
    test: SplitDifference
    method: str
    sentence: str
    notes: tuple[str, ...]


class _Pair(NamedTuple):
    a: TrialRow
    b: TrialRow


def compare(folder: Path, a: str, b: str) -> Comparison:
    """Return what is known of the difference between two trials or configs of a results folder.

    Args:
        folder: The results folder.
        a: Id of a trial or a config, or its beginning.
        b: The same of the other one.

    Raises:
        LedgerError: One of them is not there, has no accuracies, or cannot be paired with the other; or the predictions
            of two single trials were not kept, or are damaged.
    """
    rows = Ledger(folder).rows(with_history=False)
    one, other = find(rows, a, folder), find(rows, b, folder)
    pairs = _pairs(one, other)
    compared = [row for pair in pairs for row in pair]
    if correct_images.are_kept(folder, compared) or len(pairs) == 1:
        right = correct_images.read(folder, compared)
        val = by_images("validation", right.val[::2], right.val[1::2])
        test = by_images("test", right.test[::2], right.test[1::2])
        method = BY_BOTH if len(pairs) > 1 else BY_IMAGES
    else:
        val = by_seeds("validation", *zip(*[(a.val_accuracy, b.val_accuracy) for a, b in pairs], strict=True))
        test = by_seeds("test", *zip(*[(a.test_accuracy, b.test_accuracy) for a, b in pairs], strict=True))
        method = BY_SEEDS
    return Comparison(
        a=one.name,
        b=other.name,
        seeds=tuple((pair.a.config["seed"], pair.b.config["seed"]) for pair in pairs),
        val=val,
        test=test,
        method=method,
        sentence=_conclusion(one.name, other.name, val, test),
        notes=tuple(_notes(compared, method)),
    )


def _pairs(one: Match, other: Match) -> list[_Pair]:
    """Return the rows to be compared: two single ones, or those of each seed that both have."""
    good_a, good_b = _good(one), _good(other)
    if len(one.rows) == len(other.rows) == 1:
        pairs = [_Pair(*good_a.values(), *good_b.values())]
    else:
        pairs = [_Pair(good_a[seed], good_b[seed]) for seed in sorted(good_a.keys() & good_b.keys())]
    if any(pair.a.trial_id == pair.b.trial_id for pair in pairs):
        raise LedgerError(f"{one.name} would be compared with itself: name two different trials or configs.")
    if not pairs:
        raise LedgerError(f"{one.name} and {other.name} share no seed that ended well: compare two single trials.")
    if len({row.config["data"] for pair in pairs for row in pair}) > 1:
        raise LedgerError(f"{one.name} and {other.name} are of different data sets: they cannot be paired.")
    return pairs


def _good(found: Match) -> dict[int, TrialRow]:
    """Return the rows that have accuracies, by seed."""
    good = {
        row.config["seed"]: row
        for row in found.rows
        if row.status is Status.OK and None not in (row.val_accuracy, row.test_accuracy)
    }
    if not good:
        row = found.rows[0]
        cause = f" ({row.error})" if row.error else ""
        raise LedgerError(f"{found.name} has no accuracy to compare: it ended as {row.status.value}{cause}.")
    return good


def show(comparison: Comparison, console: "Console") -> None:
    """Print the accuracies and their difference on both splits, the conclusion, and the images that make it."""
    from rich.text import Text

    console.print(_table(comparison))
    for line in (comparison.sentence, *comparison.notes, *_images(comparison), comparison.method):
        console.print(Text(line), soft_wrap=True)


def _table(comparison: Comparison) -> "Table":
    from rich.table import Table

    splits = comparison.val, comparison.test
    found = [split.difference for split in splits]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", *(split.name for split in splits)):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_row(comparison.a, *(percent(split.accuracy_a) for split in splits))
    table.add_row(comparison.b, *(percent(split.accuracy_b) for split in splits))
    table.add_row("difference", *(points(one.mean, signed=True) for one in found))
    table.add_row("95% interval", *(f"{points(one.low)} to {points(one.high)}" for one in found))
    table.add_row("p", *(probability(one.p).removeprefix("p = ").removeprefix("p ") for one in found))
    return table


def _images(comparison: Comparison) -> Iterator[str]:
    """Yield McNemar's p-values seed by seed, and the images that one has right and the other has not."""
    for split in (comparison.val, comparison.test):
        if len(split.mcnemar) > 1:
            by_seed = zip(comparison.seeds, split.mcnemar, strict=True)
            told = ", ".join(f"seed {seed} {probability(p)}" for (seed, _), p in by_seed)
            yield f"McNemar's exact test on {split.name}, seed by seed: {told}."
        for name, numbers in ((comparison.a, split.only_a), (comparison.b, split.only_b)):
            if numbers:
                more = [f"{len(numbers) - NUM_SHOWN:,} more"] * (len(numbers) > NUM_SHOWN)
                listed = ", ".join([*map(str, numbers[:NUM_SHOWN]), *more])
                yield f"{split.name} images that only {name} has right ({len(numbers):,}): {listed}"


def _conclusion(a: str, b: str, val: SplitDifference, test: SplitDifference) -> str:
    """Return what validation shows, and what test says of the same difference, with the better one first."""
    on_val, on_test = val.difference, test.difference
    if val.shown and on_val.mean < 0:
        a, b, on_val, on_test = b, a, on_val.turned(), on_test.turned()
    verdict = f"{a} is better than {b}" if val.shown else f"No difference shown between {a} and {b}"
    needed = "" if val.shown else _needed(on_val)
    beside = "" if test.shown else ", where no difference is shown"
    return f"{verdict}: {_told(on_val)} on validation, {_told(on_test)} on test{beside}.{needed}"


def _told(found: Difference) -> str:
    return f"{points(found.mean, signed=True)} points ({interval(found.low, found.high)}, {probability(found.p)})"


def _needed(found: Difference) -> str:
    """Return how much data would show a difference of this size, as a sentence with a space in front, or nothing."""
    if not found.mean or math.isnan(found.p):
        return ""
    ways = [
        f"about {counted(number, noun)}"
        for number, noun in ((found.seeds, "seed"), (found.images, "validation image"))
        if number is not None
    ]
    if not ways:
        return " To show one of this size, more seeds and more images together would be needed."
    return f" To show one of this size, {' or '.join(ways)} would be needed."


def _notes(compared: Sequence[TrialRow], method: str) -> Iterator[str]:
    if len(compared) == 2:
        yield ONE_SEED
    if len(compared) == 4:
        yield TWO_SEEDS
    if method != BY_SEEDS:
        return
    yield NOT_KEPT
    if note := different_images_note(varying(row.config for row in compared)):
        yield note
