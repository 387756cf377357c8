"""Image files prepared as the images that a network was trained on.

An image is scaled to the size of these, and nothing else is done. For a network that was trained on handwriting, the
writing on it is taken for a digit and prepared as MNIST's were: light on dark, scaled to fit a box (of 20 pixels in a
side of 28 there), with its centre of mass in the middle; one of the right size that is light on dark is left as it is.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mnist_sweep.data import idx
from mnist_sweep.data.files import image_decoding
from mnist_sweep.errors import DataError
from mnist_sweep.predict import binarization
from mnist_sweep.results.data_cards import DataCard

HOW: dict[image_decoding.Resize, str] = {
    "pad": " between black bars",
    "crop": ", cut at its edges",
    "stretch": ", which changes its proportions",
}
INVERTED = "inverted, since it was dark on light"
# Largest difference of a pixel's channels in a grey image. Stored as JPEG or CMYK, it has none. Of 150 simulated scans
# (channels off by 3%, noise of 2 levels, qualities 50 to 95), 0% have more, and 55% more than 16; of 50 pages written
# in blue-black ink, 100% have more. Where channels are shifted, as in some scanners, fringes look coloured.
MAX_TINT = 24
DARK = 128  # the largest pixel of images that may be scaled otherwise than those that the network was trained on


class PreparedImage(NamedTuple):
    """One image, as in `Classification`, with its pixels: float32 `[height, width, channels]`, in [0, 1]."""

    name: str
    pixels: NDArray[np.float32]
    preprocessing: str


def read(path: Path, image_shape: tuple[int, int, int], card: DataCard) -> list[PreparedImage | DataError]:
    """Return the images of an image or IDX file, prepared as those of this shape and card that a network trained on.

    In the place of an image that cannot be prepared stands the reason: the file is missing, empty, too large or not an
    image, nothing is written on it, or the shape has neither 1 nor 3 channels.
    """
    try:
        content = idx.read_bytes(path)
        if int.from_bytes(content[:4], "big") == idx.IMAGES_MAGIC:
            found: NDArray[np.uint8] = idx.parse(content, path, idx.IMAGES_MAGIC)
            names = [f"{path}[{number}]" for number in range(len(found))]
        else:
            found, names = _decoded(content, path, card)[None], [str(path)]
    except DataError as error:
        return [error]
    done = []
    low, white = card.pixel_range
    if low == 0 and 0 < found.max(initial=0) <= white < 255:  # by the data's scale
        found = (found * (255 / white)).round().astype(np.uint8)
        done = [f"levels up to {white:g} scaled to 255, since the data have these"]
    images = zip(names, map(Image.fromarray, found), strict=True)
    return [_prepared(name, image, image_shape, card, done) for name, image in images]


def _decoded(content: bytes, path: Path, card: DataCard) -> NDArray[np.uint8]:
    low, high = card.pixel_range
    try:
        return np.asarray(image_decoding.decode(content, card.pixel_range if high - low > 255 else None))
    except DataError as error:
        raise DataError(f"{path} {error}.") from error


def _prepared(
    name: str, image: Image.Image, image_shape: tuple[int, int, int], card: DataCard, before: list[str]
) -> PreparedImage | DataError:
    height, width, channels = image_shape
    if channels not in (1, 3):
        return DataError(f"{name} is an image of 1 or 3 channels, but the model was trained on {channels}.")
    lost = [*before, *["converted to greyscale"] * (channels == 1 and _is_coloured(image))]
    try:
        if card.handwriting and channels == 1:
            made, done = _as_digit(image.convert("L"), (width, height), card.writing_share)
        else:
            made, done = _scaled(image, (width, height), card.resize)
            made = made.convert("L" if channels == 1 else "RGB")  # once it is scaled, as in `image_decoding`
    except DataError as error:
        return DataError(f"{name} {error}")
    pixels = np.asarray(made, np.float32).reshape(height, width, channels)
    if (largest := pixels.max()) < DARK:
        done = [*done, f"dark: the largest pixel is {largest:g} of 255"]
    pixels /= np.float32(255)
    return PreparedImage(name, pixels, ", ".join([*lost, *done]))


def _is_coloured(image: Image.Image) -> bool:
    return bool((np.ptp(np.asarray(image.convert("RGB")), axis=2) > MAX_TINT).any())


def _scaled(image: Image.Image, size: tuple[int, int], how: image_decoding.Resize) -> tuple[Image.Image, list[str]]:
    if image.size == size:
        return image, []
    changed = HOW[how] * (image.width * size[1] != image.height * size[0])
    return image_decoding.resized(image, size, how), [f"scaled from {_shown(image.size)} to {_shown(size)}{changed}"]


def _as_digit(page: Image.Image, size: tuple[int, int], share: float) -> tuple[Image.Image, list[str]]:
    """Return a grey image prepared as MNIST's, its digit filling that share of the side, and what was done to it."""
    if page.size == size:
        is_light = binarization.border_level(np.asarray(page)) >= binarization.LIGHT
        return (ImageOps.invert(page), [INVERTED]) if is_light else (page, [])
    found = binarization.extract(page)
    if found is None:
        raise DataError("shows nothing that stands out from its background.")
    digit = Image.fromarray((255 * found.strokes).astype(np.uint8))
    scale = share * min(size) / max(digit.size)
    box = max(1, round(digit.width * scale)), max(1, round(digit.height * scale))
    cut = f"a digit of {_shown(found.size)} cut out of {_shown(page.size)}, scaled to {_shown(box)} and centred"
    small = np.asarray(digit.resize(box, Image.Resampling.BOX), np.float32)
    small *= 255 / small.max()  # strokes thinner than a pixel have grown faint
    return _centred(small, size), [INVERTED, cut] if found.is_dark_on_light else [cut]


def _centred(digit: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Return an image of a size with the digit's centre of mass as near its middle as the digit fits inside."""
    from scipy import ndimage

    sides = np.array(size[::-1])
    free = sides - digit.shape
    before = np.rint((sides - 1) / 2 - ndimage.center_of_mass(digit)).clip(0, free).astype(int)
    return Image.fromarray(np.pad(digit, np.stack([before, free - before], axis=1)).astype(np.uint8))


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
