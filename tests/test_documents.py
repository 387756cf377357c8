"""The documents: commands parse, examples run, output is what is printed, links lead somewhere."""

import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import mnist_sweep
from mnist_sweep import Sweep
from mnist_sweep.cli.app import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(f"{folder}README.md" for folder in ("", "results/", "mnist_sweep/", "tests/")),
    *(f"sweeps/{folder}README.md" for folder in ("", "cluster/", "switching/")),
    ".github/CONTRIBUTING.md",
    ".github/CHANGELOG.md",
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CHECKED = "checked by "
# What is not ours; the comments and outputs around them are.
FOREIGN = {"(umask", "for", "mypy", "ray", "ruff", "sbatch", "scp", "source", "tensorboard"}


class Block(NamedTuple):
    """A fenced block: the document, the comment above it, its language, and its text."""

    document: str
    comment: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    for document in DOCUMENTS:
        text = (ROOT / document).read_text()
        for found in re.finditer(r"(?:^<!-- ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            yield Block(document, found[1] or "", found[2], found[3])


BLOCKS = list(blocks())


def sessions(block: Block) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def commands() -> Iterator[tuple[str, str]]:
    """Yield the document and the text of each command."""
    for block in BLOCKS:
        if block.language == "console":
            yield from ((block.document, command) for command, _ in sessions(block))
        elif block.language == "bash":
            lines = [line for line in block.text.splitlines() if line and not line.startswith("#")]
            yield from ((block.document, part.strip()) for line in lines for part in line.split(" && "))


def parsed(command: str) -> list[str]:
    """Return the words of a command without its environment, its comment, and the folder of its program."""
    words = shlex.split(command, comments=True)
    while "=" in words[0]:
        words = words[1:]
    return [words[0].removeprefix(".venv/bin/"), *words[1:]]


@pytest.mark.parametrize(("document", "command"), [*commands()])
def test_a_command_is_one_that_its_program_takes(document: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    match parsed(command):
        case ["mnist-sweep", name, *arguments]:
            cli.commands[name].make_context(name, arguments)
        case ["python3", "-m", "venv", _]:
            pass
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module)
        case ["python", script, *arguments]:
            assert script.startswith("my_") or (ROOT / script).is_file()
            cli.commands["run"].make_context("run", [script, *arguments])
        case ["pip", "install", *arguments]:
            extras = {name for given in arguments for name in re.findall(r"\w[\w-]*", given.partition("[")[2])}
            assert extras <= PROJECT["project"]["optional-dependencies"].keys()
        case ["pytest", *arguments]:
            markers = {line.partition(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
            for argument in arguments:
                assert argument.startswith("-") or argument in markers or (ROOT / argument).exists(), argument
        case [name, *_]:
            assert name in FOREIGN, command


@contextlib.contextmanager
def beside_results(folder: Path) -> Iterator[io.StringIO]:
    """Run the body in a folder with the sweeps and what a run of the quickstart leaves; give what it prints."""
    reference = ROOT / "results" / "reference"
    shutil.copytree(ROOT / "sweeps", folder / "sweeps")
    shutil.copytree(reference / "quickstart", folder / "results" / "quickstart")
    for name in ("quickstart", "softmax_regression"):
        shutil.copytree(reference / name, folder / "results" / "reference" / name)
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as printed:
        yield printed


SHOWN = [(block, *session) for block in BLOCKS if block.language == "console" for session in sessions(block)]
READING = [
    (command, shown)
    for block, command, shown in SHOWN
    if shown and not block.comment.startswith(CHECKED) and command.startswith("mnist-sweep")
]


@pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental")  # of Optuna
@pytest.mark.parametrize(("command", "shown"), READING)
def test_a_command_that_reads_prints_what_is_shown(
    command: str, shown: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with beside_results(tmp_path) as printed:
        assert not cli.main(parsed(command)[1:], standalone_mode=False)
    lines = {line.rstrip() for line in printed.getvalue().splitlines()}
    assert [line for line in shown if line not in lines | {"…"} and "rows/" not in line] == []


def test_output_that_is_not_run_here_names_the_test_that_checks_it() -> None:
    run_here = {command for command, _ in READING} | {"python sweeps/quickstart.py"}
    unchecked = [
        command
        for block, command, shown in SHOWN
        if shown and command not in run_here and not block.comment.startswith(CHECKED)
    ]
    assert unchecked == []
    named = {block.comment.removeprefix(CHECKED) for block in BLOCKS if block.comment.startswith(CHECKED)}
    assert [name for name in named if not (ROOT / name).is_file()] == []


PYTHON = [block for block in BLOCKS if block.language == "python"]
SCRIPTS = [block for block in PYTHON if "mnist_sweep.main" in block.text]
MARKED = [pytest.param(one, marks=() if one.document == "README.md" else pytest.mark.slow) for one in SCRIPTS]
RACE = "race"  # which trains many trials, as those of tests/sweep/test_races.py
EXAMPLES = [
    pytest.param(one, marks=pytest.mark.slow if one.comment == RACE else ()) for one in PYTHON if one not in SCRIPTS
]
OUTPUT = {block.comment: block.text for block in BLOCKS if block.comment.endswith("-output")}


@pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental")  # of Optuna
@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: f"{block.document}-{block.comment}")
def test_an_example_in_python_runs_and_prints_what_is_shown(block: Block, tmp_path: Path, tf: Any) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    with beside_results(tmp_path) as printed:
        exec(compile(block.text, f"{block.document}: {block.comment}", "exec"), names)
    assert isinstance(names.get("SWEEP", Sweep(name="none", trials=[mnist_sweep.TrialConfig()])), Sweep)
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    assert lines == OUTPUT.get(f"{block.comment}-output", "").splitlines()


@pytest.mark.parametrize("block", MARKED, ids=lambda block: block.document)
def test_an_example_of_a_script_runs(block: Block, tmp_path: Path) -> None:
    (tmp_path / "my_sweep.py").write_text(block.text)
    command = [sys.executable, "my_sweep.py", "--runner", "local", "--quiet"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ})
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stdout + ended.stderr
    assert (tmp_path / "results" / "mine" / "trials.csv").is_file()


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, "results/reference/README.md", "results/reference/benchmarks/README.md"]
)
def test_links_lead_to_files_and_headings_that_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / document).parent / name if name else ROOT / document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), target


def test_the_face_is_short_and_so_is_the_guide_for_contributors() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1500
    assert len((ROOT / ".github" / "CONTRIBUTING.md").read_text().splitlines()) < 80


def test_documents_import_public_names_only_and_name_each_of_them() -> None:
    imported = {
        name.strip().partition(" ")[0]
        for block in BLOCKS
        for names in re.findall(r"^from mnist_sweep import \(?([^)\n]+)", block.text, re.MULTILINE)
        for name in names.split(",")
    }
    assert imported <= set(mnist_sweep.__all__)
    words = {word for document in DOCUMENTS for word in re.findall(r"\w+", (ROOT / document).read_text())}
    assert set(mnist_sweep.__all__) - words == set()


def test_the_map_names_every_package_and_module() -> None:
    package = ROOT / "mnist_sweep"
    mapped = (package / "README.md").read_text().partition("<!-- map -->")[2].partition("<!-- /map -->")[0]
    named = set(re.findall(r"`(\w+)`", mapped))
    there = {path.stem for path in package.rglob("*.py")} - {"__init__", "__main__"}
    packages = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    assert (there | packages) - named == set()


def test_every_dependency_has_a_line_that_says_what_it_is_for() -> None:
    extras = [name for names in PROJECT["project"]["optional-dependencies"].values() for name in names]
    text = (ROOT / "mnist_sweep" / "README.md").read_text()
    for requirement in [*PROJECT["project"]["dependencies"], *extras]:
        name = re.split(r"[<>=\[]", requirement)[0]
        assert name == "mnist-sweep" or re.search(rf"^\| .*{re.escape(name)}.* \|", text, re.MULTILINE), name


def test_what_ci_installs_is_names_and_versions_only() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
