import logging
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mnist_sweep.errors import ResourceError
from mnist_sweep.training import tensorflow_runtime


@pytest.fixture(autouse=True)
def _configured() -> None:
    tensorflow_runtime.configure(threads=1)


def test_a_second_equal_configuration_does_nothing() -> None:
    tensorflow_runtime.configure(threads=1)
    assert tensorflow_runtime.configured()["threads"] == 1


def test_other_settings_are_refused_once_tensorflow_runs() -> None:
    import tensorflow as tf

    tf.constant(1) + 1
    with pytest.raises(ResourceError, match="new process"):
        tensorflow_runtime.configure(threads=2)


def test_only_models_that_train_themselves_may_use_another_backend_of_keras_if_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for backend, trains_itself, message in (
        ("jax", False, "the sweep's own training loop runs on TensorFlow: unset it"),
        ("theano", True, "which is not installed: install jax or torch"),
    ):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        with pytest.raises(ResourceError, match=f"KERAS_BACKEND is '{backend}', .*{message}"):
            tensorflow_runtime.validate_backend(trains_itself=trains_itself)
    for usual in ("", "tensorflow"):
        monkeypatch.setenv("KERAS_BACKEND", usual)
        tensorflow_runtime.validate_backend(trains_itself=False)


@pytest.mark.parametrize("name", ["KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"])
def test_limits_of_keras_fit_are_refused_where_a_model_may_call_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "3")
    tensorflow_runtime.validate_backend(trains_itself=False)
    with pytest.raises(ResourceError, match=f"{name} cuts Keras' `fit` short of a trial's steps: unset it"):
        tensorflow_runtime.validate_backend(trains_itself=True)


def test_the_epsilon_of_keras_is_its_own_whatever_a_file_of_the_user_says(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"epsilon": 0.1, "floatx": "float16", "backend": "tensorflow"}')
    code = (
        "from mnist_sweep.training import tensorflow_runtime\n"
        "tensorflow_runtime.configure(threads=1)\n"
        "import keras\n"
        "print(keras.config.epsilon(), keras.config.floatx())\n"
    )
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["1e-07", "float32"], ended.stderr


def test_keras_on_another_backend_is_not_taken_for_the_one_that_is_asked_for() -> None:
    code = (
        "from mnist_sweep.training import tensorflow_runtime\n"
        "tensorflow_runtime.load()\n"
        "tensorflow_runtime.configure(threads=1, backend='jax')\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "Keras already runs on tensorflow in this process, not on jax" in ended.stderr


@pytest.mark.slow
def test_a_trial_that_holds_a_gpu_fails_where_there_is_none() -> None:
    code = "from mnist_sweep.training import tensorflow_runtime; tensorflow_runtime.configure(threads=1, gpus=0.5)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "the trial holds 0.5 GPU" in ended.stderr


def test_the_import_of_tensorflow_writes_nothing_to_the_terminal() -> None:
    code = "from mnist_sweep.training import tensorflow_runtime; tensorflow_runtime.configure(threads=1)"
    loud = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    ended = subprocess.run([sys.executable, "-c", code], env=loud, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")


def test_the_same_seed_gives_the_same_initial_weights() -> None:
    import keras

    drawn = []
    for _ in range(2):
        tensorflow_runtime.seed_everything(2**40 + 1)
        drawn.append(keras.initializers.GlorotUniform()((2, 2)).numpy().tolist())
    assert drawn[0] == drawn[1]


def test_the_precision_before_comes_back_even_after_an_error() -> None:
    import keras

    before = keras.config.dtype_policy().name

    def failing_build() -> None:
        with tensorflow_runtime.precision("mixed_bfloat16"):
            assert keras.layers.Dense(1).compute_dtype == "bfloat16"
            raise KeyError

    with pytest.raises(KeyError):
        failing_build()
    assert keras.config.dtype_policy().name == before


def test_no_model_depends_on_what_an_imported_module_has_set() -> None:
    import keras

    keras.config.set_floatx("float16")
    keras.config.set_epsilon(0.1)
    keras.config.set_image_data_format("channels_first")
    with tensorflow_runtime.precision("float32"):
        assert keras.Input((8, 8, 1)).dtype == "float32"
        assert keras.layers.Conv2D(2, 3).data_format == "channels_last"
    assert (keras.config.floatx(), keras.config.epsilon()) == ("float32", 1e-7)


def test_code_without_eager_execution_is_refused(tf: Any) -> None:
    refused = pytest.raises(ResourceError, match="needs eager execution: remove")
    with tf.Graph().as_default(), refused, tensorflow_runtime.precision("float32"):
        pass


def test_of_what_is_kept_the_last_used_stay() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    assert [tensorflow_runtime.cached("test", key, partial(make, key), limit=2) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]


@pytest.mark.slow
def test_xla_compiles_the_same_training() -> None:
    code = """
import sys
from mnist_sweep import CNN, Adam, TrialConfig
from mnist_sweep.runners import trial
from mnist_sweep.training import tensorflow_runtime
tensorflow_runtime.configure(threads=1, xla=sys.argv[1] == "xla")
model = CNN(filters=(4,), kernel_size=3, units=8)
row = trial.execute(TrialConfig(model=model, optimizer=Adam(learning_rate=0.01), num_steps=40, evaluate_every=40))
print(row.environment["xla"], row.val_loss, row.error)
"""
    losses = []
    for argument, xla in (("xla", "True"), ("plain", "False")):
        ended = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=True)
        said, loss, error = ended.stdout.split()
        assert (said, error) == (xla, "None")
        losses.append(float(loss))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("gpus", [0.5, 1])
def test_a_trial_leaves_other_cards_alone(tf: Any, monkeypatch: pytest.MonkeyPatch, gpus: float) -> None:
    called: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["first", "second"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda cards, kind: called.append((cards, kind)))
    monkeypatch.setattr(tf.config, "set_logical_device_configuration", lambda card, _: called.append((card,)))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda card, _: called.append((card,)))
    monkeypatch.setattr(tensorflow_runtime, "_card_memory", lambda: 1000.0)
    tensorflow_runtime._configure_gpus(gpus)
    assert called == [(["first"], "GPU"), ("first",)]


def test_settings_that_tensorflow_does_not_know_of_are_refused_too() -> None:
    with pytest.raises(ResourceError, match="xla=True: start the sweep in a new process"):
        tensorflow_runtime.configure(threads=1, xla=True)


def test_methods_of_many_objects_are_traced_without_a_warning(tf: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Doubling:
        def double(self, value: Any) -> Any:
            return value + value

    def warnings(graph: Callable[[Any], Any]) -> int:
        caplog.clear()
        for _ in range(8):
            assert int(graph(Doubling().double)(tf.constant(2))) == 4
        return sum("retracing" in record.message for record in caplog.records)

    monitored = logging.getLogger("tensorflow")
    with mock.patch.object(monitored, "propagate", True):
        assert warnings(tf.function) > 0
        assert warnings(tensorflow_runtime.traced) == 0
