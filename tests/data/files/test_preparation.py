"""Laws of the preparation: once for each state of the files, whatever ends it, and the same as in memory."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from mnist_sweep import ImageFolder, Parquet
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.files import preparation
from mnist_sweep.data.files.image_cache import ImageCache
from mnist_sweep.data.files.image_decoding import Report, Rules
from mnist_sweep.data.files.preparation import Job, prepared, run
from mnist_sweep.data.mapped_images import MappedImages
from mnist_sweep.errors import DataError
from tests.conftest import Refused
from tests.data.files.conftest import names, png

RULES = Rules(None, "auto", "pad")
NUMBER = 300
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOURED = np.stack([GREY, GREY + 1, GREY + 2], axis=2)
PIXELS = np.arange(NUMBER, dtype=np.uint16)[:, None, None].repeat(4, 1).repeat(5, 2) % 251


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(preparation, "MAX_PROCESSES", 1)


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Return the paths of 300 grey images, each with one level of its own."""
    (tmp_path / "images").mkdir()
    paths = [tmp_path / "images" / f"{number}.png" for number in range(NUMBER)]
    for path, pixels in zip(paths, PIXELS.astype(np.uint8), strict=True):
        path.write_bytes(png(pixels))
    return [*map(str, paths)]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Make jobs small, and return those that have run, apart from the one that looks for the shape."""
    found: list[Job] = []
    run = preparation._Decoders.run

    def running(self: Any, jobs: Sequence[Job]) -> Iterator[Report]:
        found.extend(job for job in jobs if job.path)
        return run(self, jobs)

    monkeypatch.setattr(preparation, "MAX_PER_JOB", 50)
    monkeypatch.setattr(preparation._Decoders, "run", running)
    return found


def unfinished(tmp_path: Path) -> list[str]:
    return names(tmp_path / "cache" / "mnist_sweep" / "decoded" / "unfinished")


def test_many_images_are_mapped_and_prepared_once(images: list[str], jobs: list[Job], capfd: Any) -> None:
    found = prepared(images, RULES)
    assert isinstance(found, MappedImages)
    np.testing.assert_array_equal(found, PIXELS[..., None])
    assert len(jobs) == 6
    assert capfd.readouterr().err.startswith("preparing 300 images, once: they are kept in ")
    np.testing.assert_array_equal(prepared(images, RULES), found)
    assert (len(jobs), capfd.readouterr().err) == (6, "")


def test_few_images_are_the_same_in_memory(images: list[str], tmp_path: Path) -> None:
    few = prepared(images[:60], RULES)
    assert type(few) is np.ndarray
    np.testing.assert_array_equal(few, prepared(images, RULES)[:60])
    contents = [Path(path).read_bytes() for path in images]
    np.testing.assert_array_equal(prepared(contents, RULES), PIXELS[..., None])


def test_a_moved_folder_is_not_prepared_again(images: list[str], jobs: list[Job], tmp_path: Path) -> None:
    prepared(images, RULES)
    (tmp_path / "images").rename(tmp_path / "moved")
    prepared([path.replace("/images/", "/moved/") for path in images], RULES)
    assert len(jobs) == 6


def test_other_rules_orders_and_files_are_prepared_anew(images: list[str], jobs: list[Job]) -> None:
    first = prepared(images, RULES)
    others = [
        (images, RULES._replace(size=(8, 8))),
        (images, RULES._replace(color="rgb")),
        (images[::-1], RULES),
        (images[:-1], RULES),
    ]
    for number, (sources, rules) in enumerate(others, 2):
        found = prepared(sources, rules)
        assert (len(jobs), found.tobytes() == first.tobytes()) == (6 * number, False)


def edited(path: Path) -> None:
    """Edit a file in its place; its size and time of modification stay."""
    before = path.stat()
    content = png(np.full((4, 5), 99, np.uint8))
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    edited_copy = path.with_name("copy")
    shutil.copy2(path, edited_copy)
    edited(edited_copy)
    edited_copy.rename(path)


@pytest.mark.parametrize("change", [edited, replaced])
def test_a_file_of_the_same_size_and_time_is_seen_as_changed(change: Any, images: list[str], jobs: list[Job]) -> None:
    assert int(prepared(images, RULES)[7].max()) == 7
    time.sleep(0.02)  # longer than a tick of the file system's clock
    change(Path(images[7]))
    assert int(prepared(images, RULES)[7].max()) == 99
    assert len(jobs) == 12


def test_a_colour_that_is_found_late_gives_all_images_three_channels(images: list[str]) -> None:
    Image.new("RGB", (5, 4), "red").save(images[298])
    found = prepared(images, RULES)
    assert found.shape == (NUMBER, 4, 5, 3)
    assert found[298, 0, 0].tolist() == [255, 0, 0]
    assert found[7, 0, 0].tolist() == [7, 7, 7]


@pytest.fixture
def interrupted(images: list[str], jobs: list[Job]) -> None:
    """Interrupt a preparation after its first job; forget what jobs have run."""
    with mock.patch.object(Report, "add", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        prepared(images, RULES)
    jobs.clear()


@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_preparation_resumes(images: list[str], jobs: list[Job], tmp_path: Path) -> None:
    name, journal = unfinished(tmp_path)
    assert journal == f"{name}.done"
    place = tmp_path / "cache" / "mnist_sweep" / "decoded" / "unfinished"
    lines = (place / journal).read_text().splitlines()
    assert len(lines) == 2
    np.testing.assert_array_equal(prepared(images, RULES), PIXELS[..., None])
    assert [job.first for job in jobs] == [50, 100, 150, 200, 250]
    assert unfinished(tmp_path) == []


DAMAGE: dict[str, Any] = {
    "other bytes": lambda file, journal: file.write_bytes(bytes(NUMBER * 20)),
    "cut": lambda file, journal: os.truncate(file, 100),
    "empty journal": lambda file, journal: journal.write_bytes(b""),
    "journal of another shape": lambda file, journal: journal.write_text("(1, 1, 1) 50\n0 " + "0" * 64),
    "journal of nonsense": lambda file, journal: journal.write_text("(4, 5, 1) 50\n? ?\n0\n\n0 zero\n1e9 " + "0" * 64),
    "journal that is binary": lambda file, journal: journal.write_bytes(b"\xff\xfe\0"),
    "journal that is gone": lambda file, journal: journal.unlink(),
}


SLOW = ("cut", "empty journal", "journal of another shape", "journal that is gone")


@pytest.mark.parametrize("case", [pytest.param(one, marks=[pytest.mark.slow] * (one in SLOW)) for one in DAMAGE])
@pytest.mark.usefixtures("interrupted")
def test_what_was_left_damaged_is_decoded_again(case: str, images: list[str], jobs: list[Job], tmp_path: Path) -> None:
    file, journal = (
        tmp_path / "cache" / "mnist_sweep" / "decoded" / "unfinished" / name for name in unfinished(tmp_path)
    )
    DAMAGE[case](file, journal)
    np.testing.assert_array_equal(prepared(images, RULES), PIXELS[..., None])
    assert len(jobs) == 6


class Crash(bytes):
    """An image that kills the process that decodes it, as a fault in Pillow does."""

    def __reduce__(self) -> Any:
        return os.abort, ()


def test_an_image_that_crashes_the_decoder_is_named(images: list[str], tmp_path: Path, refused: Refused) -> None:
    sources: list[Any] = [Path(path).read_bytes() for path in images[:70]]
    sources[33] = Crash(b"crash")
    says = "1 of 70 images cannot be used: image 33 cannot be decoded: its process was killed by SIGABRT"
    with refused(DataError, says):
        prepared(sources, RULES)
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Path.unlink, ["1 of 300 images cannot be used: ", "/5.png cannot be read (No such file or directory)"]),
        (lambda path: os.truncate(path, 50), ["1 of 300 images cannot be used: ", "/5.png is a damaged image"]),
        (
            lambda path: path.write_bytes(png(np.zeros((9, 9), np.uint8))),
            ["images differ in size (4x5 in 299, 9x9 in 1)"],
        ),
    ],
)
def test_a_file_that_changes_before_it_is_decoded_is_reported(
    change: Any, says: list[str], images: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    probe = ImageCache.reserve

    def reserve(*arguments: Any) -> None:
        change(Path(images[5]))
        probe(*arguments)

    monkeypatch.setattr(ImageCache, "reserve", reserve)
    with refused(DataError, *says):
        prepared(images, RULES)
    assert unfinished(tmp_path) == []


def test_a_file_that_changes_while_others_are_decoded_ends_the_preparation(
    images: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    check = Report.check

    def checked(*arguments: Any) -> None:
        check(*arguments)
        edited(Path(images[5]))

    time.sleep(0.02)
    monkeypatch.setattr(Report, "check", checked)
    with refused(DataError, "image files have changed while they were read: run the same command again."):
        prepared(images, RULES)
    assert unfinished(tmp_path) == []


def test_a_folder_and_its_parquet_files_give_mapped_splits(written: dict[str, Path], in_memory: Dataset) -> None:
    for source in (ImageFolder(written["image_folder"]), Parquet(written["parquet"])):
        loaded = loading.load(source)
        assert all(isinstance(split.images, MappedImages) for split in loaded.splits.values())
        assert loaded.digest() == in_memory.digest()


def test_a_cache_that_cannot_be_written_is_an_error_of_the_data(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNIST_SWEEP_CACHE", str(tmp_path / "file"))
    with refused(DataError, f"{folder}: the cache {tmp_path}/file cannot be", "another folder with MNIST_SWEEP_CACHE"):
        loading.load(ImageFolder(folder))


@pytest.mark.slow
def test_a_killed_run_resumes_and_two_at_once_prepare_once(folder: Path, in_memory: Dataset, tmp_path: Path) -> None:
    code = "from mnist_sweep import ImageFolder\nfrom mnist_sweep.data.loading import load\n"
    code += f"print(load(ImageFolder({str(folder)!r}, image_size=600)).digest())"
    command = [sys.executable, "-c", code]
    place = tmp_path / "cache" / "mnist_sweep" / "decoded"
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not [*place.glob("unfinished/*.done")]:
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate() for process in both]
    assert printed[0][0] == printed[1][0] == f"{ImageFolder(folder, image_size=600).load().digest()}\n"
    assert sum("waiting for another run" in err for _, err in printed) <= 1
    assert len(names(place / "images")) == 1
    assert unfinished(tmp_path) == []


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "images").write_bytes(b"\xff" * 12 * 4)
    return tmp_path / "images"


def test_images_are_written_at_their_places(place: Path) -> None:
    report = run(Job(str(place), 1, [png(GREY), png(GREY + 1)], RULES, (3, 4, 1)))
    assert place.read_bytes() == b"\xff" * 12 + GREY.tobytes() + (GREY + 1).tobytes() + b"\xff" * 12
    assert (report.sizes, report.channels, report.refused) == ({(3, 4): 2}, 1, [])
    assert report.fits((3, 4, 1))


def test_grey_images_among_coloured_ones_have_three_channels(tmp_path: Path) -> None:
    (tmp_path / "images").touch()
    report = run(Job(str(tmp_path / "images"), 0, [png(GREY), png(COLOURED)], RULES, (3, 4, 3)))
    found = np.frombuffer((tmp_path / "images").read_bytes(), np.uint8).reshape(2, 3, 4, 3)
    np.testing.assert_array_equal(found, [np.repeat(GREY[..., None], 3, axis=2), COLOURED])
    assert report.channels == 3


def test_what_does_not_fit_is_reported_and_left_out(place: Path, tmp_path: Path) -> None:
    sources: list[str | bytes] = [png(COLOURED), png(GREY[:2]), b"", str(tmp_path / "gone.png")]
    report = run(Job(str(place), 0, sources, RULES, (3, 4, 1)))
    assert place.read_bytes() == bytes(48)
    assert (report.sizes, report.channels) == ({(3, 4): 1, (2, 4): 1}, 3)
    assert report.refused == ["image 2 is empty", f"{tmp_path}/gone.png cannot be read (No such file or directory)"]
    assert not report.fits((3, 4, 3))


def test_images_may_be_looked_at_only() -> None:
    assert run(Job("", 0, [png(COLOURED)], RULES, (1, 1, 1))).shape() == (3, 4, 3)


def test_reports_are_added() -> None:
    total = Report()
    for sources in ([png(GREY)] * 3, [png(COLOURED[:2])], [b""]):
        total.add(run(Job("", 0, sources, RULES, (1, 1, 1))))
    assert (total.shape(), total.refused) == ((3, 4, 3), ["image 0 is empty"])


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (Report(refused=["a"]), "1 of 9 images cannot be used: a. Repair or remove them."),
        (Report(refused=[*"abcdefg"]), "7 of 9 images cannot be used: a; b; c; d; e; 2 more."),
        (Report(refused=["a\n\x1b[2Jb"]), "cannot be used: a"),
    ],
)
def test_refused_images_are_an_error_of_one_line(report: Report, says: str, refused: Refused) -> None:
    with refused(DataError, says):
        report.check(9)


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, refused: Refused) -> None:
    with refused(DataError, f"{tmp_path}/gone cannot be written (No such file or directory)"):
        run(Job(str(tmp_path / "gone"), 0, [png(GREY)], RULES, (3, 4, 1)))
