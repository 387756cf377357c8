import ast
from pathlib import Path

import pytest

from mnist_sweep import (
    Adagrad,
    Adam,
    GradientDescent,
    Local,
    Momentum,
    RMSProp,
    Sweep,
    from_flat,
    run,
    script,
    to_flat,
)

FOLDER = Path(__file__).parents[1] / "sweeps"
SWEEPS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_file_is_one_question_and_no_code(path: Path) -> None:
    tree = ast.parse(path.read_text())
    docstring = ast.get_docstring(tree) or ""
    assert docstring.splitlines()[0].endswith("?")
    for part in ("Command:", "Cost:", "Result:"):
        assert f"\n{part}" in docstring
    loops = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda, ast.ListComp)
    assert not [node for node in ast.walk(tree) if isinstance(node, loops)]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_trial_of_a_sweep_can_be_told_and_run_again(path: Path) -> None:
    sweep = script.load(path)
    assert sweep.name == path.stem
    assert all(from_flat(to_flat(trial)) == trial for trial in sweep.trials)


def test_the_quickstart_asks_about_filters_dropout_and_all_optimizers() -> None:
    trials = script.load(FOLDER / "quickstart.py").trials
    assert 35 <= len(trials) <= 50
    assert {type(trial.optimizer) for trial in trials} == {GradientDescent, Momentum, Adam, RMSProp, Adagrad}
    assert len({to_flat(trial)["model.dropout"] for trial in trials}) > 1
    assert len({str(to_flat(trial)["model.filters"]) for trial in trials}) > 1


def test_deep_mnist_is_the_classic_recipe() -> None:
    flats = [to_flat(trial) for trial in script.load(FOLDER / "deep_mnist.py").trials]
    classic = {
        "data": "mnist",
        "model.filters": [32, 64],
        "model.kernel_size": 5,
        "model.units": 1024,
        "model.dropout": 0.5,
        "model.initializer": "truncated_normal",
        "optimizer": "adam",
        "optimizer.learning_rate": 1e-4,
        "batch_size": 50,
        "num_steps": 20_000,
    }
    assert any(classic.items() <= flat.items() for flat in flats)


def test_deep_mnist_runs_on_the_real_images(real_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(real_mnist.parent))
    short = script.load(FOLDER / "deep_mnist.py").changed(steps=2)
    outcome = run(Sweep(name="short", trials=short.trials[:2]), results=tmp_path, runner=Local())
    assert [row.num_test for row in outcome.rows] == [10_000, 10_000]
    assert all(row.val_accuracy is not None and row.val_accuracy > 0.05 for row in outcome.rows)
