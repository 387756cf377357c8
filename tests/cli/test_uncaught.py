"""Laws of uncaught exceptions: a sweep script ends on its mistakes as `mnist-sweep run` does."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "import sys, mnist_sweep\nfrom mnist_sweep import TrialConfig\n"
TAIL = "\nif __name__ == '__main__':\n    mnist_sweep.main(__file__)\n"


def python(folder: Path, *words: str, given: str = "") -> tuple[int, str]:
    done = subprocess.run([sys.executable, *words], cwd=folder, input=given, capture_output=True, text=True)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("BASE = TrialConfig(num_steps=0)", "`num_steps >= 1` must hold, but got num_steps=0."),
        ("BASE = TrialConfig(num_step=3)", "TypeError: TrialConfig.__init__() got an unexpected keyword argument"),
    ],
)
def test_a_mistake_of_a_sweep_script_is_one_line_and_status_2_either_way(
    tmp_path: Path, mistake: str, message: str
) -> None:
    (tmp_path / "mine.py").write_text(HEAD + mistake + TAIL)
    status, line = python(tmp_path, "mine.py")
    assert (status, line.count("\n")) == (2, 1)
    assert line.startswith(f"error: mine.py:3: {message}")
    assert python(tmp_path, "-m", "mnist_sweep", "run", "mine.py") == (2, line)


@pytest.mark.parametrize("words", [["mine.py", "--seeds", "2"], ["-m", "mnist_sweep", "run", "mine.py"]])
def test_an_interrupted_sweep_script_ends_in_one_line_and_status_130_before_main_too(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "mine.py").write_text(f"{HEAD}raise KeyboardInterrupt{TAIL}")
    status, line = python(tmp_path, *words)
    assert (status, line.strip().count("\n")) == (130, 0)
    assert line.strip().startswith("interrupted: ")


@pytest.mark.parametrize("words", [["mine.py"], ["-m", "mnist_sweep", "run", "mine.py"]])
def test_the_traceback_is_shown_on_request(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "mine.py").write_text(f"{HEAD}TrialConfig(num_steps=0){TAIL}")
    status, shown = python(tmp_path, *words, "--traceback")
    assert status == 2
    assert shown.startswith("Traceback")
    assert shown.endswith("\nerror: mine.py:3: `num_steps >= 1` must hold, but got num_steps=0.\n")


def test_an_error_of_this_package_is_one_line_in_every_program(tmp_path: Path) -> None:
    text = HEAD + "TrialConfig(num_steps=0)\n"
    rule = "`num_steps >= 1` must hold, but got num_steps=0.\n"
    assert python(tmp_path, "-", given=text) == (2, f"error: <stdin>:3: {rule}")
    assert python(tmp_path, "-c", text) == (2, f"error: <string>:3: {rule}")


def test_another_exception_of_another_program_is_left_to_python(tmp_path: Path) -> None:
    status, shown = python(tmp_path, "-", given=f"{HEAD}1 / 0\n")
    assert status == 1
    assert shown.startswith("Traceback")
    assert shown.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("words", [["app.py"], ["-m", "package.app"]])
def test_a_program_that_reaches_this_package_by_a_library_keeps_pythons_hook(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "library.py").write_text(f"{HEAD}def trial():\n    return TrialConfig(num_steps=0)\n")
    app = "import sys, library\nassert sys.excepthook is sys.__excepthook__\nlibrary.trial()\n"
    (tmp_path / "app.py").write_text(app)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("import library\n")
    (tmp_path / "package" / "app.py").write_text(app)
    status, shown = python(tmp_path, *words)
    assert status == 1
    assert shown.startswith("Traceback")
    assert "ConfigError: `num_steps >= 1` must hold" in shown


def test_a_hook_of_a_users_own_stays(tmp_path: Path) -> None:
    hook = "import sys\nsys.excepthook = lambda *raised: print('mine', file=sys.stderr)\n"
    assert python(tmp_path, "-", given=f"{hook}{HEAD}TrialConfig(num_steps=0)\n") == (1, "mine\n")


def test_at_a_prompt_the_traceback_is_shown_and_python_continues(tmp_path: Path) -> None:
    status, shown = python(tmp_path, "-i", "-c", f"{HEAD}TrialConfig(num_steps=0)", given="sys.exit(7)\n")
    assert status == 7
    assert "Traceback" in shown
