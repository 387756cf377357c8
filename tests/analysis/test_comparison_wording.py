"""Laws of a comparison as a value: short in a terminal, a table in a notebook, in words with the better one first."""

import math

import numpy as np
import pytest

from mnist_sweep import Digits, TrialConfig
from mnist_sweep.analysis.comparison import over_seeds
from mnist_sweep.analysis.comparison_wording import (
    IMAGES,
    NOT_KEPT,
    ONE_SEED,
    SEEDS,
    SEEDS_AND_IMAGES,
    TWO_SEEDS,
    Comparison,
    SplitDifference,
    conclusion,
    notes,
    unequal_spread,
)
from mnist_sweep.statistics.paired_tests import AccuracyDifference
from mnist_sweep.trials.config import to_flat

FOUND = Comparison(
    a="one",
    b="<other>",
    label_a="units=1",
    label_b="units=2",
    seeds=((0, 0), (1, 1), (2, 2)),
    val=over_seeds("validation", [0.9, 0.92, 0.91], [0.8, 0.81, 0.83]),
    test=over_seeds("test", [0.9, 0.9, 0.9], [0.9, 0.9, 0.9]),
    method="a test",
    sentence="one & <other> differ.",
    notes=("a note",),
)


def test_repr_has_both_and_the_difference_on_validation() -> None:
    ends = "95% interval 5.87 to 13.46, p = 0.0082"
    assert repr(FOUND) == f"<Comparison of one and <other>: +9.67 points ({ends}) on validation>"


def test_printed_it_is_its_conclusion_and_its_notes() -> None:
    assert str(FOUND) == "one & <other> differ.\na note"


def test_notebook_shows_the_conclusion_the_method_and_both_splits() -> None:
    page = FOUND._repr_html_()
    assert "one &amp; &lt;other&gt; differ." in page
    assert "<other>" not in page
    assert "a test" in page
    assert page.index("<td>validation</td>") < page.index("<td>0.9100</td>") < page.index("<td>test</td>")


def split(name: str, *difference: float, **needed: int | None) -> SplitDifference:
    found = AccuracyDifference(*difference, **needed)  # type: ignore[arg-type]  # four numbers
    return SplitDifference(name=name, mean_a=0.9, mean_b=0.9 - found.mean, difference=found)


CLEAR, EQUAL = (0.03, 0.01, 0.05, 0.002), (0.0, -0.02, 0.02, 1.0)


@pytest.mark.parametrize("num", [2, 4, 6])
@pytest.mark.parametrize("method", [IMAGES, SEEDS_AND_IMAGES, SEEDS])
def test_few_seeds_and_missing_predictions_are_noted(num: int, method: str) -> None:
    configs = [to_flat(TrialConfig(seed=seed)) for seed in range(num // 2)] * 2
    expected = {2: [ONE_SEED], 4: [TWO_SEEDS], 6: []}[num] + [NOT_KEPT] * (method == SEEDS)
    assert list(notes(configs, method)) == expected


def test_other_images_are_noted_where_predictions_were_not_kept() -> None:
    configs = [to_flat(TrialConfig(data=Digits(val_size=size), seed=seed)) for size in (300, 299) for seed in range(3)]
    assert "differ in val_size" in " ".join(notes(configs, SEEDS))
    assert list(notes(configs, SEEDS_AND_IMAGES)) == []


def test_better_one_comes_first() -> None:
    val, test = split("validation", *CLEAR), split("test", *EQUAL)
    turned = split("validation", -0.03, -0.05, -0.01, 0.002)
    sentence = conclusion("a", "b", val, test, SEEDS)
    assert sentence == conclusion("b", "a", turned, test, SEEDS)
    better = "a is significantly better than b for these images"
    assert sentence.startswith(f"{better}: +3.00 points (95% interval 1.00 to 5.00, p = 0.002)")
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
    sentence = conclusion("a", "b", tie, split("test", *CLEAR), IMAGES)
    assert sentence.startswith("a and b are statistically tied for new images: +1.00 points")
    assert "on test. A difference of this size" in sentence
    assert f"would take {expected}" in sentence


def test_difference_that_cannot_be_tested_is_no_tie() -> None:
    untestable = split("validation", 0.01, math.nan, math.nan, math.nan)
    sentence = conclusion("a", "b", untestable, split("test", *EQUAL), SEEDS_AND_IMAGES)
    assert sentence.startswith("Whether a and b differ cannot be tested for new images: +1.00 points (no interval, no")
    assert "to detect" not in sentence
    clear = conclusion("a", "b", split("validation", *CLEAR), untestable, SEEDS_AND_IMAGES)
    assert clear.endswith("+1.00 points (no interval, no test) on test.")


def test_config_whose_seeds_vary_more_is_noted() -> None:
    steady, collapsed = [0.951, 0.953, 0.952, 0.95, 0.952], [0.955, 0.957, 0.1, 0.953, 0.955]
    (note,) = unequal_spread(("a", "b"), (steady, collapsed))
    assert note == next(unequal_spread(("b", "a"), (collapsed, steady)))
    assert note.startswith("The seeds of b vary more than those of a (standard deviations 38.24 and 0.11 points)")
    assert list(unequal_spread(("a", "b"), (steady, [0.5] * 5)))
    assert not list(unequal_spread(("a", "b"), ([0.5] * 5, [0.6] * 5)))
    assert not list(unequal_spread(("a", "b"), ([0.5], [0.6])))
    assert not list(unequal_spread(("a", "b"), ([0.7] * 3, [0.9] * 3))), "whose deviations are not 0 but rounding"


@pytest.mark.parametrize("std", [0.001, 0.003, 0.01])
@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_seeds_that_happen_to_classify_as_many_images_correctly_are_no_proof(std: float, num_seeds: int) -> None:
    draw = np.random.default_rng(0)
    pairs = (np.round(300 * draw.normal(0.95, std, (1000, 2, num_seeds))) / 300).tolist()
    assert np.mean([bool([*unequal_spread(("a", "b"), one, num_images=300)]) for one in pairs]) <= 0.02
    assert list(unequal_spread(("a", "b"), ([0.95] * 5, [0.95, 0.95, 0.1, 0.95, 0.95]), num_images=300))


def test_seeds_that_vary_alike_are_noted_in_1_percent() -> None:
    draw = np.random.default_rng(0)
    noted = [bool([*unequal_spread(("a", "b"), draw.normal(0.9, 0.01, (2, 3)).tolist())]) for _ in range(1000)]
    assert np.mean(noted) <= 0.02


@pytest.mark.parametrize(
    ("low", "high", "pvalue", "expected"),
    [
        (0.01, 0.03, 0.01, True),
        (-0.03, -0.01, 0.01, True),
        (0.0, 0.03, 0.04, False),
        (0.01, 0.03, 0.05, False),
        (math.nan, math.nan, math.nan, False),
    ],
)
def test_difference_is_significant_if_p_value_and_interval_say_so(
    low: float, high: float, pvalue: float, expected: bool
) -> None:
    assert split("test", 0.02, low, high, pvalue).significant is expected
