"""Laws of the wording of a comparison: the better one first, what a tie would take, and what cannot be tested."""

import pytest

from mnist_sweep import Digits, TrialConfig
from mnist_sweep.analysis.comparison_sentences import (
    IMAGES,
    NOT_KEPT,
    ONE_SEED,
    SEEDS,
    SEEDS_AND_IMAGES,
    TWO_SEEDS,
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
