"""What TensorBoard is shown of a trial in training.

A trial has a folder of its own with the runs `train` (batches as they were trained on) and `test` (the validation
split), and beside them its hyperparameters and its accuracy on the test split. `full` adds what the classic expert
tutorial showed. Nothing here changes a weight: what is shown of a trial does not change its numbers.
"""

import contextlib
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from mnist_sweep.config import TrialConfig, to_flat, trial_id
from mnist_sweep.rows import Evaluation

if TYPE_CHECKING:
    from mnist_sweep.graphs import Network

SHOWN_IMAGES = 10
SHOWN_MAPS = 16
PROBED_IMAGES = 100
EVALUATIONS_BETWEEN_TRACES = 10
RUN_METADATA = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "graph_run_metadata", "content": b"1"})


class Summaries:
    """Writes what TensorBoard is shown of one trial.

    Args:
        folder: The trial's folder of logs.
        config: The trial.
        full: Whether to show weights, activations, images, the graph and traces, too.
        fresh: Whether to remove what an earlier run of the trial left there, because this one starts over.
    """

    def __init__(self, folder: Path, config: TrialConfig, *, full: bool, fresh: bool = True) -> None:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        self._own, self._train, self._test = (
            tf.summary.create_file_writer(str(folder / name)) for name in ("", "train", "test")
        )
        self._config, self._full = config, full
        self._num_evaluations = 0
        with self._own.as_default(step=0):
            settings = {name: _plain(value) for name, value in to_flat(config).items() if value is not None}
            hparams.hparams(settings, trial_id=trial_id(config))

    def begin(self, network: "Network", val: tuple[Any, Any]) -> None:
        """Show the graph of a training step and the first validation images.

        Args:
            network: What is trained.
            val: Images and labels of the validation split.
        """
        if not self._full:
            return
        self._network = network
        self._images = network.scaled_images(val[0][:PROBED_IMAGES])
        self._probe = _Probe(network.model)
        with self._train.as_default(step=0):
            tf.summary.graph(network.gradients.get_concrete_function().graph)
        with self._test.as_default(step=0):
            tf.summary.image("images", self._images, max_outputs=SHOWN_IMAGES)

    def is_traced(self, step: int) -> bool:
        """Return whether the step that ends at a point is to be traced: every tenth evaluation, from the first."""
        evaluated = step % self._config.evaluate_every == 0 or step == self._config.num_steps
        return self._full and evaluated and self._num_evaluations % EVALUATIONS_BETWEEN_TRACES == 0

    @contextlib.contextmanager
    def trace(self, step: int) -> Iterator[None]:
        """Show the time of each operation of the step that the body takes, the whole time, and the peak of memory."""
        with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as folder:
            options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3, python_tracer_level=0)
            tf.profiler.experimental.start(folder, options)
            start = time.perf_counter()
            try:
                yield
            finally:
                seconds = time.perf_counter() - start
                tf.profiler.experimental.stop()
            metadata = _run_metadata(Path(folder))
        with self._train.as_default(step=step):
            tf.summary.write(f"step {step}", tf.constant(metadata.SerializeToString()), metadata=RUN_METADATA)
            tf.summary.scalar("trace/step_milliseconds", 1000 * seconds)
            tf.summary.scalar("trace/peak_memory_mib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    def point(self, point: Evaluation) -> None:
        """Show a point of the learning curve, and if `full` what the network is like at an evaluation."""
        with self._train.as_default(step=point.step):
            tf.summary.scalar("accuracy", point.train_accuracy)
            tf.summary.scalar("cross_entropy", point.train_loss)
            tf.summary.scalar("learning_rate", point.learning_rate)
        if point.val_accuracy is None or point.val_loss is None:
            return
        self._num_evaluations += 1
        with self._test.as_default(step=point.step):
            tf.summary.scalar("accuracy", point.val_accuracy)
            tf.summary.scalar("cross_entropy", point.val_loss)
        if self._full:
            with self._train.as_default(step=point.step):
                _show_weights(self._network.model)
            with self._test.as_default(step=point.step):
                self._probe.show(self._images)

    def end(self, test_accuracy: float | None) -> None:
        """Show the accuracy on the test split."""
        if test_accuracy is not None:
            with self._own.as_default(step=self._config.num_steps):
                tf.summary.scalar("test_accuracy", test_accuracy)

    def close(self) -> None:
        """Write everything out."""
        for writer in (self._own, self._train, self._test):
            writer.close()


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _show_weights(model: Any) -> None:
    for variable in model.trainable_variables:
        name, value = variable.path, tf.convert_to_tensor(variable.value)
        tf.summary.scalar(f"{name}/mean", tf.reduce_mean(value))
        tf.summary.scalar(f"{name}/stddev", tf.math.reduce_std(value))
        tf.summary.scalar(f"{name}/min", tf.reduce_min(value))
        tf.summary.scalar(f"{name}/max", tf.reduce_max(value))
        tf.summary.histogram(f"{name}/histogram", value)


class _Probe:
    """Looks at what the layers of a model make of images; at nothing in a model that Keras cannot take apart."""

    def __init__(self, model: Any) -> None:
        layers = model.layers if getattr(model, "inputs", None) else []
        self._weighted = [layer for layer in layers if hasattr(layer, "kernel")]
        self._pools = [layer for layer in layers if isinstance(layer, keras.layers.MaxPooling2D)]
        seen = [layer.input for layer in self._weighted] + [layer.output for layer in self._pools]
        self._model = keras.Model(model.inputs, seen) if seen else None
        self._run = tf.function(self._look, autograph=False)

    def _look(self, images: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return pre-activations and activations of each layer with weights, and outputs of each pooling."""
        outputs = self._model(images, training=False) if self._model else []
        outputs = outputs if isinstance(outputs, list) else [outputs]
        before = [_linear(layer, value) for layer, value in zip(self._weighted, outputs, strict=False)]
        after = [layer.activation(value) for layer, value in zip(self._weighted, before, strict=True)]
        return before, after, outputs[len(self._weighted) :]

    def show(self, images: Any) -> None:
        """Show histograms of the layers' values, the first layer's filters, and what an image becomes in each block."""
        before, after, pooled = self._run(images)
        for layer, pre_activations, activations in zip(self._weighted, before, after, strict=True):
            tf.summary.histogram(f"{layer.name}/pre_activations", pre_activations)
            tf.summary.histogram(f"{layer.name}/activations", activations)
            if len(activations.shape) == 4:
                _show_maps(f"{layer.name}/convolved", activations[0])
        for layer, values in zip(self._pools, pooled, strict=True):
            _show_maps(f"{layer.name}/pooled", values[0])
        if self._weighted and len(self._weighted[0].kernel.shape) == 4:
            kernel = tf.transpose(tf.convert_to_tensor(self._weighted[0].kernel.value), [3, 0, 1, 2])
            coloured = kernel if kernel.shape[-1] in (1, 3) else tf.reduce_mean(kernel, axis=-1, keepdims=True)
            tf.summary.image(f"{self._weighted[0].name}/filters", _in_range(coloured), max_outputs=kernel.shape[0])


def _linear(layer: Any, inputs: Any) -> Any:
    """Return what a layer makes of its inputs without its activation."""
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return layer(inputs)
    finally:
        layer.activation = activation


def _show_maps(name: str, maps: Any) -> None:
    """Show the channels of one image `[height, width, channels]` as grey images."""
    tf.summary.image(name, _in_range(tf.transpose(maps, [2, 0, 1])[..., None]), max_outputs=SHOWN_MAPS)


def _in_range(images: Any) -> Any:
    """Return images `[n, height, width, channels]`, each stretched to [0, 1]."""
    images = tf.cast(images, tf.float32)
    low = tf.reduce_min(images, axis=[1, 2, 3], keepdims=True)
    high = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(images - low, high - low)


def _run_metadata(folder: Path) -> Any:
    """Return the times of operations that the profiler wrote, under the names that the graph is shown with."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    metadata = tf.compat.v1.RunMetadata()
    (file,) = folder.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(file.read_bytes())
    for plane in space.planes:
        names = {number: event.name for number, event in plane.event_metadata.items()}
        device = metadata.step_stats.dev_stats.add(device="/device:CPU:0")
        for line in plane.lines:
            for event in line.events:
                name, is_operation, _ = names[event.metadata_id].rpartition(":")
                if not is_operation or "/" not in name:
                    continue
                start = line.timestamp_ns // 1000 + event.offset_ps // 1_000_000
                device.node_stats.add(
                    node_name=name.rpartition("StatefulPartitionedCall/")[2],
                    all_start_micros=start,
                    op_end_rel_micros=event.duration_ps // 1_000_000,
                    all_end_rel_micros=event.duration_ps // 1_000_000,
                )
    return metadata
