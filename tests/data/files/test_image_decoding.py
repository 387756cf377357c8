"""What every kind of image file becomes."""

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from mnist_sweep.data.files import image_decoding
from mnist_sweep.errors import DataError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=2)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_lossless_file_gives_its_pixels(kind: str, pixels: Any) -> None:
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    decoded = image_decoding.decode(saved(Image.fromarray(pixels), kind, **options))
    assert decoded.mode == ("L" if pixels.ndim == 2 and kind != "WEBP" else "RGB")  # WebP has no grey images
    np.testing.assert_array_equal(
        np.asarray(decoded.convert("RGB")), np.asarray(Image.fromarray(pixels).convert("RGB"))
    )


@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_jpeg_file_gives_about_its_pixels(pixels: Any) -> None:
    smooth = Image.fromarray(pixels).resize((64, 48))
    decoded = image_decoding.decode(saved(smooth, "JPEG", quality=95))
    assert decoded.mode == smooth.mode
    assert abs(np.asarray(decoded, float) - np.asarray(smooth, float)).mean() < 4


def test_sixteen_bits_become_eight() -> None:
    wide = GREY.astype(np.uint16) * 257
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(np.asarray(image_decoding.decode(saved(Image.fromarray(wide), kind))), GREY)
    big = saved(Image.fromarray(wide.astype(">u2")), "TIFF")
    np.testing.assert_array_equal(np.asarray(image_decoding.decode(big)), GREY)
    fits = Image.fromarray(wide.astype(np.int32))
    np.testing.assert_array_equal(np.asarray(image_decoding.decode(saved(fits, "TIFF"))), GREY)
    clear = image_decoding.decode(saved(Image.fromarray(wide), "PNG", transparency=5 * 257))
    np.testing.assert_array_equal(np.asarray(clear), np.where(GREY == 5, 255, GREY))


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_thirty_two_bits_are_refused(kind: Any) -> None:
    levels = GREY.astype(kind) * 100_000
    with pytest.raises(DataError, match=r"has pixels (of 32 bits|from 0 to 2.*e.07), expected (8 or 16|0 to 65535)"):
        image_decoding.decode(saved(Image.fromarray(levels), "TIFF"))


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_of_more_than_eight_bits_stated_values_become_black_and_white(kind: Any) -> None:
    file = saved(Image.fromarray(GREY.astype(kind) * 16), "TIFF")
    np.testing.assert_array_equal(np.asarray(image_decoding.decode(file, (0, 255 * 16))), GREY)
    with pytest.raises(DataError, match=r"has pixels from 0 to .*, expected 0 to 100: scale them"):
        image_decoding.decode(file, (0, 100))
    signed = saved(Image.fromarray(GREY.astype(np.float32) - 1000), "TIFF")
    np.testing.assert_array_equal(np.asarray(image_decoding.decode(signed, (-1000, -745))), GREY)
    lost = saved(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")
    with pytest.raises(DataError, match="has pixels from nan to nan, expected 0 to 1"):
        image_decoding.decode(lost, (0, 1))


def test_a_palette_is_looked_up() -> None:
    coloured = Image.fromarray(COLOUR).quantize(16)
    decoded = image_decoding.decode(saved(coloured, "PNG"))
    np.testing.assert_array_equal(np.asarray(decoded), np.asarray(coloured.convert("RGB")))
    grey = Image.fromarray(GREY // 64 * 64).convert("P")
    decoded = image_decoding.decode(saved(grey, "PNG"))
    assert decoded.mode == "L"
    np.testing.assert_array_equal(np.asarray(decoded), GREY // 64 * 64)


def test_a_bitmap_is_black_and_white() -> None:
    decoded = image_decoding.decode(saved(Image.fromarray(GREY > 100), "PNG"))
    np.testing.assert_array_equal(np.asarray(decoded), np.where(GREY > 100, 255, 0))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_clear_is_white(mode: str) -> None:
    image = Image.fromarray(GREY).convert(mode)
    image.putalpha(Image.fromarray(np.where(GREY > 100, 255, 0).astype(np.uint8)))
    decoded = image_decoding.decode(saved(image, "PNG"))
    assert decoded.mode == ("RGB" if mode == "RGBA" else "L")
    np.testing.assert_array_equal(np.asarray(decoded.convert("L")), np.where(GREY > 100, GREY, 255))


def test_a_clear_colour_of_a_palette_is_white() -> None:
    image = Image.fromarray(GREY)
    decoded = image_decoding.decode(saved(image, "GIF", transparency=0))
    np.testing.assert_array_equal(np.asarray(decoded)[0, 0], 255)


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    decoded = image_decoding.decode(saved(image, "JPEG", quality=95))
    assert decoded.mode == "RGB"
    np.testing.assert_allclose(np.asarray(decoded)[8, 8].astype(int), [255, 0, 0], atol=4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_is_turned_as_its_exif_block_says_and_a_damaged_block_is_left_out(
    kind: str, recwarn: pytest.WarningsRecorder
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter turn to the right shows it upright
    exif[ExifTags.Base.Make] = "maker"
    image, block = Image.fromarray(GREY), exif.tobytes()
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 100}
    turned = image_decoding.decode(saved(image, kind, exif=exif, **options))
    np.testing.assert_allclose(np.asarray(turned.convert("L"), int), np.rot90(GREY, -1), atol=3 * (kind == "JPEG"))
    for place in range(6, len(block)):
        damaged = saved(image, kind, exif=block[:place] + b"\xff" + block[place + 1 :], **options)
        assert {*image_decoding.decode(damaged).size} == {8, 6}
    for wrong in (block[:20], b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x05" + bytes(9)):
        assert image_decoding.decode(saved(image, kind, exif=wrong, **options)).size == (8, 6)
    assert len(recwarn) == 0


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_the_first_frame_counts(kind: str) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    decoded = image_decoding.decode(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    np.testing.assert_array_equal(np.asarray(decoded.convert("L")), GREY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_a_file_that_is_cut_off_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = saved(Image.fromarray(noise), kind)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(DataError, match=r"is a damaged image|is not an image"):
            image_decoding.decode(content[: int(len(content) * share)])


def png(width: int, height: int, packed: bytes) -> bytes:
    """Return a PNG file that declares this size and holds this data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize("side", [7_100, 20_000, 2**31 - 1])
def test_a_file_that_unpacks_to_gigabytes_is_refused(side: int) -> None:
    with pytest.raises(DataError, match=r"pixels, expected at most 50,000,000|damaged image"):
        image_decoding.decode(png(side, side, zlib.compress(bytes(1 << 20))))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty"),
        (b"no image", "is not an image in PNG, JPEG, BMP, GIF, TIFF or WebP format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
        (b"P5 2 2 255\n0000", "is not an image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged|is not an image"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, cause: str) -> None:
    with pytest.raises(DataError, match=cause):
        image_decoding.decode(content)


def test_what_might_never_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    sources = [str(tmp_path / "a.png"), "/dev/zero"]
    _, report = image_decoding.decoded(sources, image_decoding.Rules(None, "auto", "pad"))
    assert [text.rpartition(" is ")[2] for text in report.refused] == ["a special file", "a special file"]


def test_images_are_scaled_in_three_ways() -> None:
    wide = Image.new("L", (20, 10), 200)
    pad, crop, stretch = (np.asarray(image_decoding.resized(wide, (8, 8), how)) for how in ("pad", "crop", "stretch"))
    assert pad[:2].max() == pad[-2:].max() == 0
    assert pad[2:6].min() == crop.min() == stretch.min() == 200
    np.testing.assert_array_equal(np.asarray(image_decoding.resized(Image.fromarray(GREY), (8, 6), "crop")), GREY)
    sides = Image.fromarray(np.array([[0, 0, 100, 100, 0, 0]] * 2, np.uint8))
    assert np.asarray(image_decoding.resized(sides, (2, 2), "crop")).min() == 100


def test_images_in_memory_take_little_more_than_their_array() -> None:
    sources = [saved(Image.fromarray(np.full((256, 256), level, np.uint8)), "PNG") for level in range(64)]
    tracemalloc.start()
    try:
        found = image_decoding.in_memory(sources, image_decoding.Rules(None, "auto", "pad"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found[:, 0, 0, 0].tolist() == [*range(64)]
    assert peak < 1.5 * found.nbytes


def test_a_colour_among_grey_images_gives_all_of_them_three_channels() -> None:
    sources = [saved(Image.fromarray(pixels), "PNG") for pixels in (GREY, COLOUR, GREY)]
    found = image_decoding.in_memory(sources, image_decoding.Rules(None, "auto", "pad"))
    np.testing.assert_array_equal(found[1], COLOUR)
    np.testing.assert_array_equal(found[[0, 2]], np.stack([GREY[..., None].repeat(3, 2)] * 2))
