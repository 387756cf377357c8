"""Extraction of the writing on a photographed page, under uneven light.

Shadows reach the edge of a picture and strokes do not: in the landscape of grey levels, strokes are pits. Filling each
pit to the lowest pass of its rim gives the blank page with its shadows (Soille 2004, "Morphological Image Analysis",
chapter 6; the paths of a spanning tree pass lowest: Hu 1961, Operations Research 9). The share of that light that the
writing absorbs is the same in light and in shade, so one threshold serves for it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Grey levels are from 0 to 255, and absorption is a share of the light.
LIGHT = 128  # a border at least as light as this is a light page
WORKING_PIXELS = 50_000  # a larger page is reduced: the spanning tree is over all its pixels
BLUR = 1.0  # standard deviation in pixels, against the grain of a sensor
PAPER_SHARE = 0.3  # of the strongest absorption; what absorbs less is paper
SPECK_SHARE = 0.03  # of the largest part's sum of absorption; a part that has less is a speck
MIN_ABSORPTION = 1 / 16  # of the page's strongest; less is a blank page
MIN_TIMES_NOISE = 30.0  # the same, in times of the page's noise
DARKEST_PAGE = 64.0  # light below this counts as this, or noise would seem to absorb much of it
DEEPEST_SHADE = 0.4  # of the upper quartile of the border; what is darker there is writing that leaves the page
EYE_BLACK = 16.0  # added to both levels of a ratio, or small differences near black would be large


class Foreground(NamedTuple):
    """The writing on a page, dark on light or not, and its width and height in pixels of the page.

    `strokes` are float32 `[height, width]`, cut to the writing, at a scale of at most 50,000 pixels for the whole page:
    the share of the light that each pixel absorbs, in [0, 1], where 1 is the median of the written pixels.
    """

    strokes: NDArray[np.float32]
    size: tuple[int, int]
    is_dark_on_light: bool


def extract(page: Image.Image) -> Foreground | None:
    """Return the writing on a grey page, of mode L; None if nothing stands out from paper and noise."""
    factor = max(1.0, (page.width * page.height / WORKING_PIXELS) ** 0.5)
    width, height = (max(1, round(side / factor)) for side in page.size)
    pixels = np.asarray(page.resize((width, height), Image.Resampling.BOX), np.float32)
    dark = is_dark_on_light(pixels)
    pixels = pixels if dark else 255 - pixels
    smooth = _blurred(pixels)
    blank = _fill_pits(smooth)
    light = blank.clip(DARKEST_PAGE)
    noise = float(np.median(abs(smooth - _blurred(smooth)) / light))
    written = _stroke_mask((blank - smooth) / light, noise)
    if written is None:
        return None
    absorption = (blank - pixels) / light
    absorption = np.where(written, absorption / np.median(absorption[written]), 0).clip(0, 1)
    rows, columns = np.flatnonzero(written.any(axis=1)), np.flatnonzero(written.any(axis=0))
    strokes = absorption[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shown = [min(side, round(part * factor)) for side, part in zip(page.size, strokes.shape[::-1], strict=True)]
    return Foreground(strokes, (shown[0], shown[1]), dark)


def border_level(pixels: NDArray[Any]) -> float:
    """Return the median of the pixels at the border, which is assumed to be blank."""
    return float(np.median(pixels.ravel()[_border(pixels)]))


def is_dark_on_light(pixels: NDArray[np.float32]) -> bool:
    """Return whether the writing is dark on a light page.

    Where the border itself is dark, in the shade or on a blackboard, the writing is what differs from it most, and
    differences count as the eye sees them, by ratios.
    """
    border = border_level(pixels)
    if border >= LIGHT:
        return True
    smooth = _blurred(pixels)
    darker = (border + EYE_BLACK) / (float(smooth.min()) + EYE_BLACK)
    return darker > (float(smooth.max()) + EYE_BLACK) / (border + EYE_BLACK)


def _fill_pits(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return pixels with every pit filled to the lowest level at which it drains over the border.

    A pit that reaches the border is shade and stays, unless it is darker there than shade can be.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    outside, levels, border = pixels.size, pixels.ravel() + 1, _border(pixels)  # SciPy takes weight 0 for no edge
    levels[border] = levels[border].clip(DEEPEST_SHADE * np.quantile(levels[border], 0.75))
    number = np.arange(outside).reshape(pixels.shape)
    one = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel(), border])
    other = np.concatenate([number[:, 1:].ravel(), number[1:].ravel(), np.full(len(border), outside)])
    levels = np.append(levels, 0)
    graph = coo_array((np.maximum(levels[one], levels[other]), (one, other)), shape=(outside + 1, outside + 1))
    order, towards = breadth_first_order(minimum_spanning_tree(graph.tocsr()), outside, directed=False)
    filled, towards = levels.tolist(), towards.tolist()
    for pixel in order[1:].tolist():
        filled[pixel] = max(filled[pixel], filled[towards[pixel]])
    return np.array(filled[:-1], np.float32).reshape(pixels.shape) - 1


def _stroke_mask(absorption: NDArray[np.float32], noise: float) -> NDArray[np.bool_] | None:
    """Return which pixels are strokes and not specks; None if the strongest absorption is weak or may be noise."""
    from scipy import ndimage

    if absorption.max() < max(MIN_ABSORPTION, MIN_TIMES_NOISE * noise):
        return None
    parts, num_parts = ndimage.label(absorption >= PAPER_SHARE * absorption.max(), np.ones((3, 3)))
    sums = ndimage.sum_labels(absorption, parts, range(num_parts + 1))
    sums[0] = 0
    return np.asarray((sums > SPECK_SHARE * sums.max())[parts])


def _border(pixels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the positions of the border pixels in the flat array, each once."""
    inside = np.zeros(pixels.shape, bool)
    inside[1:-1, 1:-1] = True
    return np.flatnonzero(~inside)


def _blurred(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(pixels, BLUR))
