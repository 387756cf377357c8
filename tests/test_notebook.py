"""The notebooks run from first to last cell; `analyse` holds its answers against mnist_sweep's own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.sweep.test_script import TINY, TINY_SWEEP

ROOT = Path(__file__).parents[1]
NOTEBOOK, OF_A_RUN = (ROOT / "sweeps" / f"{name}.ipynb" for name in ("analyse", "in_a_notebook"))
REFERENCE = "results/reference"


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What executes notebooks, apart from the user's own settings."""
    for package in ("ipykernel", "nbclient", "nbformat"):
        pytest.importorskip(package, reason=f"executing a notebook needs {package}: pip install -e '.[test]'")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


def executed(monkeypatch: pytest.MonkeyPatch, folder: str) -> Any:
    """Return the notebook after its execution in a fresh kernel, with a results folder of this repository."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("SWEEP_RESULTS", folder)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    return client.execute()


def texts(notebook: Any) -> list[str]:
    """Return what each code cell has printed; a cell may do nothing else."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert {output.get("name") for cell in cells for output in cell.outputs} == {"stdout"}
    return ["".join(output.text for output in cell.outputs) for cell in cells]


@pytest.mark.usefixtures("jupyter")
def test_the_outputs_that_are_kept_are_those_of_an_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    shown = texts(executed(monkeypatch, f"{REFERENCE}/quickstart"))
    assert shown[-1] == "mnist_sweep says the same\n"
    assert shown == texts(nbformat.read(NOTEBOOK, as_version=4))


@pytest.mark.slow
@pytest.mark.usefixtures("jupyter")
def test_the_answers_are_the_same_over_several_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert texts(executed(monkeypatch, f"{REFERENCE}/softmax_regression"))[-1] == "mnist_sweep says the same\n"


def test_until_its_last_cell_the_notebook_needs_no_mnist_sweep_and_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat")
    for name in ("trials", "history", "summary"):
        shutil.copy(ROOT / REFERENCE / "quickstart" / f"{name}.csv", tmp_path)
    monkeypatch.setenv("SWEEP_RESULTS", str(tmp_path))
    monkeypatch.chdir(NOTEBOOK.parent)
    *cells, last = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    known: dict[str, Any] = {}
    exec("\n".join(cells), known)
    assert "mnist_sweep" in last
    assert "mnist_sweep" not in "\n".join(line for line in "\n".join(cells).splitlines() if "import" in line)
    assert known["best"] == "860ce0bafd68"


def kinds(notebook: Any) -> list[list[tuple[str, list[str]]]]:
    """Return what each code cell shows: the kinds of its outputs, and the forms that each is in."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[(output.output_type, sorted(output.get("data", {}))) for output in cell.outputs] for cell in cells]


BOTH = ["text/html", "text/plain"]
SHOWN = [[("execute_result", ["text/plain"])], [("display_data", BOTH)], *[[("execute_result", BOTH)]] * 3]


def test_the_notebook_of_a_run_is_kept_with_what_its_cells_show() -> None:
    nbformat = pytest.importorskip("nbformat")
    assert kinds(nbformat.read(OF_A_RUN, as_version=4)) == SHOWN
    assert OF_A_RUN.stat().st_size < 20_000


@pytest.mark.slow
@pytest.mark.usefixtures("jupyter")
def test_the_notebook_of_a_run_runs(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(OF_A_RUN, as_version=4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert kinds(book) == SHOWN
    view, outcome = (book.cells[place].outputs[0]["data"] for place in (3, 5))
    assert view["text/plain"].startswith("12 of 12 trials · best validation accuracy ")
    assert "12 trials: 12 ok; ran 12 in " in outcome["text/plain"]


CELLS = {
    "model": TINY,
    "sweep": TINY_SWEEP,
    "run": """\
try:
    print(mnist_sweep.run(SWEEP, runner=RUNNER).num_run, "run")
except mnist_sweep.errors.SweepError as error:
    print(error)
""",
}


@pytest.mark.slow
@pytest.mark.usefixtures("jupyter")
@pytest.mark.parametrize("runner", ["Local()", "RayTune(num_cpus=1)"])
def test_a_class_of_a_cell_runs_everywhere_and_is_other_code_once_it_is_edited(tmp_path: Path, runner: str) -> None:
    import nbformat
    from nbclient import NotebookClient

    cells = {**CELLS, "run": CELLS["run"].replace("RUNNER", runner), "edited": CELLS["model"].replace("relu", "tanh")}
    order = ["model", "sweep", "run", "run", "edited", "run", "sweep", "run"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cells[name]) for name in order])
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [output.text for cell in book.cells for output in cell.outputs if output.get("name") == "stdout"]
    assert printed[:2] == ["2 run\n", "0 run\n"]
    assert "`__main__:Tiny` was redefined" in printed[2]
    assert "the code of __main__:Tiny has changed" in printed[3]
