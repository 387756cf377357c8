"""What was written on a page, whatever light falls on it.

Shade reaches the edge of a picture and strokes do not: they are hollows in its landscape of grey. Those are filled to
the lowest pass of their rims, as hydrologists fill the pits of a terrain, which gives the page as it would look without
them, edges of shadows included. What ink takes away of that light is a share that is the same in light and in shade, so
that one threshold holds for it, as it would not for the picture itself.
Sources: P. Soille, "Morphological Image Analysis", 2nd edition 2004, chapter 6 (filling holes); T. C. Hu, "The Maximum
Capacity Route Problem", Operations Research 9, 1961 (the paths of a spanning tree pass lowest).
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

LIGHT = 128
WORKING_PIXELS = 50_000
BLUR = 1.0
PAPER_SHARE = 0.3
SPECK_SHARE = 0.03
MIN_INK = 1 / 16
MIN_TIMES_NOISE = 30.0
DARKEST_PAGE = 64.0
DEEPEST_SHADE = 0.4
EYE_BLACK = 16.0


class Foreground(NamedTuple):
    """What was written.

    Attributes:
        strokes: float32 `[height, width]`, cut to what is written, with at most 50,000 pixels for the whole page: the
            share of the light that each pixel takes away, from 0 to 1, which is what half of the written ones take.
        size: Width and height of what is written, in pixels of the page.
        dark: Whether it is dark on light.
    """

    strokes: "NDArray[np.float32]"
    size: tuple[int, int]
    dark: bool


def found(page: "Image.Image") -> Foreground | None:
    """Return what is written on a grey page, of mode L; None if nothing stands out from paper and noise."""
    import numpy as np
    from PIL import Image

    factor = max(1.0, (page.width * page.height / WORKING_PIXELS) ** 0.5)
    width, height = (max(1, round(side / factor)) for side in page.size)
    pixels = np.asarray(page.resize((width, height), Image.Resampling.BOX), np.float32)
    dark = is_dark_on_light(pixels)
    pixels = pixels if dark else 255 - pixels
    smooth = _blurred(pixels)
    blank = _filled(smooth)
    light = blank.clip(DARKEST_PAGE)
    noise = float(np.median(abs(smooth - _blurred(smooth)) / light))
    written = _written((blank - smooth) / light, noise)
    if written is None:
        return None
    ink = (blank - pixels) / light
    ink = np.where(written, ink / np.median(ink[written]), 0).clip(0, 1)
    rows, columns = np.flatnonzero(written.any(axis=1)), np.flatnonzero(written.any(axis=0))
    strokes = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shown = [min(side, round(part * factor)) for side, part in zip(page.size, strokes.shape[::-1], strict=True)]
    return Foreground(strokes, (shown[0], shown[1]), dark)


def border_level(pixels: "NDArray[Any]") -> float:
    """Return the median of the pixels at the border, which is taken for blank."""
    import numpy as np

    return float(np.median(pixels.ravel()[_border(pixels)]))


def is_dark_on_light(pixels: "NDArray[np.float32]") -> bool:
    """Return whether something dark was written on something light.

    Where the border is dark itself, in the shade or on a blackboard, what differs from it most is the writing, and
    differences count as the eye sees them, by ratios.
    """
    border = border_level(pixels)
    if border >= LIGHT:
        return True
    smooth = _blurred(pixels)
    darker = (border + EYE_BLACK) / (float(smooth.min()) + EYE_BLACK)
    return darker > (float(smooth.max()) + EYE_BLACK) / (border + EYE_BLACK)


def _filled(pixels: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return pixels with every hollow filled to the lowest level at which it runs out over the border.

    A hollow that reaches the border is shade and stays, unless it is darker there than shade can be.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    outside, levels, border = pixels.size, pixels.ravel() + 1, _border(pixels)  # an edge of weight 0 is none to SciPy
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


def _written(ink: "NDArray[np.float32]", noise: float) -> "NDArray[np.bool_] | None":
    """Return which pixels are written on and no specks; None if the strongest ink is weak or may be noise."""
    import numpy as np
    from scipy import ndimage

    if ink.max() < max(MIN_INK, MIN_TIMES_NOISE * noise):
        return None
    parts, num_parts = ndimage.label(ink >= PAPER_SHARE * ink.max(), np.ones((3, 3)))
    sums = ndimage.sum_labels(ink, parts, range(num_parts + 1))
    sums[0] = 0
    return np.asarray((sums > SPECK_SHARE * sums.max())[parts])


def _border(pixels: "NDArray[Any]") -> "NDArray[np.intp]":
    """Return where the pixels at the border lie in the flat array, each once."""
    import numpy as np

    inside = np.zeros(pixels.shape, bool)
    inside[1:-1, 1:-1] = True
    return np.flatnonzero(~inside)


def _blurred(pixels: "NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(pixels, BLUR))
