import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(name: str) -> str:
    """Return the code block that follows the comment `<!-- name -->`."""
    found = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found, name
    return found.group(1)


def test_the_example_of_ones_own_model_and_data_runs(tmp_path: Path) -> None:
    (tmp_path / "my_sweep.py").write_text(block("own"))
    command = [sys.executable, "my_sweep.py", "--runner", "local"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "my_sweep:Perceptron" in (tmp_path / "results" / "mine" / "trials.csv").read_text()


@pytest.mark.parametrize("name", ["pandas", "select"])
def test_an_example_of_reading_the_tables_runs(name: str) -> None:
    tables = ROOT / "results" / "reference" / "quickstart"
    code = block(name).replace("results/quickstart", str(tables))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.rstrip() for line in ended.stdout.splitlines()] == block(f"{name}-output").splitlines()


@pytest.mark.parametrize("command", ["status", "effects"])
def test_what_a_command_is_shown_to_say_it_says(tmp_path: Path, command: str) -> None:
    shutil.copytree(ROOT / "results" / "reference" / "quickstart", tmp_path / "results" / "quickstart")
    arguments = [sys.executable, "-m", "mnist_sweep", command, "results/quickstart"]
    ended = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=True)
    said = {line.rstrip() for line in ended.stdout.splitlines()}
    (shown,) = re.findall(rf"\$ mnist-sweep {command} results/quickstart\n(.*?)```", README, re.DOTALL)
    assert [line for line in shown.splitlines() if line not in said | {"…"} and "rows/" not in line] == []


def test_every_dependency_has_a_line_that_says_what_it_is_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    for requirement in [*project["dependencies"], *extras]:
        name = re.split(r"[<>=\[]", requirement)[0]
        assert name == "mnist-sweep" or re.search(rf"^\| .*{re.escape(name)}.* \|", README, re.MULTILINE), name


def test_what_ci_installs_is_names_and_versions_only() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
