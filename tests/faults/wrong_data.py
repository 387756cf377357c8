"""Wrong data sets, drawn at random: each must be refused, or named in a note before the first trial.

    python -m tests.faults.wrong_data --seeds 20

A fault is applied to a right data set (digits, colours or textures, of random size) in a random split with random
numbers. A data set that is wrong and of which nothing is said is a silent wrong answer; a right one of which something
is said is a false alarm. Prints both numbers, and ends with status 1 if any wrong one was silent.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from mnist_sweep import Dataset, Digits, Split
from mnist_sweep.data import dataset_checks
from mnist_sweep.errors import DataError

Generator = np.random.Generator
Arrays = dict[str, Any]  # images and labels of the splits, as in `x_train`, `num_classes` and `pixel_max`
SPLITS = ("train", "val", "test")
SMALLEST = 150  # images of a split that a fault leaves
FAULTS: dict[str, Callable[[Generator, Arrays], None]] = {}


@dataclass(frozen=True)
class Outcome:
    """What was said of a data set: its fault, or "" for a right one; the error or the notes."""

    name: str
    fault: str
    said: tuple[str, ...]


def fault(change: Callable[[Generator, Arrays], None]) -> Callable[[Generator, Arrays], None]:
    FAULTS[change.__name__] = change
    return change


def right(random: Generator) -> Arrays:
    """Return a right data set of a random kind and size."""
    sizes = {name: int(random.integers(SMALLEST, 3 * SMALLEST)) for name in SPLITS}
    sizes["train"] *= 2
    kind = random.choice(["digits", "colours", "textures"])
    images, labels, pixel_max = {"digits": _digits, "colours": _colours, "textures": _textures}[kind](
        random, sum(sizes.values())
    )
    found: Arrays = {"num_classes": int(labels.max()) + 1, "pixel_max": pixel_max, "kind": kind}
    start = 0
    for name, size in sizes.items():
        found[f"x_{name}"], found[f"y_{name}"] = images[start : start + size], labels[start : start + size]
        start += size
    return found


def _digits(random: Generator, number: int) -> tuple[Any, Any, int]:
    data = Digits().load()
    splits = (data.train, data.val, data.test)
    order = random.permutation(1797)[:number]
    images, labels = (np.concatenate([getattr(one, name) for one in splits])[order] for name in ("images", "labels"))
    return images, labels, 16


def _colours(random: Generator, number: int) -> tuple[Any, Any, int]:
    labels = random.integers(0, 4, number).astype(np.uint8)
    centres = random.integers(60, 200, (4, 3))
    images = np.clip(centres[labels][:, None, None, :] + random.normal(0, 40, (number, 9, 7, 3)), 0, 255)
    return np.rint(images).astype(np.uint8), labels, 255


def _textures(random: Generator, number: int) -> tuple[Any, Any, int]:
    labels = random.integers(0, 3, number).astype(np.uint8)
    images = random.integers(0, 256, (number, 12, 12, 1))
    for label, step in ((1, 2), (2, 4)):
        of = labels == label
        images[of] = np.repeat(np.repeat(images[of][:, ::step, ::step], step, axis=1), step, axis=2)
    return images.astype(np.uint8), labels, 255


def _split(random: Generator) -> str:
    return str(random.choice(SPLITS))


@fault
def floats_from_0_to_1(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"x_{name}"] = data[f"x_{name}"] / data["pixel_max"]


@fault
def floats_beyond_1(random: Generator, data: Arrays) -> None:
    scale = random.uniform(1.5, 300)
    name = _split(random)
    data[f"x_{name}"] = (data[f"x_{name}"] / data["pixel_max"] * scale).astype(np.float32)


@fault
def floats_around_0(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"x_{name}"] = data[f"x_{name}"] / data["pixel_max"] * 2 - 1


@fault
def floats_cut_to_0_and_1(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"x_{name}"] = (data[f"x_{name}"] / data[f"x_{name}"].max()).astype(np.uint8)
    data["pixel_max"] = 255


@fault
def one_split_cut_to_0_and_1(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"x_{name}"] = (data[f"x_{name}"] / data[f"x_{name}"].max()).astype(np.uint8)


@fault
def sixteen_bits(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"x_{name}"] = data[f"x_{name}"].astype(np.uint16) * 257


@fault
def without_pixel_max(random: Generator, data: Arrays) -> None:
    top = int(random.choice([1, 4, 15, 16, 63, 100, 127]))
    for name in SPLITS:
        data[f"x_{name}"] = (data[f"x_{name}"].astype(float) * top / data["pixel_max"]).astype(np.uint8)
    data["pixel_max"] = 255


@fault
def pixels_above_pixel_max(random: Generator, data: Arrays) -> None:
    data["pixel_max"] = int(random.integers(1, data["pixel_max"]))


@fault
def one_split_darker(random: Generator, data: Arrays) -> None:
    name, part = _split(random), random.uniform(0.05, 0.45)
    data[f"x_{name}"] = (data[f"x_{name}"] * part).astype(np.uint8)


@fault
def one_split_inverted(random: Generator, data: Arrays) -> None:
    name = _split(random)
    if data["kind"] == "textures":  # whose noise looks the same when it is inverted: let all of it be dark
        for each in SPLITS:
            data[f"x_{each}"] = np.where(data[f"x_{each}"] > 250, 255, data[f"x_{each}"] // 3).astype(np.uint8)
    data[f"x_{name}"] = (data["pixel_max"] - data[f"x_{name}"]).astype(np.uint8)


@fault
def constant_images(random: Generator, data: Arrays) -> None:
    name = _split(random)
    shape = (len(data[f"x_{name}"]), 1, 1, 1)
    data[f"x_{name}"] = np.zeros_like(data[f"x_{name}"]) + random.integers(1, 16, shape).astype(np.uint8)


@fault
def some_images_blank(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"x_{name}"] = data[f"x_{name}"].copy()
    data[f"x_{name}"][random.random(len(data[f"x_{name}"])) < random.uniform(0.1, 0.9)] = 0


@fault
def one_class(random: Generator, data: Arrays) -> None:
    label = int(random.choice(data["y_train"]))
    for name in SPLITS:
        of = data[f"y_{name}"] == label
        data[f"x_{name}"], data[f"y_{name}"] = data[f"x_{name}"][of], data[f"y_{name}"][of]


@fault
def one_class_missing(random: Generator, data: Arrays) -> None:
    name, label = _split(random), int(random.choice(data["y_train"]))
    of = data[f"y_{name}"] != label
    data[f"x_{name}"], data[f"y_{name}"] = data[f"x_{name}"][of], data[f"y_{name}"][of]


@fault
def too_many_classes(random: Generator, data: Arrays) -> None:
    data["num_classes"] += int(random.integers(1, 20))


@fault
def too_few_classes(random: Generator, data: Arrays) -> None:
    data["num_classes"] = int(random.integers(1, data["num_classes"]))


@fault
def labels_from_1(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"y_{name}"] = data[f"y_{name}"] + np.uint8(1)
    data["num_classes"] += int(random.integers(2))


@fault
def one_split_is_another(random: Generator, data: Arrays) -> None:
    one, other = random.choice(SPLITS, 2, replace=False)
    data[f"x_{one}"], data[f"y_{one}"] = data[f"x_{other}"], data[f"y_{other}"]


@fault
def some_images_in_two_splits(random: Generator, data: Arrays) -> None:
    one, other = random.choice(SPLITS, 2, replace=False)
    number = int(random.integers(1, SMALLEST))
    for kind in "xy":
        mixed = np.concatenate([data[f"{kind}_{one}"], data[f"{kind}_{other}"][:number]])
        data[f"{kind}_{one}"] = mixed


@fault
def images_repeated(random: Generator, data: Arrays) -> None:
    name, times = _split(random), int(random.integers(2, 5))
    for kind in "xy":
        data[f"{kind}_{name}"] = np.concatenate([data[f"{kind}_{name}"]] * times)


@fault
def images_with_two_labels(random: Generator, data: Arrays) -> None:
    name, number = _split(random), int(random.integers(1, 50))
    x, y = data[f"x_{name}"], data[f"y_{name}"]
    data[f"x_{name}"] = np.concatenate([x, x[:number]])
    data[f"y_{name}"] = np.concatenate([y, (y[:number] + 1) % data["num_classes"]]).astype(np.uint8)


@fault
def labels_of_another_length(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"y_{name}"] = data[f"y_{name}"][: -int(random.integers(1, 20))]


@fault
def labels_shuffled(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"y_{name}"] = random.permutation(data[f"y_{name}"])


@fault
def labels_moved_by_one(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"y_{name}"] = np.roll(data[f"y_{name}"], int(random.integers(1, 5)))


@fault
def classes_in_another_order(random: Generator, data: Arrays) -> None:
    name, order = str(random.choice(SPLITS[1:])), np.roll(np.arange(data["num_classes"]), 1)
    data[f"y_{name}"] = order[data[f"y_{name}"]].astype(np.uint8)


@fault
def one_column_a_class(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"y_{name}"] = np.eye(data["num_classes"], dtype=np.uint8)[data[f"y_{name}"]]


@fault
def labels_of_another_dtype(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"y_{name}"] = data[f"y_{name}"].astype(random.choice(["int64", "float32", "bool"]))


@fault
def axes_of_images_wrong(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"x_{name}"] = np.moveaxis(data[f"x_{name}"], 3, 1)


@fault
def no_axis_of_channels(random: Generator, data: Arrays) -> None:
    for name in SPLITS:
        data[f"x_{name}"] = data[f"x_{name}"][..., 0]


@fault
def nothing_in_a_split(random: Generator, data: Arrays) -> None:
    name = _split(random)
    data[f"x_{name}"], data[f"y_{name}"] = data[f"x_{name}"][:0], data[f"y_{name}"][:0]


def said_of(data: Arrays) -> tuple[str, ...]:
    """Return the error that refuses a data set, or the notes on it."""
    try:
        splits: dict[str, Any] = {name: Split(images=data[f"x_{name}"], labels=data[f"y_{name}"]) for name in SPLITS}
        made = Dataset(**splits, num_classes=data["num_classes"], pixel_max=data["pixel_max"])
        dataset_checks.validate("made", made)
    except DataError as error:
        return (str(error),)
    return tuple(dataset_checks.notes("made", made))


def outcomes(seeds: int) -> Iterator[Outcome]:
    """Yield what is said of a right data set for each seed, and of one with each fault."""
    for seed in range(seeds):
        for number, name in enumerate(["", *FAULTS]):
            random = np.random.default_rng([seed, number])
            data = right(random)
            if name:
                FAULTS[name](random, data)
            yield Outcome(f"{data['kind']} {seed}", name, said_of(data))


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=20)
def main(seeds: int) -> None:
    """Print what was silent, and the numbers."""
    found = [*outcomes(seeds)]
    wrong, good = ([one for one in found if bool(one.fault) is is_wrong] for is_wrong in (True, False))
    silent, alarms = [one for one in wrong if not one.said], [one for one in good if one.said]
    for one in (*silent, *alarms):
        click.echo(one)
    click.echo(
        f"{len(wrong)} wrong data sets: {len(silent)} silent; {len(good)} right ones: {len(alarms)} false alarms"
    )
    sys.exit(1 if silent else 0)


if __name__ == "__main__":
    main()
