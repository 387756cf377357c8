"""The command that shows a data set before anything trains."""

from pathlib import Path
from typing import Any

import click

from mnist_sweep.cli.answer import Answer, answering
from mnist_sweep.cli.options import IMAGE_SIZE, PATH, VALUE_RANGE
from mnist_sweep.cli.streams import echo


@click.command(
    epilog="""\b
Examples:
  mnist-sweep data mnist
  mnist-sweep data pets --image-size 64 --sheet pets.png
  MNIST_SWEEP_DATA=/data mnist-sweep data mnist             looks in /data/mnist first
  MNIST_SWEEP_MNIST_URL=https://… mnist-sweep data mnist    downloads from there
"""
)
@click.argument("data")
@IMAGE_SIZE
@VALUE_RANGE
@click.option("--sheet", type=PATH, metavar="FILE", help="Write a PNG file with examples of each class.")
@answering
def data(data: str, sheet: Path | None, **given: Any) -> Answer:
    """Show what DATA holds, and what looks wrong with it.

    DATA is the name of a built-in data set, which is found or downloaded, and verified; or a path, as for `run --data`.
    """
    from mnist_sweep.cli.safe_console import Terminal
    from mnist_sweep.cli.views import data_set as view
    from mnist_sweep.data import loading, overview
    from mnist_sweep.data.files.own_files import EncodedImages
    from mnist_sweep.data.files.recognition import recognise
    from mnist_sweep.trials.json_value import json_value

    source = recognise(data, **given)
    is_verified = loading.is_verified(source)
    loaded = loading.load(source)
    names = source.names() if isinstance(source, EncodedImages) else None
    found = overview.overview(data, loaded, is_verified=is_verified, names=names)
    if sheet:
        overview.write_sheet(sheet, loaded, found.class_names)
    files = source.files() if hasattr(source, "files") else {}
    for part, path in {**files, **({"examples": sheet} if sheet else {})}.items():
        echo(f"{part}: {path}")
    view.show(found, Terminal())
    shown = ", ".join(f"{number:,} {part}" for part, number in found.sizes.items())
    kind = "verified" if is_verified else f"read as {type(source).__name__}"
    echo(f"{data}: {shown} images of {'x'.join(map(str, loaded.image_shape))}, {kind}")
    value = {"name": data, "source": type(source).__name__, "files": files, "sheet": sheet}
    return Answer(value={**value, **json_value(found)})
