"""What tests of the command line share: a working folder with a script, the command in this process, what is shown."""

import io
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mnist_sweep.cli import app
from mnist_sweep.system.signals import SIGNALS

HEAD = """\
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
"""


GOOD = HEAD + "SWEEP = Sweep(name='good', trials=grid(BASE, {'seed': [0, 1]}))\n"


Run = Callable[..., tuple[int, str, str]]
Refuses = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a good script in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text(GOOD)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command line in this process: its exit status, standard output and standard error."""
    handlers, before = {number: signal.getsignal(number) for number in SIGNALS}, set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def main(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mnist-sweep", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield main
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "SWEEP", None) or name.endswith("_bad"):
            del sys.modules[name]


@pytest.fixture
def refuses(folder: Path, run: Run) -> Refuses:
    """These arguments must end in status 2 and one line, which holds all parts, and change nothing in the folder."""

    def refuses(arguments: Sequence[str], *parts: str) -> None:
        before = content(folder)
        status, out, err = run(*arguments)
        assert (status, out, err.count("\n"), err[:7]) == (2, "", 1, "error: "), err
        assert [part for part in parts if part not in err] == [], err
        assert content(folder) == before

    return refuses


def content(folder: Path) -> dict[str, bytes | None]:
    paths = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def shown(show: Callable[[Any, Console], None], value: Any, width: int = 120) -> str:
    """Return what a view shows of a value in a terminal of this width."""
    out = io.StringIO()
    show(value, Console(file=out, width=width))
    return out.getvalue()
