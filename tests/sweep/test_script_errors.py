"""Laws of mistakes in a script: one line, its own line first."""

from pathlib import Path

import pytest

from mnist_sweep.errors import ConfigError, ScriptError
from mnist_sweep.sweep.script_errors import is_sweep_script, located
from mnist_sweep.validation import require


def error_of(script: Path, text: str) -> BaseException:
    script.write_text(text)
    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- whichever the text raises
        exec(compile(text, str(script), "exec"), {"require": require, "__package__": ""})
    return caught.value


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("\n1 / 0", ScriptError, "mine.py:2: ZeroDivisionError: division by zero"),
        ("def f():\n    1 / 0\nf()", ScriptError, "mine.py:2: ZeroDivisionError: division by zero"),
        ("require(False, 'x', x=1)", ConfigError, "mine.py:1: `x` must hold, but got x=1."),
        ("raise SystemExit('no GPU')", ScriptError, "mine.py:1: SystemExit: no GPU"),
        ("raise ValueError('a\\n b')", ScriptError, "mine.py:1: ValueError: a b"),
        ("from .a import b", ScriptError, "with no known parent package: run it with `mnist-sweep run`"),
    ],
)
def test_a_mistake_is_one_line_that_begins_with_the_scripts_line(
    tmp_path: Path, text: str, kind: type[Exception], message: str
) -> None:
    error = located(error_of(tmp_path / "mine.py", text), tmp_path / "mine.py")
    assert type(error) is kind
    assert str(error).startswith(str(tmp_path / "mine.py"))
    assert message in str(error)
    assert "\n" not in str(error)


def test_a_mistake_in_another_module_of_the_users_ends_with_its_line(tmp_path: Path) -> None:
    text = f"exec(compile('\\n\\n1 / 0', {str(tmp_path / 'other.py')!r}, 'exec'))"
    error = located(error_of(tmp_path / "mine.py", text), tmp_path / "mine.py")
    assert str(error).endswith("mine.py:1: ZeroDivisionError: division by zero (other.py:3)")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("import mnist_sweep\nif __name__ == '__main__':\n    mnist_sweep.main(__file__)", True),
        ("from mnist_sweep import main\nmain(__file__)", True),
        ("import sys\nsys.exit(mnist_sweep.main(__file__))", True),
        ("import mnist_sweep\nmnist_sweep.run(SWEEP)", False),
        ("main()", False),
        ("def", False),
        ("\0", False),
    ],
)
def test_a_program_that_passes_itself_to_main_is_a_sweep_script(tmp_path: Path, text: str, holds: bool) -> None:
    (tmp_path / "program.py").write_text(text)
    assert is_sweep_script(tmp_path / "program.py") is holds
    assert not is_sweep_script(tmp_path / "missing.py")
