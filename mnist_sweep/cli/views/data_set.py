"""The terminal's view of a data set: a table of its classes or numbers, and what else is known of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from mnist_sweep.cli.safe_console import numbers, plain_table, print_lines
from mnist_sweep.data.overview import Overview
from mnist_sweep.text.numbers import counted

MAX_CLASSES, MAX_TARGETS, MAX_DUPLICATES = 60, 10, 10
NUMBERS = ("smallest", "25%", "50%", "75%", "largest", "mean")  # as `Overview.numbers` has them


def show(found: Overview, console: Console) -> None:
    """Print what a data set holds."""
    table = plain_table("number" if found.numbers else "class", *numbers(*found.sizes))
    for label, shown in enumerate(found.class_names[:MAX_CLASSES]):
        table.add_row(shown, *(f"{counts[label]:,}" for counts in found.counts.values()))
    if found.num_classes > MAX_CLASSES:
        table.add_row(f"… {found.num_classes - MAX_CLASSES} more")
    columns: Any = [np.reshape(of_split, (-1, len(NUMBERS))) for of_split in found.numbers.values()]
    for target in range(min(len(columns[0]), MAX_TARGETS) if columns else 0):
        for row, shown in enumerate(NUMBERS):
            name = shown if len(columns[0]) == 1 else f"[{target}] {shown}"
            table.add_row(Text(name), *(f"{of_split[target, row]:g}" for of_split in columns))
    table.add_row("images" if found.numbers else "all", *(f"{size:,}" for size in found.sizes.values()))
    console.print(table)
    shape = "x".join(map(str, found.image_shape))
    digits = ".3f" if found.value_range else ".1f"
    ranges = [
        f"{low:g} to {high:g} in {split} (mean {mean:{digits}})" for split, (low, high, mean) in found.pixels.items()
    ]
    pixels = f"images of {shape}, pixels from {', '.join(ranges)}; {_scale(found)}"
    print_lines(console, pixels, *found.notes, *_duplicates(found), f"digest {found.digest}")


def _scale(found: Overview) -> str:
    if found.value_range:
        return "{:g} and {:g} become 0 and 1".format(*found.value_range)
    return f"a full pixel is {found.pixel_max}"


def _duplicates(found: Overview) -> Iterator[str]:
    if number := len(found.duplicates):
        num_alike = sum(not one.is_exact for one in found.duplicates)
        alike = f", {num_alike:,} of them in another size or encoding" if num_alike else ""
        yield f"{counted(number, 'duplicate')} in two splits{alike}:"
        for one in found.duplicates[:MAX_DUPLICATES]:
            yield f"  {one.image} is {one.original}{'' if one.is_exact else ', in another size or encoding'}"
        if number > MAX_DUPLICATES:
            yield f"  … {number - MAX_DUPLICATES:,} more, which --json lists"
