"""Laws of the wording of a comparison: the better one first, what a tie would take, and what cannot be tested."""

import math

import pytest

from mnist_sweep import Digits, TrialConfig
from mnist_sweep.analysis.comparison_sentences import (
    IMAGES,
    NOT_KEPT,
    ONE_SEED,
    SEEDS,
    SEEDS_AND_IMAGES,
    TWO_SEEDS,
    conclusion,
    notes,
)
from mnist_sweep.analysis.split_difference import SplitDifference
from mnist_sweep.statistics.paired_tests import AccuracyDifference
from mnist_sweep.trials.config import to_flat


def split(name: str, *difference: float, **needed: int | None) -> SplitDifference:
    found = AccuracyDifference(*difference, **needed)  # type: ignore[arg-type]  # four numbers
    return SplitDifference(name=name, accuracy_a=0.9, accuracy_b=0.9 - found.mean, difference=found)


CLEAR, EQUAL = (0.03, 0.01, 0.05, 0.002), (0.0, -0.02, 0.02, 1.0)


@pytest.mark.parametrize("num", [2, 4, 6])
@pytest.mark.parametrize("method", [IMAGES, SEEDS_AND_IMAGES, SEEDS])
def test_few_seeds_and_missing_predictions_are_noted(num: int, method: str) -> None:
    configs = [to_flat(TrialConfig(seed=seed)) for seed in range(num // 2)] * 2
    expected = {2: [ONE_SEED], 4: [TWO_SEEDS], 6: []}[num] + [NOT_KEPT] * (method == SEEDS)
    assert list(notes(configs, method)) == expected


def test_other_images_are_noted_where_predictions_were_not_kept() -> None:
    configs = [to_flat(TrialConfig(data=Digits(val_size=size), seed=seed)) for size in (300, 299) for seed in range(3)]
    assert "data.val_size" in " ".join(notes(configs, SEEDS))
    assert list(notes(configs, SEEDS_AND_IMAGES)) == []


def test_better_one_comes_first() -> None:
    val, test = split("validation", *CLEAR), split("test", *EQUAL)
    turned = split("validation", -0.03, -0.05, -0.01, 0.002)
    assert conclusion("a", "b", val, test) == conclusion("b", "a", turned, test)
    sentence = conclusion("a", "b", val, test)
    assert sentence.startswith("a is significantly better than b: +3.00 points (95% interval 1.00 to 5.00, p = 0.002)")
    assert sentence.endswith("on test, which is not significant.")


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ({"images_needed": 2000}, "about 2,000 validation images to detect"),
        (
            {"images_needed": 2000, "seeds_needed": 7},
            "about 7 seeds or about 2,000 validation images to detect",
        ),
        ({}, "more seeds and more images together to detect"),
    ],
)
def test_tie_says_what_its_difference_would_take(needed: dict[str, int], expected: str) -> None:
    tie = split("validation", 0.01, -0.02, 0.04, 0.3, **needed)
    sentence = conclusion("a", "b", tie, split("test", *CLEAR))
    assert sentence.startswith("a and b are statistically tied: +1.00 points")
    assert "on test. A difference of this size" in sentence
    assert f"would take {expected}" in sentence


def test_difference_that_cannot_be_tested_is_no_tie() -> None:
    untestable = split("validation", 0.01, math.nan, math.nan, math.nan)
    sentence = conclusion("a", "b", untestable, split("test", *EQUAL))
    assert sentence.startswith("Whether a and b differ cannot be tested: +1.00 points (no interval, no test)")
    assert "to detect" not in sentence
