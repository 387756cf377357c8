"""Decoding of image files, the same for training and for `predict`.

An image is upright as its EXIF block says, without transparency, on white, and grey or coloured as its file is; only
the first frame of an animation counts. Formats are recognised by content, and limited to a few common ones.
"""

import contextlib
import io
import struct
import warnings
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import one_line

Resize = Literal["pad", "crop", "stretch"]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WebP")
MAX_PIXELS = 50_000_000  # of the file; Pillow only warns of less than 179 million
MAX_LEVEL = 65_535


def decode(content: bytes) -> Image.Image:
    """Return the image in the content of a file, in mode L if the file is grey, else in RGB.

    Raises:
        DataError: It is empty, too large, damaged, cut off, or no image of these formats; the message is the cause.
    """
    if not content:
        raise DataError("is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about many pixels, as our limit is lower, and about damaged EXIF blocks
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"has {image.width}x{image.height} pixels, expected at most {MAX_PIXELS:,}")
                image.load()
                with contextlib.suppress(SyntaxError, ValueError, struct.error):  # a damaged EXIF block
                    ImageOps.exif_transpose(image, in_place=True)
                return _on_white(image)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(f"is not an image in {', '.join(FORMATS[:-1])} or {FORMATS[-1]} format") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"is a damaged image ({one_line(error)})") from error


def resized(image: Image.Image, size: tuple[int, int], how: Resize) -> Image.Image:
    """Return an image of this width and height, scaled by bicubic interpolation if it is of another size.

    It is scaled to fit inside, between black bars (`pad`), or to cover the size, without what is outside (`crop`), or
    without keeping its proportions (`stretch`).
    """
    if image.size == size:
        return image
    if how == "stretch":
        return image.resize(size)
    return ImageOps.fit(image, size) if how == "crop" else ImageOps.pad(image, size, color=0)


def _on_white(image: Image.Image) -> Image.Image:
    is_grey = _is_grey(image)
    if image.mode.startswith(("I", "F")):  # of more than 8 bits, which Pillow's own conversion would clip
        levels = np.asarray(image)
        if image.mode == "F" or levels.min() < 0 or levels.max() > MAX_LEVEL:
            raise DataError("has pixels of 32 bits, expected 8 or 16")
        clear = levels == image.info.get("transparency", -1)
        image = Image.fromarray(np.where(clear, 255, (levels / 257).round()).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")  # also before L, since Pillow has no way from some modes to it
    return image.convert("L") if is_grey else image


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        colours = np.reshape(image.getpalette() or [], (-1, 3))
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
