"""Laws of a compiled Keras model that is trained by its own `fit`."""

import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import RMSE, Accuracy, Adam, Context, Dataset, LogLoss, MacroF1, TrialConfig, keras_fit
from mnist_sweep.errors import ConfigError
from mnist_sweep.optim import objective_metrics
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.training import own_training
from mnist_sweep.training.trial_progress import Paused
from mnist_sweep.trials.row import Evaluation
from tests.optim.test_regression import ink
from tests.runners.test_trial_process import numbers as trial_numbers
from tests.training.test_own_training import checkpoints, fit, numbers

TOP, SLOW = "sparse_top_k_categorical_accuracy", pytest.mark.slow


@dataclass(frozen=True)
class Fitted:
    """Dropout draws numbers, one callback lowers the learning rate and another may stop and put back weights."""

    units: int = 8
    patience: int = 9
    accuracy: str = "accuracy"
    compiled: bool = True
    way: str = ""

    def train(self, context: Context) -> dict[str, Any]:
        import keras

        layers = [keras.layers.Flatten(), keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.3)]
        model = keras.Sequential([keras.Input(context.data.image_shape), *layers, keras.layers.Dense(self.units)])
        if self.compiled:
            rate = keras.optimizers.Adam(context.optimizer.learning_rate)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            steps = 5 if self.way == "several steps" else 1
            model.compile(rate, loss, metrics=[self.accuracy], steps_per_execution=steps)
        if self.way == "trained before":
            model.optimizer.iterations.assign(1)
        plateau = keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=9)
        stopping = keras.callbacks.EarlyStopping(patience=self.patience, min_delta=9, restore_best_weights=True)
        restored = [keras.callbacks.BackupAndRestore("backup")] * (self.way == "restored")
        return keras_fit(context, model, [plateau, stopping, *restored])


TRIAL = TrialConfig(model=Fitted(units=10), optimizer=Adam(learning_rate=0.01), num_steps=50, evaluate_every=20)


@pytest.mark.parametrize(
    "pauses", [[40], pytest.param([20, 40, 50], marks=pytest.mark.slow), pytest.param([50], marks=pytest.mark.slow)]
)
def test_a_paused_fit_ends_with_the_same_bits(pauses: list[int], digits: Dataset, tmp_path: Path) -> None:
    for step in pauses:
        items = own_training.train(TRIAL, digits, checkpoints=checkpoints(tmp_path))
        while not isinstance(item := next(items), Evaluation) or item.step < step:
            pass
        with pytest.raises(Paused):
            items.throw(Paused())
    result, whole = (fit(TRIAL, digits, checkpoints=checkpoints(tmp_path / name)) for name in ("", "whole"))
    assert numbers(result) == numbers(whole)
    assert [point.step for point in result.history] == [20, 40, 50]
    assert [point.learning_rate for point in result.history] == pytest.approx([0.01, 0.001, 0.0001])
    assert result.parameters == 64 * 8 + 8 + 8 * 10 + 10


@dataclass(frozen=True)
class Drawing:
    """A callback draws the learning rate from a generator of its own, which no checkpoint can hold."""

    num_fits: int = 1

    def train(self, context: Context) -> Any:
        import keras

        class Drawn(keras.callbacks.Callback):  # type: ignore[misc]  # Keras brings no types
            def __init__(self) -> None:
                super().__init__()
                self.generator = np.random.default_rng(0)

            def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
                self.model.optimizer.learning_rate = self.generator.random()

        layers = [keras.Input(context.data.image_shape), keras.layers.Flatten(), keras.layers.Dense(10)]
        for _ in range(self.num_fits):
            model = keras.Sequential(layers)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile("sgd", loss, metrics=["accuracy"])
            found = keras_fit(context, model, [Drawn()])
        return found


def test_a_fit_whose_callback_holds_what_no_checkpoint_can_starts_over(digits: Dataset, tmp_path: Path) -> None:
    config = replace(TRIAL, model=Drawing(), num_steps=6, evaluate_every=2)
    items = own_training.train(config, digits, checkpoints=checkpoints(tmp_path))
    while not isinstance(item := next(items), Evaluation) or item.step < 4:
        pass
    items.throw(Paused())  # at the next report, since no checkpoint follows
    with pytest.raises(Paused):
        list(items)
    result, whole = (fit(config, digits, checkpoints=checkpoints(tmp_path / name)) for name in ("", "whole"))
    assert numbers(result) == numbers(whole)


def test_a_second_fit_is_refused_with_the_way_out(digits: Dataset) -> None:
    config = replace(TRIAL, model=Drawing(num_fits=2), num_steps=1)
    with pytest.raises(ConfigError, match=r"and `keras_fit` once: .* may be Keras' own `fit`"):
        fit(config, digits)


@pytest.mark.slow
def test_callbacks_may_stop_and_put_back_weights(digits: Dataset, tmp_path: Path) -> None:
    config = replace(TRIAL, model=Fitted(units=10, patience=1), num_steps=500)
    result = fit(config, digits, checkpoints=checkpoints(tmp_path, seconds=0))
    assert result.steps == 40
    assert result.final is not None
    best = result.history[0]
    assert (best.val_accuracy, best.val_loss) == pytest.approx((result.final.val_accuracy, result.final.val_loss))
    again = fit(config, digits, checkpoints=checkpoints(tmp_path))
    assert numbers(again) == numbers(result)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (Fitted(compiled=False), "the model is not compiled"),
        (Fitted(way="trained before"), "the model was trained before: make and compile a new one"),
        (Fitted(way="several steps"), "compile without steps_per_execution"),
        (Fitted(way="restored"), "resumes from its own checkpoints: leave out BackupAndRestore"),
        pytest.param(Fitted(units=10, accuracy=TOP), "measures .*, val_loss, .*, but no accuracy", marks=SLOW),
        pytest.param(Fitted(units=11), r"must have 10 outputs, but their shape is \('batch', 11\)", marks=SLOW),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model: Any, error: str, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match=error):
        fit(replace(TRIAL, model=model, num_steps=1), digits)


@pytest.mark.slow
@pytest.mark.parametrize("objective", [MacroF1(), LogLoss()])
def test_what_each_image_contributes_is_kept(objective: Any, digits: Dataset) -> None:
    result = fit(replace(TRIAL, objective=objective), digits)
    assert result.predictions is not None
    for values, found in ((result.predictions.val_values, result.final), (result.predictions.test_values, None)):
        assert values is not None
        assert values.mean() == pytest.approx(found.val if found else result.test_objective)


@dataclass(frozen=True)
class Probable:
    """A network that ends with a softmax, without callbacks."""

    def train(self, context: Context) -> dict[str, Any]:
        import keras

        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return keras_fit(context, model, None)


@dataclass(frozen=True)
class Margin:
    """The mean lead of the largest output; sorts the outputs that it is given."""

    def compute(self, labels: Any, outputs: Any) -> float:
        outputs.sort(axis=1)
        return float((outputs[:, -1] - outputs[:, -2]).mean())


@pytest.mark.slow
def test_outputs_are_logits_where_an_objective_needs_them_and_are_left_alone(digits: Dataset) -> None:
    trial = replace(TRIAL, model=Probable(), num_steps=20)
    assert fit(trial, digits).status == "ok"
    with pytest.raises(ConfigError, match="log_loss takes logits, but the model has probabilities: remove the softmax"):
        fit(replace(trial, objective=LogLoss()), digits)
    with pytest.raises(ValueError, match="read-only"):
        fit(replace(trial, objective=Margin()), digits)


@dataclass(frozen=True)
class Regressor:
    """A network of one number."""

    accuracy: bool = False

    def train(self, context: Context) -> dict[str, Any]:
        import keras

        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["accuracy"] if self.accuracy else None)
        return keras_fit(context, model)


@pytest.mark.slow
def test_a_fit_predicts_numbers() -> None:
    result = fit(replace(TRIAL, model=Regressor(), objective=RMSE()), ink())
    assert result.predictions is not None
    assert result.final is not None
    assert result.final.val == pytest.approx(math.sqrt(result.final.val_loss or 0.0), rel=1e-4)
    assert (result.final.val_accuracy, result.test_accuracy) == (None, None)
    assert result.test_objective == objective_metrics.value(RMSE(), ink().test.labels, outputs=result.predictions.test)
    with pytest.raises(ConfigError, match="the labels are numbers, which have no accuracy: compile without"):
        fit(replace(TRIAL, model=Regressor(accuracy=True), objective=RMSE()), ink())


@pytest.mark.slow
@pytest.mark.parametrize("objective", [Accuracy(), LogLoss()])
def test_a_loss_that_is_not_finite_ends_the_trial(objective: Any, digits: Dataset) -> None:
    result = fit(replace(TRIAL, optimizer=Adam(learning_rate=1e30), objective=objective), digits)
    assert (result.status, result.history) == ("diverged", ())


@pytest.mark.slow
def test_a_fit_on_jax_resumes_to_the_same_bits_and_is_replayed(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="needs the extra `test-all`")
    script = Path(__file__).parents[2] / "sweeps" / "keras_fit.py"

    def ran(name: str, *options: str) -> str:
        command = [sys.executable, str(script), "--num-trials", "1", "--runner", "local", "--results", name, *options]
        environment = {**os.environ, "KERAS_BACKEND": "jax"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    for seconds in range(4, 60):
        printed = ran("paused", "--time-budget", str(seconds), "--checkpoint-every", "0.1")
        if "ran 1 of 1" in printed:
            break
    ran("whole")
    ((paused,), (whole,)) = (Ledger(tmp_path / name / "keras_fit").rows().values() for name in ("paused", "whole"))
    assert trial_numbers(paused) == trial_numbers(whole)
    assert paused.environment is not None
    assert paused.environment["backend"] == "jax"
    command = [
        sys.executable,
        "-m",
        "mnist_sweep",
        "replay",
        "whole/keras_fit",
        whole.trial_id,
        "--script",
        str(script),
    ]
    replayed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "identical, bit for bit" in replayed.stdout
