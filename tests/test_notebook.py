"""The notebook runs from its first cell to its last, which holds its answers against mnist_sweep's own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "sweeps" / "analyse.ipynb"
REFERENCE = "results/reference"


def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> Any:
    """Return the notebook after its execution in a fresh kernel, with a results folder of this repository."""
    for package in ("ipykernel", "nbclient", "nbformat"):
        pytest.importorskip(package, reason=f"executing a notebook needs {package}: pip install -e '.[test]'")
    import nbformat
    from nbclient import NotebookClient

    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("SWEEP_RESULTS", folder)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    return client.execute()


def texts(notebook: Any) -> list[str]:
    """Return what each code cell has printed; a cell may do nothing else."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert {output.get("name") for cell in cells for output in cell.outputs} == {"stdout"}
    return ["".join(output.text for output in cell.outputs) for cell in cells]


def test_the_outputs_that_are_kept_are_those_of_an_execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    shown = texts(executed(tmp_path, monkeypatch, f"{REFERENCE}/quickstart"))
    assert shown[-1] == "mnist_sweep says the same\n"
    assert shown == texts(nbformat.read(NOTEBOOK, as_version=4))


def test_the_answers_are_the_same_over_several_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        texts(executed(tmp_path, monkeypatch, f"{REFERENCE}/softmax_regression"))[-1] == "mnist_sweep says the same\n"
    )


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
