"""Laws of what images leave open: it is the spread over images, less what seeds add to it."""

import numpy as np
import pytest

from mnist_sweep.statistics.image_margins import ImageSums, margin_factor
from tests.benchmarks.race_images import simulate


def counts(chance: np.ndarray, num_seeds: int) -> ImageSums:
    found, draw = ImageSums(*chance.shape), np.random.default_rng(0)
    for _ in range(num_seeds):
        for setting, row in enumerate(chance):
            found.add(setting, draw.random(len(row)) < row)
    return found


def test_error_is_that_of_the_difference_over_images() -> None:
    correct = np.random.default_rng(1).random((2, 400)) < [[0.9], [0.7]]
    now, ever = counts(correct.astype(float), 3).errors()
    expected = np.std(correct[0].astype(float) - correct[1], ddof=1) / 20
    assert now[0, 1] == ever[0, 1] == pytest.approx(expected)
    assert now[0, 0] == 0


def test_more_seeds_lower_the_error_to_what_stays_with_any_number() -> None:
    chance = np.random.default_rng(2).uniform(0.2, 1.0, (2, 4000))
    stays = np.std(chance[0] - chance[1]) / np.sqrt(4000)
    errors = [counts(chance, num).errors() for num in (2, 8, 40)]
    now, ever = ([float(pair[place][0, 1]) for pair in errors] for place in (0, 1))
    assert now[0] > now[1] > now[2] > stays
    assert ever == pytest.approx([stays] * 3, rel=0.1)


def test_nothing_is_known_of_a_setting_without_runs() -> None:
    found = ImageSums(3, 50)
    for setting in (0, 2):
        found.add(setting, np.arange(50) < 40 + setting)
    now, _ = found.errors()
    assert np.isinf(now[1, [0, 2]]).all()
    assert np.isfinite(now[0, 2])


def test_more_settings_and_fewer_images_take_a_wider_margin() -> None:
    factors = [margin_factor(num, 10_000, 0.05) for num in (2, 10, 40)]
    assert factors[0] == pytest.approx(1.96, abs=0.01)
    assert factors[0] < factors[1] < factors[2]
    assert margin_factor(2, 5, 0.05) == pytest.approx(2.776, abs=0.001)


def test_settings_that_are_alike_for_new_images_are_not_told_apart_by_these() -> None:
    figures = simulate(2, 300, 2.0, 0.005, 40)
    assert figures["these_lost"] > 0.2
    assert figures["new_lost"] <= 0.05
    assert figures["new_only_images"] > 0.5
    assert figures["new_trials"] < figures["these_trials"]
