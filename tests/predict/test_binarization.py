"""What is found written on a page: the same in any light."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from mnist_sweep.predict import binarization

Array = NDArray[np.float64]
HEIGHT, WIDTH = 240, 320
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
LIGHTS = {
    "even": np.full((HEIGHT, WIDTH), 225.0),
    "from 200 to 250": 200 + 50 * (0.6 * COLUMNS / WIDTH + 0.4 * ROWS / HEIGHT),
    "from 110 to 240": 110 + 130 * (0.6 * COLUMNS / WIDTH + 0.4 * ROWS / HEIGHT),
    "a shadow over the left": np.where(COLUMNS + 0.3 * ROWS < 0.4 * WIDTH, 130.0, 220.0),
    "a shadow across": np.where(abs(COLUMNS - 160) < 30, 140.0, 230.0),
    "dark corners": 230 - 100 * ((COLUMNS / WIDTH - 0.5) ** 2 + (ROWS / HEIGHT - 0.5) ** 2) / 0.5,
    "dim": 80 + 30 * COLUMNS / WIDTH,
}


def page(light: Array, written: Array, *, noise: float = 5) -> Image.Image:
    """Return a photo of a page in this light, of which ink takes a share."""
    pixels = light * (1 - written) + np.random.default_rng(0).normal(0, noise, light.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def drawn(draw: Callable[[ImageDraw.ImageDraw], None], share: float = 0.85) -> Array:
    image = Image.new("1", (WIDTH, HEIGHT))
    draw(ImageDraw.Draw(image))
    return share * np.asarray(image)


def ring(image: ImageDraw.ImageDraw) -> None:
    image.ellipse((110, 60, 209, 179), outline=1, width=12)


def shape(found: binarization.Foreground | None) -> Array:
    """Return the strokes as a picture of a fixed size, from 0 to 1."""
    assert found is not None
    image = Image.fromarray((255 * found.strokes).astype(np.uint8))
    return np.asarray(image.resize((10, 12), Image.Resampling.BOX)) / 255


@pytest.mark.parametrize(
    ("light", "share"), [*((light, 0.85) for light in LIGHTS), ("even", 0.4), ("from 110 to 240", 0.4), ("dim", 0.4)]
)
def test_the_same_is_found_in_any_light(light: str, share: float) -> None:
    found = binarization.extract(page(LIGHTS[light], drawn(ring, share)))
    assert found is not None
    assert found.is_dark_on_light
    assert found.size == pytest.approx((100, 120), abs=4)
    np.testing.assert_allclose(shape(found), shape(binarization.extract(page(LIGHTS["even"], drawn(ring)))), atol=0.3)


@pytest.mark.parametrize("noise", [0, 5, 20])
@pytest.mark.parametrize("light", LIGHTS)
def test_a_blank_page_is_blank_in_any_light(light: str, noise: float) -> None:
    assert binarization.extract(page(LIGHTS[light], np.zeros((HEIGHT, WIDTH)), noise=noise)) is None


@pytest.mark.parametrize("light", ["even", "from 110 to 240", "a shadow over the left"])
def test_what_is_light_on_a_blackboard_is_found(light: str) -> None:
    found = binarization.extract(page(LIGHTS[light] * 0.9, 0.9 - drawn(ring)))
    assert found is not None
    assert not found.is_dark_on_light
    assert found.size == pytest.approx((100, 120), abs=4)


@pytest.mark.parametrize("width", [6, 12, 40])
def test_strokes_may_be_thin_or_thick(width: int) -> None:
    written = drawn(lambda image: image.line((100, 40, 180, 200), fill=1, width=width))
    found = binarization.extract(page(LIGHTS["from 110 to 240"], written))
    assert found is not None
    thickness = found.strokes.sum() * (found.size[0] / found.strokes.shape[1]) ** 2 / np.hypot(80, 160)
    assert thickness == pytest.approx(width, rel=0.2)


def test_strokes_may_touch_the_border() -> None:
    written = drawn(ring)[60:180, 110:210]
    found = binarization.extract(page(np.full(written.shape, 225.0), written))
    assert found is not None
    assert found.size == (100, 120)
    assert found.strokes.mean() > 0.7 * written.mean() / 0.85


def test_specks_are_left_out_and_parts_are_not() -> None:
    def with_specks(image: ImageDraw.ImageDraw) -> None:
        ring(image)
        image.rectangle((20, 20, 23, 23), fill=1)
        image.rectangle((220, 100, 239, 119), fill=1)

    found = binarization.extract(page(LIGHTS["even"], drawn(with_specks)))
    assert found is not None
    assert found.size == pytest.approx((130, 120), abs=4)


def test_a_ruled_line_that_the_strokes_cross_is_paper() -> None:
    lines = np.where(ROWS % 60 < 3, 0.35, 0)
    found = binarization.extract(page(LIGHTS["from 110 to 240"], np.maximum(lines, drawn(ring))))
    assert found is not None
    assert found.size == pytest.approx((100, 120), abs=4)


def test_a_large_page_is_measured_in_its_own_pixels() -> None:
    image = page(LIGHTS["from 110 to 240"], drawn(ring)).resize((8 * WIDTH, 8 * HEIGHT))
    found = binarization.extract(image)
    assert found is not None
    assert found.size == pytest.approx((800, 960), abs=32)
    assert found.strokes.size <= binarization.WORKING_PIXELS


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 2), (3, 5)])
def test_a_page_may_be_tiny(size: tuple[int, int]) -> None:
    assert binarization.extract(Image.new("L", size, 200)) is None


def test_hollows_are_filled_to_the_lowest_pass_of_their_rims() -> None:
    terrain = np.full((7, 9), 200, np.float32)
    terrain[1:6, 1:8] = 180
    terrain[2:5, 2:7] = 90
    terrain[3, 4:] = [50, 60, 150, 170, 120]
    filled = np.where(terrain < 170, 170, terrain)
    filled[3, 8] = 120
    filled[1:6, 1:8] = np.where(terrain[1:6, 1:8] == 180, 180, filled[1:6, 1:8])
    np.testing.assert_array_equal(binarization._fill_pits(terrain), filled)


def test_hollows_are_filled_as_by_geodesic_erosion() -> None:
    terrain = np.random.default_rng(0).integers(100, 200, (40, 30)).astype(np.float32)
    filled = np.full_like(terrain, 255)
    filled[[0, -1]], filled[:, [0, -1]] = terrain[[0, -1]], terrain[:, [0, -1]]
    cross = ndimage.generate_binary_structure(2, 1)
    for _ in range(terrain.size):
        filled = np.maximum(ndimage.grey_erosion(filled, footprint=cross), terrain)
    np.testing.assert_array_equal(binarization._fill_pits(terrain), filled)
