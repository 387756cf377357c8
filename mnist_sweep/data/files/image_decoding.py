"""Decoding of image files, the same for training and for `predict`.

An image is upright as its EXIF block says, without transparency, on white, and grey or coloured as its file is; only
the first frame of an animation counts. Formats are recognised by content, and limited to a few common ones.
"""

import contextlib
import io
import os
import stat
import struct
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import first_few, one_line, printable
from mnist_sweep.text.numbers import counted

Resize = Literal["pad", "crop", "stretch"]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WebP")
MAX_PIXELS = 50_000_000  # of the file; Pillow only warns of less than 179 million
MAX_LEVEL = 65_535
MAX_FILE_BYTES = 256 << 20
MAX_NAMED = 5
Source = str | bytes  # path of a file, or the content of one
Shape = tuple[int, int, int]


class Rules(NamedTuple):
    """How images are scaled and coloured; the fields are those of `EncodedImages`."""

    size: tuple[int, int] | None
    color: str
    resize: Resize


@dataclass(slots=True)
class Report:
    """What was seen of images.

    Attributes:
        sizes: Number of images of each height and width.
        channels: Most channels of an image.
        refused: A line for each image that cannot be decoded.
        digest: SHA-256 of the images of a job as they were written.
    """

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    channels: int = 1
    refused: list[str] = field(default_factory=list)
    digest: str = ""

    def add(self, other: "Report") -> None:
        """Add what was seen of other images."""
        self.sizes += other.sizes
        self.channels = max(self.channels, other.channels)
        self.refused += other.refused

    def shape(self) -> Shape:
        """Return the most frequent shape of the images."""
        (height, width), _ = self.sizes.most_common(1)[0] if self.sizes else ((1, 1), 0)
        return height, width, self.channels

    def fits(self, shape: Shape) -> bool:
        """Return whether all images can be written in this shape."""
        return not self.refused and {*self.sizes} == {shape[:2]} and self.channels <= shape[2]

    def check(self, num_images: int) -> None:
        """Raise DataError if images were refused, or differ in size."""
        if refused := self.refused:
            shown = first_few([*map(printable, refused)], MAX_NAMED, "; ")
            number = f"{len(refused):,} of {counted(num_images, 'image')} cannot be used"
            raise DataError(f"{number}: {shown}. Repair or remove them.")
        if len(self.sizes) > 1:
            shown = first_few([f"{h}x{w} in {number:,}" for (h, w), number in self.sizes.most_common()], MAX_NAMED)
            way_out = "scale them with image_size=(height, width), or --image-size"
            raise DataError(f"images differ in size ({shown}): {way_out}.")


def decode(content: bytes, span: tuple[float, float] | None = None) -> Image.Image:
    """Return the image in the content of a file, in mode L if the file is grey, else in RGB.

    The values of `span` become black and white if the file has more than 8 bits; of 16 bits, these are otherwise the
    smallest and the largest one.

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
                return _on_white(image, span)
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


def decoded(
    sources: Sequence[Source], rules: Rules, shape: Shape | None = None, first: int = 0
) -> tuple[NDArray[np.uint8], Report]:
    """Return images at their places, uint8 `[n, *shape]`, without those that do not fit, and a report on all of them.

    Without a shape, it is that of the first image, and has three channels as soon as one image is coloured. Reports
    count images from `first`.
    """
    report = Report()
    found = np.zeros((len(sources), *(shape or (0, 0, 0))), np.uint8)
    for place, source in enumerate(sources):
        try:
            image = image_of(source if isinstance(source, bytes) else _read(source), rules)
        except (DataError, OSError) as error:
            cause = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            report.refused.append(f"{name_of(source, first + place)} {cause}")
            continue
        report.sizes[image.shape[:2]] += 1
        report.channels = max(report.channels, image.shape[2])
        if not found.size:
            found = np.zeros((len(sources), *image.shape), np.uint8)
        elif not shape and image.shape[2] > found.shape[3]:
            found = np.repeat(found, 3, axis=3)
        if image.shape[:2] == found.shape[1:3] and image.shape[2] <= found.shape[3]:
            found[place] = image
    return found, report


def in_memory(sources: Sequence[Source], rules: Rules) -> NDArray[np.uint8]:
    """Return images: uint8 `[n, height, width, channels]`.

    Raises:
        DataError: Images cannot be decoded, or differ in size.
    """
    found, report = decoded(sources, rules)
    report.check(len(sources))
    return found


def name_of(source: Source, number: int) -> str:
    """Return what messages call an image."""
    return source if isinstance(source, str) else f"image {number}"


def image_of(content: bytes, rules: Rules) -> NDArray[np.uint8]:
    """Return the image in the content of a file: uint8 `[height, width, channels]`."""
    image = decode(content)
    if rules.size:
        image = resized(image, rules.size[::-1], rules.resize)
    if rules.color != "auto":
        image = image.convert("RGB" if rules.color == "rgb" else "L")
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, -1)


def _read(path: str) -> bytes:
    with io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):  # which may never end, or never come
            raise DataError("is a special file")
        if status.st_size > MAX_FILE_BYTES:
            raise DataError(f"has more than {MAX_FILE_BYTES:,} bytes")
        return file.readall()


def _on_white(image: Image.Image, span: tuple[float, float] | None) -> Image.Image:
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    is_grey = _is_grey(image)
    if image.mode.startswith(("I", "F")):  # of more than 8 bits, which Pillow's own conversion would clip
        levels = np.asarray(image)
        if span is None and image.mode == "F":
            raise DataError("has pixels of 32 bits, expected 8 or 16")
        low, high = span or (0, MAX_LEVEL)
        if not low <= levels.min() <= levels.max() <= high:
            found = f"{levels.min():g} to {levels.max():g}"
            raise DataError(f"has pixels from {found}, expected {low:g} to {high:g}: scale them")
        clear = levels == image.info.get("transparency", -1)
        image = Image.fromarray(np.where(clear, 255, ((levels - low) / ((high - low) / 255)).round()).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")  # also before L, since Pillow has no way from some modes to it
    return image.convert("L") if is_grey else image


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        colours = np.reshape(image.getpalette() or [], (-1, 3))
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or image.mode.startswith(("I", "F"))
