"""The view of `compare`: values, their difference, the conclusion, and the images behind it."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from mnist_sweep.analysis.comparison_wording import Comparison
from mnist_sweep.cli.safe_console import numbers, plain_table, print_lines
from mnist_sweep.text.lines import first_few
from mnist_sweep.text.numbers import probability

NUM_SHOWN = 20


def show(comparison: Comparison, console: Console) -> None:
    """Print the values and their difference on both splits, the conclusion, the images behind it, the method."""
    console.print(_table(comparison))
    print_lines(console, comparison.sentence, *comparison.notes, *_images(comparison), comparison.method)


def _table(comparison: Comparison) -> Table:
    splits, measure = (comparison.val, comparison.test), comparison.objective
    found = [split.difference for split in splits]
    table = plain_table(
        Column(overflow="fold", min_width=max(len(comparison.a), len(comparison.b))),
        *numbers(*(split.name for split in splits)),
    )
    for side in ("a", "b"):
        name = f"{getattr(comparison, side)} {getattr(comparison, f'label_{side}')}".rstrip()
        table.add_row(Text(name), *(measure.text(getattr(split, f"mean_{side}")) for split in splits))
    table.add_row("difference", *(measure.delta(one.mean, signed=True) for one in found))
    table.add_row("95% interval", *(f"{measure.delta(one.low)} to {measure.delta(one.high)}" for one in found))
    table.add_row("p", *(probability(one.pvalue).removeprefix("p = ").removeprefix("p ") for one in found))
    return table


def _images(comparison: Comparison) -> Iterator[str]:
    """Yield McNemar's p-values seed by seed, and the images that only one of the two classifies correctly."""
    for split in (comparison.val, comparison.test):
        mostly, delta = "", comparison.objective.delta
        if len(split.mcnemar) > 1:
            mostly = " in at least half of the seeds"
            by_seed = zip(comparison.seeds, split.by_seed, split.mcnemar, strict=True)
            seeds = [f"seed {seed} {delta(mean, signed=True)} ({probability(p)})" for (seed, _), mean, p in by_seed]
            difference = f"{comparison.a} minus {comparison.b} on {split.name}, in points"
            yield f"{difference}, by McNemar's exact test: {', '.join(seeds)}."
        for name, images in ((comparison.a, split.only_a), (comparison.b, split.only_b)):
            if images:
                only = f"{split.name} images that only {name} classifies correctly{mostly}"
                yield f"{only} ({len(images):,}): {first_few(images, NUM_SHOWN)}"
