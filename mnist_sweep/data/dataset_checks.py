"""What may be wrong with a data set although it can be trained on: notes for the user, each with the measured number.

Nothing here refuses a data set but one of a single class, with which every model is right. What can only be wrong in
another way, such as a label beyond the classes, cannot exist (`dataset`).
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data import duplicates
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.label_checks import label_notes, number_notes
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import listed, printable

Named = Callable[[str, int], str]  # what an image is called, by its split and its number there

MAX_NAMED, MAX_EXAMPLES = 10, 3
DARK = 0.5  # of the full pixel: the largest pixel of images that may be scaled otherwise than declared
DULL = 0.1  # of the full pixel: a range of all pixels that images of a camera exceed
SHIFT = 0.2  # of the full pixel: a difference of the splits' means that different images rarely have
MIN_TINT = 0.02  # of the full pixel: a difference of the mean colours of splits
MANY_CONSTANT = 0.05  # share of a split
MANY_REPEATED = 0.1  # share of a split
MANY_BEYOND = 0.01  # share of a split
MOST_CHANNELS = 4
FEW, FEW_OF_MEAN = 10, 0.1  # train images of a class, and their share of the mean of all classes


def validate(name: str, data: Dataset) -> None:
    """Validate that there is something to learn: it is a DataError if train has images of one class or number only."""
    labels = data.train.labels
    if len(labels) > 1 and (labels == labels[0]).all():
        number = ", ".join(f"{one:g}" for one in np.ravel(labels[0]))
        what = f"number {number}" if data.is_regression else _classes(labels[:1], data)
        raise DataError(
            f"the data source {name} has only images of {what} in train ({len(labels):,} images), so every model is "
            f"right and nothing is learned: add images of another {what.partition(' ')[0]}."
        )


def notes(name: str, data: Dataset, *, is_verified: bool = False, named: Named | None = None) -> list[str]:
    """Return what the user should know of a data set before the first trial, a line each.

    Of a data set whose files are verified, only the classes are looked at, since its splits can be small. If images
    are `named`, examples are.
    """
    found = [*data.notes, *(_range_notes(data) if data.is_regression else _class_notes(data))]
    if not is_verified:
        found += [*([] if data.is_regression else _few_notes(data)), *_image_notes(data, named)]
    return [f"data {printable(name)}: {note}" for note in found]


def _image_notes(data: Dataset, named: Named | None) -> list[str]:
    scale, constant = [*_scale_notes(data)], [*_constant_notes(data, named)]
    is_cut = max(split.images.max() for split in data.splits.values()) <= 1 < data.pixel_range[1]
    if constant or is_cut:  # images of which many are alike for that reason alone
        return [*scale, *constant]
    labels = number_notes if data.is_regression else label_notes
    return [*scale, *_duplicate_notes(data, named), *([] if scale else labels(data))]


def _name_notes(names: Sequence[str]) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(unicodedata.normalize("NFKC", name).casefold().strip(), []).append(printable(name))
    for group in alike.values():
        if len(group) > 1:
            yield f"classes {listed([*map(repr, group)])} differ in case, blanks or the form of their letters only"


def _range_notes(data: Dataset) -> Iterator[str]:
    """Yield the splits with numbers beyond those that are trained on."""
    low, high = data.train.labels.min(axis=0), data.train.labels.max(axis=0)
    kinds = np.unique(data.train.labels)
    if len(kinds) <= MAX_NAMED and (kinds % 1 == 0).all():
        whole = f"{len(kinds)} whole ones from {kinds[0]:g} to {kinds[-1]:g}"
        yield f"the numbers to predict are {whole}: write them without a decimal point if they are classes"
    for name in ("val", "test"):
        labels = data.splits[name].labels
        if len(labels) > 1 and (labels == labels[0]).all():
            yield f"all {name} images have the same number"
        beyond = int(((labels < low) | (labels > high)).reshape(len(labels), -1).any(axis=1).sum())
        if beyond > MANY_BEYOND * len(labels):
            number = _share(beyond, len(labels), f"{name} images")
            yield f"{number} have numbers beyond those of train, {np.min(low):g} to {np.max(high):g}"


def _class_notes(data: Dataset) -> Iterator[str]:
    yield from _name_notes(data.class_names)
    counts = {name: np.bincount(split.labels, minlength=data.num_classes) for name, split in data.splits.items()}
    never = np.flatnonzero(sum(counts.values()) == 0)
    if len(never):
        yield f"no image of {_classes(never, data)} in any split, although num_classes={data.num_classes}"
    for name, count in counts.items():
        missing = np.flatnonzero((count == 0) & (sum(counts.values()) > 0))
        if len(missing):
            others = [f"{counts[other][missing].sum():,} in {other}" for other in counts if other != name]
            yield f"no image of {_classes(missing, data)} in {name} ({', '.join(others)})"


def _few_notes(data: Dataset) -> Iterator[str]:
    counts = np.bincount(data.train.labels, minlength=data.num_classes)
    few = np.flatnonzero((counts > 0) & (counts < FEW) & (counts < FEW_OF_MEAN * counts.mean()))
    if len(few):
        yield f"only {listed([*map(str, counts[few][:MAX_NAMED])])} train images of {_classes(few, data)}"


def _classes(classes: NDArray[Any], data: Dataset) -> str:
    names = [printable(data.class_names[label]) if data.class_names else str(label) for label in classes[:MAX_NAMED]]
    names += ["more"] * (len(classes) > MAX_NAMED)
    return f"class{'es' if len(classes) > 1 else ''} {listed(names)}"


def _scale_notes(data: Dataset) -> Iterator[str]:
    """Yield what does not fit the declared full pixel, or differs among the splits."""
    low, high = data.pixel_range
    span = high - low
    largest = {name: split.images.max().item() for name, split in data.splits.items()}
    measured = ", ".join(f"{pixel:g} in {name}" for name, pixel in largest.items())
    top = max(largest.values())
    if 0 < top - low <= DARK * span:
        declared = f"value_range=({low:g}, {high:g})" if data.value_range else f"pixel_max={high:g}"
        white = (
            f"value_range=({low:g}, {top:g})"
            if data.value_range
            else f"pixel_max={top:g} of a Dataset, value_range=(0, {top:g}) of arrays"
        )
        is_cast = top == 1 and not data.value_range
        fix = "floats cast to uint8 must be multiplied by 255 first" if is_cast else f"if {top:g} is white, {white}"
        yield f"the largest pixel is {top:g} of {declared}, so all images are dark: {fix}"
    elif top - (least := min(split.images.min().item() for split in data.splits.values())) <= DULL * span:
        yield f"all pixels are from {least:g} to {top:g} of {low:g} to {high:g}, so all images look alike"
    elif min(largest.values()) - low <= DARK * (top - low):
        yield f"the splits are scaled differently: the largest pixel is {measured}"
    else:
        means = {name: (float(np.mean(split.images)) - low) / span for name, split in data.splits.items()}
        if max(means.values()) - min(means.values()) > SHIFT:
            shown = ", ".join(f"{mean:.2f} in {name}" for name, mean in means.items())
            yield f"the splits differ in brightness, as if some were inverted: the mean pixel, of 0 to 1, is {shown}"
        yield from _colour_notes(data, span)
    height, width, channels = data.image_shape
    if channels > MOST_CHANNELS >= height:
        yield f"images of {height}x{width} pixels with {channels} channels: the axes must be height, width, channels"


def _colour_notes(data: Dataset, span: float) -> Iterator[str]:
    """Yield the splits whose colours fit those of train only in reverse order, as other libraries read images."""
    colours = {name: split.images[..., :3].mean(axis=(0, 1, 2)) / span for name, split in data.splits.items()}
    for name in ("val", "test"):
        same, reverse = (np.abs(colours[name][::step] - colours["train"]).max() for step in (1, -1))
        if len(colours[name]) == 3 and same > max(MIN_TINT, 3 * reverse):
            yield f"the colours of {name} look like those of train in reverse order (RGB and BGR)"


def _constant_notes(data: Dataset, named: Named | None) -> Iterator[str]:
    for name, split in data.splits.items():
        flat = split.images.reshape(len(split), -1)
        constant = np.flatnonzero((flat.min(axis=1) == flat.max(axis=1)) & (flat.shape[1] > 1)).tolist()
        if len(constant) > MANY_CONSTANT * len(split):
            number = _share(len(constant), len(split), f"{name} images")
            yield f"{number} are constant: all their pixels are alike{_such_as(name, constant, named)}"


def _duplicate_notes(data: Dataset, named: Named | None) -> Iterator[str]:
    """Yield the images that are in two splits, have two labels, or fill a split."""
    known = {name: duplicates.hashes(split) for name, split in data.splits.items()}
    for one, other in combinations(known, 2):
        originals = {*known[one]}
        shared = [number for number, image in enumerate(known[other]) if image in originals]
        if shared:
            share = _share(len(shared), len(known[other]), f"{other} images")
            yield f"{share} are in {one}, too{_such_as(other, shared, named)}"
    for name, found in known.items():
        labelled = {*zip(found, map(str, data.splits[name].labels.tolist()), strict=True)}
        distinct, size = len({*found}), len(found)
        if len(labelled) > distinct:
            labels = Counter(image for image, _ in labelled)
            number = sum(count > 1 for count in labels.values())
            several = [place for place, image in enumerate(found) if labels[image] > 1]
            share = _share(number, distinct, f"different {name} images")
            yield f"{share} have several labels{_such_as(name, several, named)}"
        if size - distinct > MANY_REPEATED * size:
            yield f"only {distinct:,} of {size:,} {name} images are different"


def _such_as(split: str, numbers: Sequence[int], named: Named | None) -> str:
    return f", such as {listed([named(split, number) for number in numbers[:MAX_EXAMPLES]])}" if named else ""


def _share(number: int, size: int, what: str) -> str:
    share = f"{number / size:.0%}" if number >= 0.01 * size else f"{number / size:.2%}"
    return f"{number:,} of {size:,} {what} ({share})"
