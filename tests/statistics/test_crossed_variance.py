"""Laws of the variance of a mean over seeds and images."""

import numpy as np
import pytest

from mnist_sweep.statistics.crossed_variance import CrossedVariance

SEEDS, IMAGES = 40, 400


def drawn(seeds: float, images: float, rest: float) -> CrossedVariance:
    """Return the variance of differences whose parts have these standard deviations."""
    draw = np.random.default_rng(0)
    parts = seeds * draw.standard_normal((SEEDS, 1)), images * draw.standard_normal((1, IMAGES))
    return CrossedVariance.of(sum(parts) + rest * draw.standard_normal((SEEDS, IMAGES)))


@pytest.mark.parametrize(("seeds", "images", "rest"), [(1, 0, 0), (0, 1, 0), (1, 1, 1), (0.5, 2, 3), (0, 0, 1)])
def test_the_parts_add_up_to_the_variance_of_the_mean(seeds: float, images: float, rest: float) -> None:
    known = seeds**2 / SEEDS + images**2 / IMAGES + rest**2 / SEEDS / IMAGES
    assert drawn(seeds, images, rest).variance == pytest.approx(known, rel=0.5)


def test_more_of_both_narrows_the_interval_and_one_alone_stops_at_the_other() -> None:
    found = drawn(1, 1, 1)
    assert found.with_seeds(10**9).variance == pytest.approx(found.images - found.rest, rel=1e-6)
    assert found.with_images(10**9).variance == pytest.approx(found.seeds - found.rest, rel=1e-6)
    widths = [found.with_seeds(num).with_images(num).half_width for num in (10, 100, 1000)]
    assert widths == sorted(widths, reverse=True)


def test_a_mean_at_the_end_of_the_interval_has_the_p_value_of_5_percent() -> None:
    found = drawn(1, 1, 1)
    assert found.pvalue(found.half_width / found.variance**0.5) == pytest.approx(0.05)
    assert not found.detects(found.half_width)
    assert found.detects(2 * found.half_width)
