"""What comes out of an archive, and what is refused in one."""

import contextlib
import hashlib
import io
import random
import tarfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import pytest

from mnist_sweep.data import archive as archives
from mnist_sweep.data import download
from mnist_sweep.errors import DataError, DownloadError

Refused = Callable[..., AbstractContextManager[None]]
CONTENT = b"records"
WANTED = {"a.bin": hashlib.sha256(CONTENT).hexdigest()}
GOOD: list[tuple[str, bytes | None]] = [("batches/", b""), ("batches/readme.html", b"x"), ("batches/a.bin", CONTENT)]


def pack(path: Path, *members: tuple[str, bytes | None], mode: Literal["w", "w:gz", "w:bz2", "w:xz"] = "w:gz") -> Path:
    """Write an archive of files; a content of None is a link to /etc/passwd."""
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content or b""))
    return path


def extract(archive: Path, folder: Path, wanted: Mapping[str, str]) -> None:
    archives.extract(archive, folder, wanted, create=download.replacing)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_wanted_files_come_out_by_name_and_no_other(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar.gz", ("batches/readme.html", b"x"), ("batches/a.bin", CONTENT))
    extract(archive, tmp_path / "out", WANTED)
    assert everything_in(tmp_path / "out") == ["a.bin"]
    assert (tmp_path / "out" / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("../a.bin", CONTENT)], "'../a.bin', a path that leaves its folder"),
        ([("x/../../a.bin", CONTENT)], "a path that leaves its folder"),
        ([("/a.bin", CONTENT)], "'/a.bin', a path that leaves its folder"),
        ([("a.bin", None)], "'a.bin', which is neither a file nor a folder"),
        ([("batches/b.bin", CONTENT)], "lacks a.bin"),
        ([("batches/a.bin", b"other")], "a.bin of SHA-256"),
        ([*GOOD, ("../b.bin", CONTENT)], "'../b.bin', a path that leaves its folder"),
        ([*GOOD, ("c.bin", None)], "'c.bin', which is neither a file nor a folder"),
        ([*GOOD, ("b.bin", b"other")], "b.bin of SHA-256"),
        (GOOD, "lacks b.bin"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    tmp_path: Path, refused: Refused, members: list[tuple[str, bytes | None]], says: str
) -> None:
    archive = pack(tmp_path / "x.tar.gz", *members)
    with refused(DataError, str(archive), says):
        extract(archive, tmp_path / "deep" / "out", dict.fromkeys(("a.bin", "b.bin"), WANTED["a.bin"]))
    assert everything_in(tmp_path) == ["x.tar.gz"]


def test_an_archive_that_is_cut_off_after_a_good_file_changes_nothing(tmp_path: Path, refused: Refused) -> None:
    archive = pack(tmp_path / "x.tar", *GOOD, ("b.bin", CONTENT * 1000), mode="w")
    archive.write_bytes(archive.read_bytes()[:4000])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.bin").write_bytes(b"old")
    with refused(DataError, str(archive), "damaged archive"):
        extract(archive, tmp_path / "out", WANTED | {"b.bin": ""})
    assert everything_in(tmp_path) == ["out", "out/a.bin", "x.tar"]
    assert (tmp_path / "out" / "a.bin").read_bytes() == b"old"


def test_a_folder_that_cannot_be_written_is_not_the_fault_of_the_archive(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "out").touch()
    with refused(DownloadError, "a.bin cannot be written"):
        extract(pack(tmp_path / "x.tar.gz", *GOOD), tmp_path / "out", WANTED)


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:40], lambda content: b"x" * 600])
def test_a_damaged_archive_is_said_to_be_one(
    tmp_path: Path, refused: Refused, damage: Callable[[bytes], bytes]
) -> None:
    archive = pack(tmp_path / "x.tar.gz", ("batches/a.bin", CONTENT * 1000))
    archive.write_bytes(damage(archive.read_bytes()))
    with refused(DataError, str(archive), "damaged archive"):
        extract(archive, tmp_path / "out", WANTED)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_any_damage_to_an_archive_of_any_kind_is_a_data_error(
    tmp_path: Path, mode: Literal["w", "w:gz", "w:bz2", "w:xz"]
) -> None:
    draw = random.Random(0)
    records = draw.randbytes(500) * 50
    wanted = {"a.bin": hashlib.sha256(records).hexdigest()}
    archive = pack(tmp_path / "x.tar", ("batches/a.bin", records), ("batches/readme.html", records[:700]), mode=mode)
    whole = archive.read_bytes()
    for number in range(100):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole) if number % 2 else 600)] ^= draw.randrange(1, 256)
        archive.write_bytes(damaged[: draw.randrange(len(whole))] if number % 4 == 0 else damaged)
        with contextlib.suppress(DataError):
            extract(archive, tmp_path / "out", wanted)
            assert (tmp_path / "out" / "a.bin").read_bytes() == records


def test_a_missing_archive_is_an_error_of_one_line(tmp_path: Path, refused: Refused) -> None:
    with refused(DataError, "x.tar.gz"):
        extract(tmp_path / "x.tar.gz", tmp_path / "out", WANTED)


def test_a_name_of_the_archive_does_not_break_the_line(tmp_path: Path, refused: Refused) -> None:
    archive = pack(tmp_path / "x.tar", ("a\nb\x1d\x1b[1m/a.bin", b"other"), mode="w")
    with refused(DataError, f"{archive} holds a.bin of SHA-256"):
        extract(archive, tmp_path / "out", WANTED)


@pytest.mark.parametrize(("form", "size"), [(tarfile.GNU_FORMAT, -512), (tarfile.PAX_FORMAT, -1536)])
def test_a_negative_size_is_refused_and_does_not_lead_back_for_ever(
    tmp_path: Path, refused: Refused, form: Literal[1, 2], size: int
) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", format=form) as archive:
        archive.addfile(tarfile.TarInfo("readme.html"))
        member = tarfile.TarInfo("b.bin")
        member.size = size
        assert archive.fileobj is not None
        header = member.tobuf(form)
        archive.fileobj.write(header)  # addfile refuses such a size from Python 3.13 on
        archive.offset += len(header)
    with refused(DataError, f"{tmp_path / 'x.tar'} holds 'b.bin' of {size:,} bytes"):
        extract(tmp_path / "x.tar", tmp_path / "out", WANTED)
