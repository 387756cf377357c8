"""Everything process-global: threads, GPU memory, determinism, seeds, precision, and a worker's caches.

One thread for each CPU that a trial holds: side by side, one-thread trials train faster than trials that share
TensorFlow's default pools, and a one-thread trial is reproducible bit for bit without slower deterministic kernels.
With more threads or a GPU those kernels are enabled.
"""

import contextlib
import functools
import gc
import importlib
import importlib.util
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mnist_sweep.errors import ResourceError
from mnist_sweep.system import commands

BACKEND, TENSORFLOW = "KERAS_BACKEND", "tensorflow"
BACKENDS = ("jax", "torch")  # of Keras, besides TensorFlow
FIT_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")  # by which Keras cuts every `fit` short
KERAS_CONFIG = {"image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7}
MAX_DATASETS = 2  # that a process keeps, as well as their input of graphs and read-only views
_CACHE: dict[str, OrderedDict[Hashable, Any]] = {}
_CONFIGURED: dict[str, Any] = {}


def configure(*, threads: int, gpus: float = 0.0, xla: bool = False, backend: str = TENSORFLOW) -> None:
    """Configure TensorFlow for this process's trials, before its first operation; a second equal call does nothing.

    Args:
        threads: Size of TensorFlow's thread pool.
        gpus: GPUs that a trial holds: 0 hides them all, a fraction below 1 takes that share of the card's memory.
        xla: Whether to compile gradients with XLA, which is faster on a GPU and slower for these networks on a CPU;
            layers such as dropout then draw other random numbers.
        backend: What Keras computes with, for training code of the user's own; models with `build` need TensorFlow.

    Raises:
        ResourceError: TensorFlow already runs with other settings, or Keras on another backend, or TensorFlow sees no
            GPU although the trial holds one.
    """
    wanted = {"threads": threads, "gpus": gpus, "xla": xla, "backend": backend}
    if wanted == _CONFIGURED:
        return
    refusal = ResourceError(
        f"TensorFlow already runs in this process with settings other than {threads=}, {gpus=} and {xla=}: "
        "start the sweep in a new process."
    )
    if _CONFIGURED:
        raise refusal
    _load_with(backend)
    import keras
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        _configure_gpus(gpus)
    except ResourceError:
        raise
    except RuntimeError as error:
        raise refusal from error
    for name, usual in KERAS_CONFIG.items():
        getattr(keras.config, f"set_{name}")(usual)
    if threads > 1 or gpus:
        tf.config.experimental.enable_op_determinism()
    if not gpus:
        # Rewriting a new graph takes 65 ms, and its steps were no faster on a CPU.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    _CONFIGURED.update(wanted)


def keras_backend() -> str:
    """Return the backend that the environment chooses for Keras."""
    return os.environ.get(BACKEND) or TENSORFLOW


def settings_of(runner: Any) -> dict[str, Any]:
    """Return the arguments of `configure` for the trials of a runner, which has `cpus_per_trial` and the like."""
    threads, gpus = runner.cpus_per_trial, runner.gpus_per_trial
    return {"threads": threads, "gpus": gpus, "xla": runner.xla, "backend": keras_backend()}


def validate_backend(*, trains_itself: bool) -> None:
    """Validate that a model can use the backend that the environment chooses for Keras.

    Raises:
        ResourceError: It cannot: only models that train themselves may use another one than TensorFlow; or the backend
            is not installed; or the environment limits their `fit`.
    """
    backend = keras_backend()
    if trains_itself and (limits := [name for name in FIT_LIMITS if name in os.environ]):
        raise ResourceError(f"{limits[0]} cuts Keras' `fit` short of a trial's steps: unset it, and use --steps.")
    if backend == TENSORFLOW:
        return
    if not trains_itself:
        raise ResourceError(
            f"{BACKEND} is {backend!r}, but the sweep's own training loop runs on TensorFlow: unset it. Only models "
            "with a `train` of their own may use another backend."
        )
    if backend not in BACKENDS or importlib.util.find_spec(backend) is None:
        raise ResourceError(f"{BACKEND} is {backend!r}, which is not installed: install {' or '.join(BACKENDS)}.")


def load() -> None:
    """Import TensorFlow, with oneDNN and without its log, and Keras on it, unless they are; configure nothing."""
    os.environ[BACKEND] = keras_backend()
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # its own default excludes processors without AVX-512
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" not in sys.modules:
        with _silent_and_fast_imports():
            importlib.import_module("keras")
            importlib.import_module("tensorflow")  # also where Keras runs on another backend


def _load_with(backend: str) -> None:
    os.environ[BACKEND] = backend
    load()
    import keras

    if keras.config.backend() != backend:
        raise ResourceError(f"Keras already runs on {keras.config.backend()} in this process, not on {backend}.")


@contextlib.contextmanager
def _silent_and_fast_imports() -> Iterator[None]:
    """Import without standard error, the garbage collector, and scikit-learn, unless that is loaded.

    TensorFlow logs from C++ while it is imported, whatever its log level; the imports create a million objects and no
    garbage; and Keras needs a second less without scikit-learn.
    """
    with contextlib.ExitStack() as undo:
        sys.stderr.flush()
        before = os.dup(2)
        undo.callback(os.close, before)
        undo.callback(os.dup2, before, 2)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        if "sklearn" not in sys.modules:
            modules: dict[str, Any] = sys.modules
            modules["sklearn"] = None  # documented by Python's import system
            undo.callback(modules.pop, "sklearn")
        if gc.isenabled():
            gc.disable()
            undo.callback(gc.enable)
        yield


def _configure_gpus(gpus: float) -> None:
    import tensorflow as tf

    if not gpus:
        tf.config.set_visible_devices([], "GPU")
        return
    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
        raise ResourceError(
            f"the trial holds {gpus:g} GPU (CUDA_VISIBLE_DEVICES={seen}), but TensorFlow sees none: "
            "install the extra `gpu` (tensorflow[and-cuda]) and check the driver, or run without --gpus-per-trial."
        )
    if len(cards) > 1:  # a trial trains on one
        tf.config.set_visible_devices(cards[:1], "GPU")
    if gpus < 1:
        limit = tf.config.LogicalDeviceConfiguration(memory_limit=int(_card_memory() * gpus))
        tf.config.set_logical_device_configuration(cards[0], [limit])
        return
    tf.config.experimental.set_memory_growth(cards[0], True)


def _card_memory() -> float:
    """Return the memory of the card that this process may see, in MiB, minus a twentieth for CUDA itself."""
    cards = [f"--id={card}" for card in filter(None, [os.environ.get("CUDA_VISIBLE_DEVICES")])]
    printed = commands.output("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", *cards)
    try:
        return 0.95 * min(float(line) for line in (printed or "").split())
    except ValueError as error:
        raise ResourceError("a share of a GPU's memory needs `nvidia-smi` to report how much there is.") from error


def configured() -> Mapping[str, Any]:
    """Return the arguments of `configure` in this process; empty before it was called."""
    return _CONFIGURED


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's, Keras' and TensorFlow's global generators, from which a user's layers may draw.

    TensorFlow then drops the kernels of every cached graph, which costs each later trial 0.1 to 0.2 s.
    """
    import keras

    keras.utils.set_random_seed(seed % 2**32)


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Run code of a user under a dtype policy and usual settings; restore them. ResourceError if it is not eager."""
    import keras
    import tensorflow as tf

    if not tf.executing_eagerly():  # since an imported module disables that
        raise ResourceError("training needs eager execution: remove `disable_eager_execution` and the like.")
    setters: dict[Any, Callable[[Any], object]] = {
        keras.config.dtype_policy: keras.config.set_dtype_policy,
        **{getattr(keras.config, name): getattr(keras.config, f"set_{name}") for name in KERAS_CONFIG},
        tf.config.functions_run_eagerly: tf.config.run_functions_eagerly,
        tf.config.optimizer.get_jit: lambda before: tf.config.optimizer.set_jit(before or False),
        tf.executing_eagerly: lambda _: (tf.compat.v1.reset_default_graph(), tf.compat.v1.enable_v2_behavior()),
    }
    for name, usual in KERAS_CONFIG.items():  # which an imported module may have set since `configure`
        getattr(keras.config, f"set_{name}")(usual)
    before = {get: get() for get in setters}
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        for get, value in before.items():
            if get() != value:
                setters[get](value)


def traced(method: Callable[..., Any], **options: Any) -> Any:
    """Return a method as a `tf.function` of its own, so that TensorFlow does not warn that it is traced often.

    TensorFlow counts by the code of the method, whatever its object; but each network and each kind of optimizer has
    graphs of its own, which are traced once.
    """
    import tensorflow as tf

    function = functools.partial(method)
    vars(function)["__name__"] = method.__name__  # names the graph
    return tf.function(function, **options)


def cached(kind: str, key: Hashable, make: Callable[[], Any], *, limit: int) -> Any:
    """Return what this process caches under a key, made first if missing; each kind keeps the `limit` used last."""
    entries = _CACHE.setdefault(kind, OrderedDict())
    if key not in entries:
        entries[key] = make()
    entries.move_to_end(key)
    while len(entries) > limit:
        entries.popitem(last=False)
    return entries[key]
