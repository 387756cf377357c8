import ast
import hashlib
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import (
    Adagrad,
    Adam,
    GradientDescent,
    Local,
    Momentum,
    RMSProp,
    Stepwise,
    Sweep,
    from_flat,
    run,
    to_flat,
    trial_id,
)
from mnist_sweep.sweep import script

FOLDER = Path(__file__).parents[1] / "sweeps"
SWEEPS = sorted(FOLDER.glob("*.py"))
OWN_TRAINING = ("keras_fit", "sklearn_digits")  # which show classes with training code


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_file_is_one_question_and_no_code_unless_that_is_its_subject(path: Path) -> None:
    tree = ast.parse(path.read_text())
    docstring = ast.get_docstring(tree) or ""
    assert docstring.splitlines()[0].endswith("?")
    for part in ("Command:", "Cost:", "Result:"):
        assert f"\n{part}" in docstring
    if path.stem in OWN_TRAINING:
        return
    loops = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda, ast.ListComp)
    assert not [node for node in ast.walk(tree) if isinstance(node, loops)]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_trial_of_a_sweep_can_be_told_and_run_again(path: Path) -> None:
    sweep = script.load(path)
    assert sweep.name == path.stem
    assert all(from_flat(to_flat(trial)) == trial for trial in sweep.trials)


# The ids of every trial of each sweep, or of a search's base, in their order: what rows are found by may never change.
IDS = {
    "asha_mnist": "d961ec1e635bd759",
    "cifar10_part": "c4ebb8200b89c4e1",
    "cifar10_resnet": "619b641cb1112ef9",
    "deep_mnist": "b11ecfc928815f88",
    "deep_mnist_tensorboard": "3250365acfc712de",
    "fast_mnist": "55e0da5c205fc29a",
    "keras_fit": "e8646c3985d0ba89",
    "layers_cnn": "fb85a3e3f30ba32a",
    "layers_cnn_start": "f67eb10b3c78383f",
    "quickstart": "c35696856b4780ee",
    "search_digits": "a9f8fe725f47c829",
    "sklearn_digits": "3c9b4879bf20c7d8",
    "softmax_regression": "1ada05686724617f",
}


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_trials_have_the_ids_that_they_always_had(path: Path) -> None:
    sweep = script.load(path)
    trials = [sweep.search.base] if sweep.search else sweep.trials
    ids = " ".join(map(trial_id, trials))
    assert hashlib.sha256(ids.encode()).hexdigest()[:16] == IDS[path.stem]


def test_the_quickstart_asks_about_filters_dropout_and_all_optimizers() -> None:
    trials = script.load(FOLDER / "quickstart.py").trials
    assert 35 <= len(trials) <= 50
    assert {type(trial.optimizer) for trial in trials} == {GradientDescent, Momentum, Adam, RMSProp, Adagrad}
    assert len({to_flat(trial)["model.dropout"] for trial in trials}) > 1
    assert len({str(to_flat(trial)["model.filters"]) for trial in trials}) > 1


DEEP = {
    "data": "mnist",
    "model": "cnn",
    "model.filters": [32, 64],
    "model.kernel_size": 5,
    "model.pool_size": 2,
    "model.units": 1024,
    "model.dropout": 0.5,
    "model.initializer": "truncated_normal",
    "optimizer": "adam",
    "optimizer.learning_rate": 1e-4,
    "batch_size": 50,
    "num_steps": 20_000,
}
LAYERS = {
    "model.dropout": 0.4,
    "model.initializer": "glorot_uniform",
    "optimizer": "gradient_descent",
    "optimizer.learning_rate": 0.001,
    "batch_size": 100,
}
RECIPES: dict[str, dict[str, Any]] = {
    "softmax_regression": {
        "data": "mnist",
        "model": "softmax",
        "model.initializer": "zeros",
        "optimizer": "gradient_descent",
        "optimizer.learning_rate": 0.5,
        "batch_size": 100,
        "num_steps": 1000,
    },
    "deep_mnist": DEEP,
    "deep_mnist_tensorboard": DEEP | {"num_steps": 3000},
    "layers_cnn": DEEP | LAYERS,
    "cifar10_resnet": {
        "data": "cifar10",
        "model": "resnet",
        "model.depth": 20,
        "optimizer": "momentum",
        "optimizer.momentum": 0.9,
        "optimizer.learning_rate": 0.1,
        "schedule": "stepwise",
        "schedule.factor": 0.1,
        "batch_size": 128,
        "weight_decay": 2e-4,
        "augmentation": "pad_crop_flip",
    },
}
VARYING = {
    "softmax_regression": {"optimizer", "optimizer.learning_rate", "batch_size"},
    "deep_mnist": {"model.filters", "model.units", "model.dropout", "optimizer"},
    "deep_mnist_tensorboard": {"model.dropout"},
    "layers_cnn": {
        "model.filters",
        "model.kernel_size",
        "model.units",
        "model.dropout",
        "optimizer",
        "optimizer.learning_rate",
    },
    "cifar10_resnet": {"model.depth", "optimizer.learning_rate", "weight_decay", "augmentation"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_base_trial_comes_first_and_is_the_classic_recipe(name: str) -> None:
    flat = to_flat(script.load(FOLDER / f"{name}.py").trials[0])
    assert RECIPES[name].items() <= flat.items()


@pytest.mark.parametrize("name", VARYING)
def test_axes_ask_about_the_settings_of_the_recipe(name: str) -> None:
    flats = [to_flat(trial) for trial in script.load(FOLDER / f"{name}.py").trials]
    assert VARYING[name] <= {name for name in flats[0] if len({str(flat.get(name)) for flat in flats}) > 1}


def test_the_resnet_divides_its_rate_at_epochs_100_150_and_200_of_250() -> None:
    base = script.load(FOLDER / "cifar10_resnet.py").trials[0]
    epoch = -(-45_000 // base.batch_size)
    assert isinstance(base.schedule, Stepwise)
    assert base.schedule.boundaries == (100 * epoch, 150 * epoch, 200 * epoch)
    assert base.num_steps == 250 * epoch


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps", "one_of_each"), [("keras_fit", 2, [0]), ("sklearn_digits", 2, [0, 3, 7])])
def test_own_training_code_runs_beside_other_models(
    name: str, steps: int, one_of_each: list[int], tmp_path: Path
) -> None:
    short = script.load(FOLDER / f"{name}.py").with_options(steps=steps)
    trials = [short.trials[place] for place in one_of_each]
    outcome = run(Sweep(name="short", trials=trials, code=short.code), results=tmp_path, runner=Local(workers=1))
    assert outcome.complete, [row.error for row in outcome.rows]
    assert len({row.config["model"] for row in outcome.rows}) == len(one_of_each)
    assert all(row.num_test == 300 and row.test_accuracy is not None for row in outcome.rows)


@pytest.mark.slow
def test_deep_mnist_runs_on_the_real_images(real_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(real_mnist.parent))
    short = script.load(FOLDER / "deep_mnist.py").with_options(steps=2)
    outcome = run(Sweep(name="short", trials=short.trials[:2]), results=tmp_path, runner=Local(in_process=True))
    assert [row.num_test for row in outcome.rows] == [10_000, 10_000]
    assert all(row.val_accuracy is not None and row.val_accuracy > 0.05 for row in outcome.rows)
