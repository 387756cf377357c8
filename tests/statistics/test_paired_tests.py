"""Laws of paired comparisons: published examples, how often the intervals hold, and how much data would be enough."""

import math

import numpy as np
import pytest
from scipy import stats

from mnist_sweep.optim.image_contributions import by_image
from mnist_sweep.optim.objective_metrics import MacroF1
from mnist_sweep.statistics.intervals import wilson_interval
from mnist_sweep.statistics.paired_tests import (
    AccuracyDifference,
    data_for_half_width,
    difference_over_image_values,
    difference_over_images,
    difference_over_seeds,
    difference_over_seeds_and_images,
    mcnemar,
    newcombe_interval,
)

APPROVAL = (794, 150, 86, 570)  # Agresti, Categorical Data Analysis, table 10.1
AIRWAYS = (1, 1, 7, 12)  # Bentur et al. 2009, in Fagerland, Lydersen and Laake 2017, chapter 8
RESPONSE = (59, 6, 16, 80)  # Cavo et al. 2012, in the same chapter
ALTMAN = (14, 5, 0, 22)  # Altman et al. 2000, Statistics with Confidence, table 6.2
NUM_SIMULATIONS = 1000
Counts = tuple[int, int, int, int]  # of images that both, only a, only b and neither classify correctly


def turned(counts: Counts) -> Counts:
    both, only_a, only_b, neither = counts
    return both, only_b, only_a, neither


@pytest.mark.parametrize(
    ("counts", "exact"), [(APPROVAL, 3.716e-05), (AIRWAYS, 0.0703), (RESPONSE, 0.0525), (ALTMAN, 0.0625)]
)
def test_mcnemars_p_values_are_the_published_ones(counts: Counts, exact: float) -> None:
    _, only_a, only_b, _ = counts
    assert mcnemar(only_a, only_b) == mcnemar(only_b, only_a) == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [(RESPONSE, -0.1186, -0.0046), (ALTMAN, 0.0115, 0.2265), (APPROVAL, 0.0212, 0.0587), (AIRWAYS, -0.5069, -0.0256)],
)
def test_newcombes_intervals_are_the_published_ones(counts: Counts, low: float, high: float) -> None:
    assert newcombe_interval(*counts) == pytest.approx((low, high), abs=5e-5)
    assert newcombe_interval(*turned(counts)) == pytest.approx((-high, -low), abs=5e-5)


@pytest.mark.parametrize("counts", [(0, 0, 0, 9), (9, 0, 0, 0), (0, 9, 0, 0), (5, 0, 0, 5)])
def test_intervals_lie_between_minus_one_and_one_and_hold_the_difference(counts: Counts) -> None:
    low, high = newcombe_interval(*counts)
    assert -1 <= low <= (counts[1] - counts[2]) / sum(counts) <= high <= 1


def test_classifiers_that_never_differ_are_equal() -> None:
    found = difference_over_images(290, 0, 0, 10)
    assert (found.mean, found.pvalue, found.images_needed) == (0, 1, None)
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("num", "shares"),
    [
        (300, (0.90, 0.05, 0.02, 0.03)),
        (300, (0.90, 0.03, 0.03, 0.04)),
        (5000, (0.96, 0.015, 0.010, 0.015)),
        (5000, (0.985, 0.004, 0.004, 0.007)),
    ],
)
def test_intervals_of_images_hold_in_95_percent_and_equals_are_told_apart_in_at_most_5(
    num: int, shares: tuple[float, ...]
) -> None:
    tables = np.random.default_rng(num).multinomial(num, shares, NUM_SIMULATIONS)
    found = [difference_over_images(*map(int, table)) for table in tables]
    difference = shares[1] - shares[2]
    assert 0.93 <= np.mean([one.low <= difference <= one.high for one in found]) <= 0.97
    assert difference or np.mean([one.pvalue < 0.05 for one in found]) <= 0.05


@pytest.mark.parametrize("num_seeds", [3, 10])
def test_intervals_of_seeds_hold_in_95_percent(num_seeds: int) -> None:
    sweeps = np.random.default_rng(num_seeds).normal(0.002, 0.004, (NUM_SIMULATIONS, num_seeds))
    found = [difference_over_seeds(one) for one in sweeps]
    assert 0.93 <= np.mean([one.low <= 0.002 <= one.high for one in found]) <= 0.97


@pytest.mark.parametrize(("num_seeds", "of_seed", "of_image"), [(3, 0.3, 0.0), (5, 0.3, 1.0), (10, 0.0, 1.0)])
def test_intervals_difference_over_seeds_and_images_hold_in_95_percent(
    num_seeds: int, of_seed: float, of_image: float
) -> None:
    draw = np.random.default_rng(num_seeds)
    held = []
    for _ in range(NUM_SIMULATIONS):
        ease = 3.5 + draw.normal(0, 2, 300)
        a, b = (
            draw.random((num_seeds, 300))
            < 1 / (1 + np.exp(-ease - draw.normal(0, of_image, 300) - draw.normal(0, of_seed, (num_seeds, 1))))
            for _ in range(2)
        )
        found = difference_over_seeds_and_images(a.astype(np.int8) - b.astype(np.int8))
        held.append(found.low <= 0 <= found.high)
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize("num_seeds", [2, 3])
def test_two_seeds_that_agree_by_chance_do_not_break_the_test(num_seeds: int) -> None:
    """Satterthwaite's degrees of freedom erred in 10% here with two seeds."""
    draw, errs = np.random.default_rng(num_seeds), []
    for _ in range(NUM_SIMULATIONS):
        spread = draw.normal(0, 0.02, (num_seeds, 1)) + draw.normal(0, 0.2, 300)
        found = difference_over_seeds_and_images(spread + draw.normal(0, 0.1, (num_seeds, 300)))
        errs.append(found.pvalue < 0.05)
        assert (found.pvalue < 0.05) == (not found.low <= 0 <= found.high)
    assert 0.02 <= np.mean(errs) <= 0.08


def test_no_interval_goes_beyond_what_accuracies_can_differ_by() -> None:
    none_and_all = np.repeat(np.array([[0], [1]], np.int8), 300, axis=1)
    for found in (difference_over_seeds(np.array([0.9, 0.1])), difference_over_seeds_and_images(none_and_all)):
        assert (found.low, found.high) == (-1, 1)


def test_noise_of_images_is_not_forgotten_over_seeds() -> None:
    """Seeds that agree on the same few images are sure of a difference that other images need not show."""
    ahead = np.zeros((5, 300), np.int8)
    ahead[:, :3] = 1
    ahead[np.arange(4), 10 + np.arange(4)] = 1
    over_seeds, over_both = difference_over_seeds(ahead.mean(axis=1)), difference_over_seeds_and_images(ahead)
    assert over_seeds.mean == over_both.mean == pytest.approx(3.8 / 300)
    assert over_seeds.low > 0.01
    assert over_both.low < 0.002


def test_seeds_give_the_paired_t_test_of_scipy() -> None:
    a, b = np.random.default_rng(0).normal(0.95, 0.01, (2, 6))
    found, expected = difference_over_seeds(a - b), stats.ttest_rel(a, b)
    ends = expected.confidence_interval()
    assert (found.pvalue, found.low, found.high) == pytest.approx((expected.pvalue, ends.low, ends.high))


def test_seeds_that_all_differ_by_the_same_amount_leave_nothing_to_judge_by() -> None:
    found = difference_over_seeds(np.array([0.97, 0.93, 0.95]) - np.array([0.96, 0.92, 0.94]))  # all but for rounding
    assert found.mean == pytest.approx(0.01)
    assert found.seeds_needed is None
    assert all(math.isnan(figure) for figure in (found.low, found.high, found.pvalue))
    same = difference_over_seeds(np.zeros(3))
    assert (same.mean, same.pvalue) == (0, 1)
    assert math.isnan(same.low)


def test_seeds_that_agree_on_all_images_have_the_interval_of_none_that_differs() -> None:
    found = difference_over_seeds_and_images(np.zeros((3, 300), np.int8))
    none = float(wilson_interval(0, 300)[1])
    assert (found.mean, found.low, found.high, found.pvalue) == (0, -none, none, 1)


def test_so_many_images_show_the_difference_in_about_80_percent() -> None:
    shares = (0.90, 0.05, 0.03, 0.02)
    needed = difference_over_images(900, 50, 30, 20).images_needed
    assert needed is not None
    tables = np.random.default_rng(1).multinomial(needed, shares, NUM_SIMULATIONS)
    shown = np.mean([mcnemar(int(table[1]), int(table[2])) < 0.05 for table in tables])
    assert 0.74 <= shown <= 0.83  # the exact test is a little more careful than the formula takes it for


def test_so_many_seeds_show_the_difference_in_80_percent() -> None:
    draws = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    needed = difference_over_seeds(0.5 + draws / draws.std(ddof=1)).seeds_needed
    assert needed is not None
    sweeps = np.random.default_rng(2).normal(0.5, 1, (NUM_SIMULATIONS, needed))
    assert 0.77 <= np.mean(stats.ttest_1samp(sweeps, 0, axis=1).pvalue < 0.05) <= 0.83


@pytest.mark.parametrize("num_seeds", [2, 3])
def test_where_no_difference_is_shown_more_would_be_needed_than_there_is(num_seeds: int) -> None:
    draw = np.random.default_rng(num_seeds)
    for _ in range(100):
        found = difference_over_seeds_and_images(
            draw.choice([-1, 0, 1], (num_seeds, 300), p=[0.02, 0.93, 0.05]).astype(np.int8)
        )
        if found.pvalue > 0.05:
            assert found.seeds_needed is None or found.seeds_needed > num_seeds
            assert found.images_needed is None or found.images_needed > 300


@pytest.mark.parametrize(("field", "of_seed", "of_image"), [("seeds", 0.02, 0.01), ("images", 0.001, 0.15)])
def test_so_many_seeds_or_images_show_the_difference_in_about_80_percent(
    field: str, of_seed: float, of_image: float
) -> None:
    def drawn(num_seeds: int, num_images: int) -> AccuracyDifference:
        spread = draw.normal(0, of_seed, (num_seeds, 1)) + draw.normal(0, of_image, num_images)
        return difference_over_seeds_and_images(0.015 + spread + draw.normal(0, 0.1, (num_seeds, num_images)))

    draw, size = np.random.default_rng(0), {"seeds": 5, "images": 300}
    needed = np.median([getattr(drawn(*size.values()), f"{field}_needed") or np.inf for _ in range(NUM_SIMULATIONS)])
    size[field] = int(needed)
    assert 0.7 <= np.mean([drawn(*size.values()).pvalue < 0.05 for _ in range(NUM_SIMULATIONS)]) <= 0.9


def test_no_number_of_seeds_makes_up_for_too_few_images() -> None:
    ahead = np.zeros((4, 300), np.int8)
    ahead[:, :4], ahead[:, 4:6] = 1, -1
    found = difference_over_seeds_and_images(ahead)
    assert found.seeds_needed is None
    assert found.images_needed is not None
    assert found.images_needed > 300


@pytest.mark.parametrize("counts", [(0, 5, 2, 3), (900, 50, 30, 20)])
def test_turned_difference_is_that_of_the_other_one(counts: Counts) -> None:
    assert difference_over_images(*counts).reversed() == pytest.approx(difference_over_images(*turned(counts)))


def test_the_data_for_the_present_interval_are_the_present_data() -> None:
    draw = np.random.default_rng(1)
    of_seeds = draw.normal(0, 0.02, 4)
    one, other = draw.random((2, 4, 300)) < 0.9
    crossed = one.astype(np.int8) - other.astype(np.int8)
    by_seed, both = difference_over_seeds(of_seeds), difference_over_seeds_and_images(crossed)
    assert data_for_half_width(of_seeds, 1.0001 * (by_seed.high - by_seed.low) / 2) == (4, None)
    assert data_for_half_width(of_seeds, 0.9999 * (by_seed.high - by_seed.low) / 2) == (5, None)
    half_width = (both.high - both.low) / 2
    assert data_for_half_width(crossed, 1.00001 * half_width) == (4, 300)
    assert data_for_half_width(crossed, 0.99999 * half_width) == (5, 301)
    half_width = 1.959964 * crossed[0].std() / math.sqrt(300)
    assert data_for_half_width(crossed[:1], 1.0001 * half_width) == (None, 300)


def test_data_without_variance_need_no_seeds_that_are_known() -> None:
    assert data_for_half_width(np.full(4, 0.25), 0.01) == (None, None)
    seeds, images = data_for_half_width(np.zeros((3, 300), np.int8), 0.01)
    assert seeds is None
    assert images is not None
    assert wilson_interval(0, images)[1] <= 0.01 < wilson_interval(0, images - 1)[1]


@pytest.mark.slow
@pytest.mark.parametrize("num_seeds", [1, 3])
def test_equal_configs_are_rarely_told_apart_by_a_value_of_the_whole_split(num_seeds: int) -> None:
    draw, num, called = np.random.default_rng(num_seeds), 200, 0
    for _ in range(num):
        labels = draw.choice(5, 300, p=[0.5, 0.2, 0.15, 0.1, 0.05]).astype(np.int32)
        easy = draw.normal(1.6, 1, 300) + draw.normal(0, 0.4, 5)[labels]
        values = np.empty((num_seeds, 2, 300))
        for seed, config in np.ndindex(num_seeds, 2):
            luck = draw.normal(0, 0.3 if num_seeds > 1 else 0, 5)[labels] + draw.standard_t(3, 300) / 2
            wrong = (labels + draw.integers(1, 3, 300)) % 5
            values[seed, config] = by_image(MacroF1(), labels, classes=np.where(easy + luck > 0, labels, wrong))
        ahead = values[:, 0] - values[:, 1]
        found = difference_over_seeds_and_images(ahead) if num_seeds > 1 else difference_over_image_values(ahead[0])
        called += found.pvalue < 0.05
    assert called / num <= 0.1


def test_values_of_images_without_a_limit_are_compared_as_those_of_seeds() -> None:
    ahead = np.random.default_rng(0).normal(40, 100, (3, 50))
    single = difference_over_image_values(ahead[0], largest=math.inf)
    expected = difference_over_seeds(ahead[0], largest=math.inf)
    assert single[:4] == expected[:4]
    assert (single.images_needed, single.seeds_needed) == (expected.seeds_needed, None)
    assert difference_over_seeds_and_images(ahead, largest=math.inf).high > 1
    same = difference_over_seeds_and_images(np.full((3, 50), 7.0), largest=math.inf)
    assert (same.mean, math.isnan(same.low), same.pvalue) == (7, True, 0)
