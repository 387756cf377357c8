"""The terminal's view of a data set: a table of its classes, and what else is known of it."""

from rich.console import Console
from rich.table import Table

from mnist_sweep.data.overview import Overview

MAX_CLASSES = 60


def show(found: Overview, console: Console) -> None:
    """Print what a data set holds."""
    table = Table("class", box=None, pad_edge=False)
    for split in found.sizes:
        table.add_column(split, justify="right")
    for label, shown in enumerate(found.class_names[:MAX_CLASSES]):
        table.add_row(shown, *(f"{counts[label]:,}" for counts in found.counts.values()))
    if found.num_classes > MAX_CLASSES:
        table.add_row(f"… {found.num_classes - MAX_CLASSES} more")
    table.add_row("all", *(f"{size:,}" for size in found.sizes.values()))
    console.print(table)
    shape = "x".join(map(str, found.image_shape))
    ranges = [f"{low} to {high} in {split} (mean {mean:.1f})" for split, (low, high, mean) in found.pixels.items()]
    pixels = f"images of {shape}, pixels from {', '.join(ranges)}; a full pixel is {found.pixel_max}"
    for line in (pixels, *found.notes, f"digest {found.digest}"):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
