"""Laws of decoding jobs: images at their places in the file, and everything that is wrong in the report."""

from pathlib import Path

import numpy as np
import pytest

from mnist_sweep.data.files import decoding_jobs
from mnist_sweep.data.files.decoding import Report, Rules
from mnist_sweep.data.files.decoding_jobs import Job
from mnist_sweep.errors import DataError
from mnist_sweep.training.fitting import consume
from tests.data.files.conftest import Refused, png

RULES = Rules(None, "auto", "pad")
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOURED = np.stack([GREY, GREY + 1, GREY + 2], axis=2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "images").write_bytes(b"\xff" * 12 * 4)
    return tmp_path / "images"


def run(job: Job) -> Report:
    return consume(decoding_jobs.run(job), lambda _: None)


def test_images_are_written_at_their_places(file: Path) -> None:
    report = run(Job(str(file), 1, [png(GREY), png(GREY + 1)], RULES, (3, 4, 1)))
    assert file.read_bytes() == b"\xff" * 12 + GREY.tobytes() + (GREY + 1).tobytes() + b"\xff" * 12
    assert (report.sizes, report.channels, report.refused) == ({(3, 4): 2}, 1, [])
    assert report.fits((3, 4, 1))


def test_grey_images_among_coloured_ones_have_three_channels(tmp_path: Path) -> None:
    (tmp_path / "images").touch()
    report = run(Job(str(tmp_path / "images"), 0, [png(GREY), png(COLOURED)], RULES, (3, 4, 3)))
    found = np.frombuffer((tmp_path / "images").read_bytes(), np.uint8).reshape(2, 3, 4, 3)
    np.testing.assert_array_equal(found, [np.repeat(GREY[..., None], 3, axis=2), COLOURED])
    assert report.channels == 3


def test_what_does_not_fit_is_reported_and_left_out(file: Path, tmp_path: Path) -> None:
    sources: list[str | bytes] = [png(COLOURED), png(GREY[:2]), b"", str(tmp_path / "gone.png")]
    report = run(Job(str(file), 0, sources, RULES, (3, 4, 1)))
    assert file.read_bytes() == bytes(48)
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
