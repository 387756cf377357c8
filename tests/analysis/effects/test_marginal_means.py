"""Laws of marginal means: their intervals cover the truth, and chance shows nothing in more than 5% of sweeps."""

import itertools
from typing import Any

import numpy as np
import pytest

from mnist_sweep.analysis.effects.design import design_of_trials
from mnist_sweep.analysis.effects.interactions import fit_with_interactions
from mnist_sweep.analysis.effects.marginal_means import marginal_means
from tests.benchmarks import coverage

DESIGNS: dict[str, dict[str, Any]] = {
    "grid, one seed": {},
    "grid, one seed, interaction": {"interaction": 0.02},
    "grid, three seeds with shared noise": {"num_seeds": 3, "shared": 0.01},
    "grid, five seeds, a tenth missing": {"num_seeds": 5, "missing": 0.1},
    "sample": {"sample": 50, "unexplained": 0.01},
    "sample, three seeds": {"sample": 50, "num_seeds": 3, "unexplained": 0.01, "nums": (2, 2, 2)},
    "sample, two seeds": {"sample": 50, "num_seeds": 2, "unexplained": 0.01, "shared": 0.01, "nums": (2, 2, 2)},
    "sample, three seeds with shared noise": {"sample": 50, "num_seeds": 3, "shared": 0.005, "nums": (2, 2, 2)},
    "sample, five seeds": {"sample": 50, "num_seeds": 5, "unexplained": 0.01, "shared": 0.005, "nums": (2, 2, 2)},
}


# Each takes several seconds, so the default run has one of each kind.
QUICK = ("grid, three seeds with shared noise", "sample, two seeds")


def designs(*, but_not: str = "") -> list[Any]:
    names = [name for name in DESIGNS if not but_not or but_not not in name]
    return [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("design", designs())
def test_95_percent_intervals_hold_the_truth_in_95_percent_of_sweeps(design: str) -> None:
    means, differences = coverage.held(DESIGNS[design], 500)
    assert 0.93 <= means <= 0.97
    assert 0.93 <= differences <= 0.97


@pytest.mark.parametrize("design", designs(but_not="interaction"))
def test_nothing_planted_is_shown_in_5_percent_of_sweeps(design: str) -> None:
    effects, trends, pairs = coverage.shown(DESIGNS[design], 100)
    assert effects <= 0.07
    assert trends <= 0.08
    assert pairs <= 0.08


@pytest.mark.parametrize(("levels", "num_seeds"), [((2,), 2), ((2, 2), 1), ((2, 2), 2)])
def test_accuracies_that_count_few_images_show_nothing_by_chance_in_more_than_5_percent(
    levels: tuple[int, ...], num_seeds: int
) -> None:
    """Whole images are often the same by chance, and then nothing seems to scatter."""
    draw, shown = np.random.default_rng(1), []
    settings = np.array([*itertools.product(*map(range, levels))])
    codes, seed = np.repeat(settings, num_seeds, axis=0), np.tile(np.arange(num_seeds), len(settings))
    for _ in range(500):
        accuracy = np.round(300 * draw.normal(0.97, 0.003, len(seed))) / 300
        setting = np.repeat(np.arange(len(settings)), num_seeds)
        model, _ = fit_with_interactions(design_of_trials(accuracy, codes, setting, seed, rounding=1 / (12 * 300**2)))
        shown.append(marginal_means(model, 0).difference.low > 0)
    assert np.mean(shown) <= 0.05


@pytest.mark.parametrize("num_seeds", [2, 3, 4, 5])
def test_where_all_seeds_round_alike_a_difference_is_known_to_an_image_at_best(num_seeds: int) -> None:
    levels, seeds = np.divmod(np.arange(3 * num_seeds), num_seeds)
    for size in range(100, 200):
        accuracy = 0.9 + 0.01 * levels
        table = design_of_trials(accuracy, levels[:, None], levels, seeds, rounding=1 / (12 * size**2))
        found = marginal_means(fit_with_interactions(table)[0], 0).difference
        assert min(found.mean - found.low, found.high - found.mean) > 1 / size
