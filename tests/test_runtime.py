import subprocess
import sys

import pytest

from mnist_sweep import runtime
from mnist_sweep.errors import ResourceError


@pytest.fixture(autouse=True)
def _configured() -> None:
    runtime.configure(threads=1)


def test_a_second_equal_configuration_does_nothing() -> None:
    runtime.configure(threads=1)
    assert runtime.environment()["threads"] == 1


def test_other_settings_are_refused_once_tensorflow_runs() -> None:
    import tensorflow as tf

    tf.constant(1) + 1
    with pytest.raises(ResourceError, match="new process"):
        runtime.configure(threads=2)


def test_a_trial_that_holds_a_gpu_fails_where_there_is_none() -> None:
    code = "from mnist_sweep import runtime; runtime.configure(threads=1, gpus=0.5)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ResourceError: the trial holds 0.5 GPU" in ended.stderr


def test_the_import_of_tensorflow_writes_nothing_to_the_terminal() -> None:
    code = "from mnist_sweep import runtime; runtime.configure(threads=1)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")


def test_the_same_seed_gives_the_same_initial_weights() -> None:
    import keras

    drawn = []
    for _ in range(2):
        runtime.seed_everything(2**40 + 1)
        drawn.append(keras.layers.Dense(3).compute_output_shape((1, 2)) and keras.random.uniform((4,)).numpy().tolist())
    assert drawn[0] == drawn[1]


def test_the_precision_before_comes_back_even_after_an_error() -> None:
    import keras

    before = keras.config.dtype_policy().name
    with pytest.raises(KeyError), runtime.precision("mixed_bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        raise KeyError
    assert keras.config.dtype_policy().name == before


def test_of_what_is_kept_the_last_used_stay() -> None:
    made: list[str] = []

    def keep(key: str) -> str:
        return str(runtime.kept("test", key, lambda: made.append(key) or key.upper(), limit=2))

    assert [keep(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]
