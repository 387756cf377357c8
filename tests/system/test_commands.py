"""Laws of other programs' output: the text, or None whatever goes wrong."""

import sys
from pathlib import Path

import pytest

from mnist_sweep.system.commands import output


def test_output_is_what_the_program_prints() -> None:
    assert output(sys.executable, "-c", "import sys; print(*sys.argv[1:])", "a b", "$HOME") == "a b $HOME\n"


def test_program_is_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "greet"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert output("greet") == "hello\n"
    assert output("greet-nobody") is None


@pytest.mark.parametrize(
    "code", ["raise SystemExit(3)", r"import os; os.write(1, b'\xff')", "import time; time.sleep(60)"]
)
def test_program_that_fails_prints_no_text_or_does_not_end_has_no_output(code: str) -> None:
    assert output(sys.executable, "-c", code, timeout=1) is None
