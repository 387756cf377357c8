"""Laws of the checks: what may be wrong with a data set is said with its number, and of a good one nothing."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.dataset_checks import notes, validate
from mnist_sweep.data.digits import Digits
from mnist_sweep.errors import DataError
from tests.optim.test_regression import ink

GOOD = Digits().load()


def changed(name: str, images: object = None, labels: object = None) -> Dataset:
    split = getattr(GOOD, name)
    images, labels = split.images if images is None else images, split.labels if labels is None else labels
    split = Split(images=np.asarray(images, np.uint8), labels=np.asarray(labels, np.uint8))
    parts: dict[str, Any] = {name: split}
    return replace(GOOD, **parts)


def with_channels_first(dataset: Dataset) -> Dataset:
    splits: dict[str, Any] = {}
    for name in ("train", "val", "test"):
        split = getattr(dataset, name)
        splits[name] = Split(images=np.moveaxis(split.images, 3, 1), labels=split.labels)
    return replace(dataset, **splits)


def test_of_a_good_data_set_nothing_is_said() -> None:
    assert notes("digits", GOOD) == []


def test_numbers_beyond_those_of_train_are_counted_and_one_number_is_refused() -> None:
    data = ink()
    assert notes("ink", data) == []
    high = replace(data.test, labels=data.test.labels + 2)
    (note,) = notes("ink", replace(data, test=high))
    number = int((high.labels > data.train.labels.max()).sum())
    assert f"{number} of 300 test images" in note
    assert "have numbers beyond those of train, 3.53125 to 6.76562" in note
    alike = replace(data.train, labels=np.full_like(data.train.labels, 2.5))
    with pytest.raises(DataError, match=r"only images of number 2\.5 in train \(1,197 images\)"):
        validate("ink", replace(data, train=alike))


def test_a_split_with_one_number_is_reported() -> None:
    data = ink()
    val = replace(data.val, labels=np.full_like(data.val.labels, 5))
    assert "data ink: all val images have the same number" in notes("ink", replace(data, val=val))


def test_colours_in_reverse_order_and_a_range_that_is_hardly_used_are_reported() -> None:
    tint = np.array([1.0, 0.7, 0.3])
    splits: Any = {
        name: replace(split, images=(split.images * 15 * tint).astype("uint8")) for name, split in GOOD.splits.items()
    }
    coloured = Dataset(**splits, num_classes=10)
    assert notes("tinted", coloured) == []
    reverse = replace(coloured.test, images=coloured.test.images[..., ::-1])
    (note,) = notes("tinted", replace(coloured, test=reverse))
    assert note == "data tinted: the colours of test look like those of train in reverse order (RGB and BGR)"
    splits = {name: replace(split, images=split.images.astype("float32")) for name, split in GOOD.splits.items()}
    (note,) = notes("wide", Dataset(**splits, num_classes=10, value_range=(-200, 30)))
    assert note == "data wide: all pixels are from 0 to 16 of -200 to 30, so all images look alike"


VAL, TRAIN = GOOD.val, GOOD.train
WITHOUT_7 = TRAIN.labels != 7
CASES = {
    "scale": (replace(GOOD, pixel_max=255), "the largest pixel is 16 of pixel_max=255"),
    "cast": (
        replace(
            changed("train", TRAIN.images > 8),
            val=changed("val", VAL.images > 8).val,
            test=changed("test", GOOD.test.images > 8).test,
        ),
        "the largest pixel is 1 of pixel_max=16, .*multiplied by 255",
    ),
    "scale of a split": (
        changed("val", VAL.images // 4),
        "scaled differently: the largest pixel is 16 in train, 4 in val, 16 in test",
    ),
    "inverted": (
        changed("val", 16 - VAL.images),
        r"the mean pixel, of 0 to 1, is 0.31 in train, 0.69 in val, 0.31 in test",
    ),
    "constant": (
        changed("val", np.full_like(VAL.images, 3) + np.arange(300, dtype=np.uint8)[:, None, None, None] % 2),
        r"300 of 300 val images \(100%\) are constant",
    ),
    "shared": (changed("val", TRAIN.images[:90], TRAIN.labels[:90]), r"90 of 90 val images \(100%\) are in train, too"),
    "one shared": (
        changed("val", np.concatenate([VAL.images[1:], TRAIN.images[:1]]), np.append(VAL.labels[1:], TRAIN.labels[0])),
        r"1 of 300 val images \(0.33%\) are in train",
    ),
    "one split": (replace(GOOD, val=TRAIN, test=TRAIN), r"1,197 of 1,197 test images \(100%\) are in val, too"),
    "two labels": (
        changed("val", VAL.images[[*range(300), 0]], np.append(VAL.labels, 9 - VAL.labels[0])),
        r"1 of 300 different val images \(0.33%\) have several labels",
    ),
    "repeated": (
        changed("val", np.tile(VAL.images[:100], (3, 1, 1, 1)), np.tile(VAL.labels[:100], 3)),
        "only 100 of 300 val images are different",
    ),
    "class missing": (
        changed("train", TRAIN.images[WITHOUT_7], TRAIN.labels[WITHOUT_7]),
        r"no image of class 7 in train \(29 in val, 30 in test\)",
    ),
    "class too many": (replace(GOOD, num_classes=12), "no image of classes 10 and 11 in any split, although"),
    "shuffled": (
        changed("train", labels=np.random.default_rng(0).permutation(TRAIN.labels)),
        "labels of train look unrelated",
    ),
    "shuffled split": (
        changed("val", labels=np.random.default_rng(0).permutation(VAL.labels)),
        "labels of val look unrelated",
    ),
    "exchanged": (
        changed("val", labels=np.array([1, 0, *range(2, 10)])[VAL.labels]),
        "class 0 of val looks like class 1 of train: 2. of",
    ),
    "axes": (
        with_channels_first(GOOD),
        "1x8 pixels with 8 channels",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_looks_wrong_is_said_with_its_number(name: str) -> None:
    data, message = CASES[name]
    found = notes("mine", data)
    assert any(re.search(message, note) for note in found), found
    assert all(note.startswith("data mine: ") and "\n" not in note for note in found)


def test_of_a_built_in_data_set_only_the_classes_are_looked_at() -> None:
    data = replace(GOOD, val=Split(images=TRAIN.images[:5], labels=TRAIN.labels[:5]))
    assert len(notes("digits", data, is_verified=True)) == 1


def test_one_class_only_is_refused() -> None:
    ones = TRAIN.labels == 1
    with pytest.raises(DataError, match=r"the data source mine has only images of class 1 in train \(121 images\)"):
        validate("mine", changed("train", TRAIN.images[ones], TRAIN.labels[ones]))
    named = replace(changed("train", TRAIN.images[ones], TRAIN.labels[ones]), class_names=tuple("abcdefghij"))
    with pytest.raises(DataError, match="only images of class b in train"):
        validate("mine", named)
    validate("mine", GOOD)


def test_whole_numbers_to_predict_may_be_classes_and_a_name_is_one_line() -> None:
    splits: Any = {name: replace(part, labels=part.labels.astype("float32")) for name, part in GOOD.splits.items()}
    (note,) = notes("a\nb", Dataset(**splits, pixel_max=16))
    assert note == (
        "data a\\nb: the numbers to predict are 10 whole ones from 0 to 9: write them without a decimal point if they "
        "are classes"
    )


def test_a_class_of_few_images_is_reported_by_its_name() -> None:
    few = np.flatnonzero((TRAIN.labels != 7) | (np.cumsum(TRAIN.labels == 7) <= 5))
    data = replace(GOOD, train=Split(images=TRAIN.images[few], labels=TRAIN.labels[few]))
    assert notes("digits", data) == ["data digits: only 5 train images of class 7"]
    named = replace(data, class_names=tuple("abcdefghij"), notes=("from a folder",))
    assert notes("digits", named) == ["data digits: from a folder", "data digits: only 5 train images of class h"]


def test_classes_whose_names_look_alike_are_reported() -> None:
    named = replace(GOOD, class_names=("cat", "Cat", "dog ", "caf\u00e9", "cafe\u0301", " dog", *"abcd"))
    assert notes("pets", named) == [
        f"data pets: classes {pair} differ in case, blanks or the form of their letters only"
        for pair in ("'cat' and 'Cat'", "'dog ' and ' dog'", "'caf\u00e9' and 'cafe\u0301'")
    ]
