"""Laws of standard output: names cannot control a terminal, and what cannot be written ends no run."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from mnist_sweep.cli.streams import echo, has_reader, tolerant_streams

CODE = """
import sys
from mnist_sweep.cli.streams import tolerant_streams
lost = []
with tolerant_streams(lost.append):
    for number in range(3):
        print("line", number, "\\udc80é", flush=True)
        print("to standard error", file=sys.stderr)
print([error.strerror for error in lost], file=sys.stderr)
"""


def answer(stdout: int | IO[bytes]) -> "subprocess.CompletedProcess[bytes]":
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [sys.executable, "-P", "-c", CODE], stdout=stdout, stderr=subprocess.PIPE, env=env, check=True
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_loses_the_output_is_told_once_and_ends_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        assert answer(full).stderr.decode().splitlines() == ["to standard error"] * 3 + ["['No space left on device']"]


def test_a_closed_pipe_loses_the_output_and_ends_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert answer(writer).stderr.decode().splitlines()[-1] == "['Broken pipe']"
    finally:
        os.close(writer)


def test_a_pipe_whose_reader_has_ended_has_none_and_every_other_stream_has_one(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe, (tmp_path / "file").open("w") as file:
        assert [has_reader(stream) for stream in (pipe, file, io.StringIO())] == [True] * 3
        os.close(reader)
        assert not has_reader(pipe)


def test_what_an_encoding_lacks_is_written_as_an_escape() -> None:
    ended = answer(subprocess.PIPE)
    assert ended.stdout.decode().splitlines() == [f"line {number} \\udc80\\xe9" for number in range(3)]
    assert ended.stderr.decode().splitlines()[-1] == "[]"


def test_streams_come_back_and_those_without_a_file_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with tolerant_streams(lambda _: None):
        assert sys.stdout is out
    monkeypatch.setattr(sys, "stdout", None)  # closed by the shell
    with tolerant_streams(lambda _: None):
        echo("nobody reads this")
    assert sys.stdout is None


@pytest.mark.parametrize("char", ["\x1b", "\x9b", "\u202e", "\u2066", "\r", "\0", "\udc80"])
def test_what_does_not_print_is_echoed_as_an_escape(capsys: pytest.CaptureFixture[str], char: str) -> None:
    echo(Path(f"a{char}b"))
    assert capsys.readouterr().out == f"a{ascii(char)[1:-1]}b\n"


def test_no_file_of_a_program_gets_the_descriptor_of_a_stream_that_is_closed() -> None:
    code = """
import os, subprocess, sys
from mnist_sweep.cli.streams import tolerant_streams
with tolerant_streams(print):
    sys.exit(9 if min(os.pipe()) > 2 and subprocess.run(["sh", "-c", "echo; echo >&2"]).returncode == 0 else 1)
"""
    closed = 'exec <&- >&- 2>&-; exec "$@"'
    assert subprocess.run(["sh", "-c", closed, "sh", sys.executable, "-P", "-c", code], check=False).returncode == 9
