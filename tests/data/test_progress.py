"""Progress: a bar in a terminal, one line elsewhere, both on standard error."""

import sys

import pytest

from mnist_sweep.data.progress import progress


@pytest.mark.parametrize(("is_bytes", "shown"), [(False, "500/500"), (True, "500/500 bytes")])
def test_progress_in_a_terminal_is_a_bar(
    is_bytes: bool, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("loading", "label", 500, is_bytes=is_bytes) as advance:
        advance(200)
        advance(300)
    out, err = capsys.readouterr()
    assert (out, shown in err, "label" in err) == ("", True, True)


def test_progress_elsewhere_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    with progress("loading [all] of the images there are", "label", 500) as advance:
        advance(200)
    assert capsys.readouterr() == ("", "loading [all] of the images there are\n")
