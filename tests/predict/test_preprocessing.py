"""What image files become before a network is asked about them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_sweep.data.files import image_decoding
from mnist_sweep.data.files.image_decoding import Rules
from mnist_sweep.errors import DataError
from mnist_sweep.predict import preprocessing
from mnist_sweep.predict.preprocessing import PreparedImage
from mnist_sweep.results.data_cards import DataCard
from tests.conftest import Refused

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)


def read(path: Path, shape: tuple[int, int, int], *, handwriting: bool = True) -> list[PreparedImage]:
    """Return the prepared images of a file; raise what stands in the place of one."""
    images = []
    for image in preprocessing.read(path, shape, DataCard(handwriting=handwriting)):
        if isinstance(image, DataError):
            raise image
        images.append(image)
    return images


def drawn(size: tuple[int, int], box: tuple[int, int, int, int], *, ink: int, paper: int) -> Image.Image:
    """Return a photo of a ring on paper, a little noisy as photos are."""
    image = Image.new("L", size, paper)
    ImageDraw.Draw(image).ellipse(box, outline=ink, width=12)
    noise = np.random.default_rng(0).integers(-6, 7, (size[1], size[0]))
    return Image.fromarray(np.clip(np.asarray(image, np.int64) + noise, 0, 255).astype(np.uint8))


def idx_file(path: Path, images: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Path:
    sizes = np.array([2051, *images.shape], ">u4").tobytes()
    path.write_bytes(sizes + images.tobytes())
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_photo_of_a_dark_digit_on_white_paper_becomes_one_of_mnists(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    drawn((400, 300), (40, 60, 140, 220), ink=40, paper=230).save(path)
    (picture,) = read(path, MNIST)
    image = picture.pixels[..., 0]
    rows, columns = np.flatnonzero(image.max(axis=1) > 0.2), np.flatnonzero(image.max(axis=0) > 0.2)
    assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) == pytest.approx((20, 13), abs=1)
    assert image[0].max() == image[:, 0].max() == 0
    centre = (image.sum(axis=1) @ np.arange(28) / image.sum(), image.sum(axis=0) @ np.arange(28) / image.sum())
    assert centre == pytest.approx((13.5, 13.5), abs=0.7)
    assert picture.preprocessing.startswith("inverted, since it was dark on light, a digit of ")
    assert "cut out of 400x300, scaled to " in picture.preprocessing


def test_a_photo_in_uneven_light_becomes_what_one_in_even_light_does(tmp_path: Path) -> None:
    even = drawn((400, 300), (40, 60, 140, 220), ink=40, paper=230)
    light = np.linspace(0.45, 1, 400) * np.linspace(0.9, 1, 300)[:, None]
    even.save(tmp_path / "even.jpg")
    Image.fromarray((np.asarray(even) * light).astype(np.uint8)).save(tmp_path / "uneven.jpg")
    (one,), (other,) = (read(tmp_path / name, MNIST) for name in ("even.jpg", "uneven.jpg"))
    np.testing.assert_allclose(other.pixels, one.pixels, atol=0.25)
    assert abs(other.pixels - one.pixels).mean() < 0.01


def test_a_light_digit_on_dark_is_not_inverted(tmp_path: Path) -> None:
    drawn((300, 300), (100, 100, 200, 200), ink=250, paper=20).save(tmp_path / "board.png")
    (picture,) = read(tmp_path / "board.png", MNIST)
    assert "inverted" not in picture.preprocessing
    assert picture.pixels.max() > 0.8


def test_an_image_as_the_network_knows_them_is_left_as_it_is(tmp_path: Path) -> None:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[5:20, 10:15] = 200
    Image.fromarray(pixels).save(tmp_path / "same.png")
    (picture,) = read(tmp_path / "same.png", MNIST)
    np.testing.assert_allclose(picture.pixels[..., 0], pixels / 255, rtol=1e-6)
    assert picture.preprocessing == ""
    Image.fromarray(255 - pixels).save(tmp_path / "negative.png")
    (inverted,) = read(tmp_path / "negative.png", MNIST)
    np.testing.assert_allclose(inverted.pixels, picture.pixels, rtol=1e-6)
    assert inverted.preprocessing == "inverted, since it was dark on light"


def test_every_image_of_an_idx_file_is_read_packed_or_not(tmp_path: Path) -> None:
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 3:9, 4:8] = np.array([50, 100, 150])[:, None, None]
    pictures = read(idx_file(tmp_path / "images-idx3-ubyte", images), MNIST)
    assert [picture.name for picture in pictures] == [f"{tmp_path}/images-idx3-ubyte[{number}]" for number in range(3)]
    np.testing.assert_allclose([picture.pixels[..., 0] for picture in pictures], images / 255, rtol=1e-6)


def test_pixels_are_scaled_as_the_data_declare(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (28, 28))
    expected = grey[..., None].astype(np.float32) / 255
    card = DataCard(pixel_range=(0, 4080))
    Image.fromarray((grey * 16).astype(np.uint16)).save(tmp_path / "wide.png")
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "grey.png")
    for name in ("wide.png", "grey.png"):
        (found,) = preprocessing.read(tmp_path / name, MNIST, card)
        assert isinstance(found, PreparedImage)
        np.testing.assert_allclose(found.pixels, expected, rtol=1e-6)
        assert found.preprocessing == ""
    (refused,) = preprocessing.read(tmp_path / "wide.png", MNIST, DataCard(pixel_range=(0, 1000)))
    assert "wide.png has pixels from 0 to 4080, expected 0 to 1000: scale them." in str(refused)
    (dark,) = preprocessing.read(tmp_path / "wide.png", MNIST, DataCard())
    assert isinstance(dark, PreparedImage)
    assert dark.preprocessing == "dark: the largest pixel is 16 of 255"


@pytest.mark.parametrize("handwriting", [False, True])
def test_levels_of_the_data_themselves_become_full_ones(tmp_path: Path, handwriting: bool) -> None:
    levels = np.zeros((2, 8, 8), np.uint8)
    levels[:, 2:6, 3:5] = np.array([16, 4])[:, None, None]
    Image.fromarray(levels[0]).save(tmp_path / "digit.png")
    card = DataCard(pixel_range=(0, 16), handwriting=handwriting)
    found = [
        image
        for path in (tmp_path / "digit.png", idx_file(tmp_path / "digits", levels))
        for image in preprocessing.read(path, (8, 8, 1), card)
        if isinstance(image, PreparedImage)
    ]
    np.testing.assert_allclose([image.pixels[..., 0] for image in found], levels[[0, 0, 1]] / 16, atol=0.002)
    assert found[0].preprocessing == "levels up to 16 scaled to 255, since the data have these"


def in_modes() -> dict[str, Image.Image]:
    """Return one picture of a grey ring on white in every mode that a file may have, and its name."""
    grey = drawn((120, 90), (30, 20, 80, 70), ink=40, paper=255)
    wide, clear = np.asarray(grey).astype(np.uint16) * 257, Image.new("L", grey.size, 255)
    paper = Image.merge("LA", [Image.new("L", grey.size, 0), Image.eval(grey, lambda value: 255 - value)])
    coloured = Image.merge("RGBA", [*[grey] * 3, clear])
    return {
        "grey.png": grey,
        "wide.png": Image.fromarray(wide),
        "colour.png": grey.convert("RGB"),
        "palette.png": grey.convert("P"),
        "clear.png": paper,
        "colour and clear.png": coloured,
        "cmyk.jpg": grey.convert("RGB").convert("CMYK"),
    }


@pytest.mark.parametrize("shape", [MNIST, CIFAR])
@pytest.mark.parametrize("name", in_modes())
def test_a_picture_is_the_same_in_every_mode(tmp_path: Path, name: str, shape: tuple[int, int, int]) -> None:
    for one in (name, "grey.png"):
        in_modes()[one].save(tmp_path / one, quality=100)
    (picture,), (grey,) = read(tmp_path / name, shape), read(tmp_path / "grey.png", shape)
    np.testing.assert_allclose(picture.pixels, grey.pixels, atol=0.02 if name.endswith("jpg") else 1e-6)
    assert picture.preprocessing == grey.preprocessing


@pytest.mark.parametrize(("ink", "is_coloured"), [((40, 45, 70), True), ((41, 40, 39), False)])
@pytest.mark.parametrize("quality", [50, 75, 95])
def test_the_tint_of_a_scan_is_no_colour_and_coloured_ink_is(
    tmp_path: Path, ink: tuple[int, int, int], is_coloured: bool, quality: int
) -> None:
    scan = Image.new("RGB", (96, 96), (247, 240, 233))  # by 3% too warm
    ImageDraw.Draw(scan).ellipse((20, 20, 70, 70), outline=ink, width=8)
    noisy = np.asarray(scan) + np.random.default_rng(0).normal(0, 2, (96, 96, 3))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.jpg", quality=quality)
    (found,) = read(tmp_path / "a.jpg", (96, 96, 1), handwriting=False)
    assert found.preprocessing == "converted to greyscale" * is_coloured


def test_a_picture_whose_colours_are_lost_says_so(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (250, 120, 0)).save(tmp_path / "a.jpg")
    for shape, before in (((32, 32, 1), "converted to greyscale, "), (CIFAR, "")):
        (picture,) = read(tmp_path / "a.jpg", shape, handwriting=False)
        assert picture.preprocessing == f"{before}scaled from 64x64 to 32x32"


@pytest.mark.parametrize("shape", [CIFAR, (32, 32, 1)])
def test_a_picture_of_anything_but_handwriting_is_scaled_and_nothing_else(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    pixels = np.full((64, 64, 3), 250, np.uint8)
    pixels[:, 32:] = 130
    Image.fromarray(pixels).save(tmp_path / "large.png")
    (picture,) = read(tmp_path / "large.png", shape, handwriting=False)
    assert picture.preprocessing == "scaled from 64x64 to 32x32"
    sides = np.broadcast_to(np.array([[[250], [130]]]) / 255, (32, 2, shape[2]))
    np.testing.assert_allclose(picture.pixels[:, [0, 31]], sides, atol=0.01)
    Image.fromarray(pixels[:32, 16:48]).save(tmp_path / "same.png")
    (same,) = read(tmp_path / "same.png", shape, handwriting=False)
    assert same.preprocessing == ""
    np.testing.assert_allclose(same.pixels[:, [0, 31]], picture.pixels[:, [0, 31]], atol=0.01)
    Image.fromarray(pixels[:32]).save(tmp_path / "wide.png")
    assert read(tmp_path / "wide.png", shape, handwriting=False)[0].preprocessing == (
        "scaled from 64x32 to 32x32, which changes its proportions"
    )


def test_an_empty_page_among_others_is_refused_alone(tmp_path: Path) -> None:
    images = np.zeros((3, 60, 60), np.uint8)
    images[::2, 10:50, 20:30] = 200
    one, blank, other = preprocessing.read(idx_file(tmp_path / "pages", images), MNIST, DataCard(handwriting=True))
    assert isinstance(one, PreparedImage)
    assert isinstance(other, PreparedImage)
    assert isinstance(blank, DataError)
    assert str(blank) == f"{tmp_path}/pages[1] shows nothing that stands out from its background."


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.png", b"", "is empty"),
        ("text.png", b"no image at all", "is not an image in PNG, JPEG, BMP, GIF, TIFF or WebP format"),
        ("labels", bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]), "is not an image"),
        ("short", bytes([0, 0, 8, 3, 0, 0, 0, 9]), "is cut off"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, refused: Refused, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with refused(DataError, str(tmp_path / name), says):
        read(tmp_path / name, MNIST)


def test_a_missing_file_and_a_blank_page_are_refused(tmp_path: Path, refused: Refused) -> None:
    with refused(DataError, "none.png", "cannot be read"):
        read(tmp_path / "none.png", MNIST)
    Image.new("L", (100, 100), 255).save(tmp_path / "blank.png")
    with refused(DataError, "blank.png shows nothing that stands out"):
        read(tmp_path / "blank.png", MNIST)
    noise = np.random.default_rng(0).normal(0, 8, (300, 400)) + np.linspace(100, 200, 400)
    Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "noise.jpg")
    with refused(DataError, "noise.jpg shows nothing that stands out"):
        read(tmp_path / "noise.jpg", MNIST)


def test_a_picture_for_a_network_of_other_channels_is_refused(tmp_path: Path, refused: Refused) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    with refused(DataError, "photo.png", "1 or 3 channels", "trained on 4"):
        read(tmp_path / "photo.png", (8, 8, 4))


def test_an_image_is_scaled_as_those_that_the_network_was_trained_on(tmp_path: Path) -> None:
    Image.new("L", (20, 10), 200).save(tmp_path / "wide.png")
    says = {"pad": " between black bars", "crop": ", cut at its edges", "stretch": ", which changes its proportions"}
    for how, words in says.items():
        card = DataCard(resize=how)  # type: ignore[arg-type]  # one of the three
        (image,) = preprocessing.read(tmp_path / "wide.png", (8, 8, 1), card)
        assert isinstance(image, PreparedImage)
        assert image.preprocessing == f"scaled from 20x10 to 8x8{words}"
        assert bool(image.pixels.min() > 0) is (how != "pad")


@pytest.mark.parametrize("color", ["grayscale", "rgb"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_scaled_image_has_the_bits_of_a_training_image(tmp_path: Path, mode: str, color: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (10, 20, 3)).astype(np.uint8)
    Image.fromarray(noise).convert(mode).save(tmp_path / "noise.png")
    trained = image_decoding.image_of((tmp_path / "noise.png").read_bytes(), Rules((8, 8), color, DataCard().resize))
    (image,) = read(tmp_path / "noise.png", trained.shape, handwriting=False)
    np.testing.assert_array_equal(image.pixels, trained / np.float32(255))
