"""The TensorBoard logs of a trial in training.

A trial has a folder of its own with the runs `train` (batches as they were trained on) and `validation`, and beside
them its hyperparameters and its accuracy on the test split; the trials of a config are a row of the HParams table.
`full` adds what the classic expert tutorial showed. Nothing here changes a weight, so logs do not change a trial's
numbers. Where they cannot be written, as on a full disk, the trial continues without them.
"""

import functools
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS

from mnist_sweep.text.lines import one_line
from mnist_sweep.trackers.run_data import group_name
from mnist_sweep.trackers.tensorboard import traces
from mnist_sweep.trackers.tensorboard.hparams import hyperparameters, loss_tag
from mnist_sweep.trackers.tensorboard.layers import LayerSummaries
from mnist_sweep.trials.config import TrialConfig, config_id, to_flat
from mnist_sweep.trials.row import Evaluation, Status

NUM_IMAGES_SHOWN = 10
NUM_IMAGES_SUMMARIZED = 100
EVALUATIONS_BETWEEN_TRACES = 10
STATISTICS = {"mean": tf.reduce_mean, "stddev": tf.math.reduce_std, "min": tf.reduce_min, "max": tf.reduce_max}
NODE = re.compile(r"\{\{.*?\}\}")
Given = ParamSpec("Given")
RUN_METADATA = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "graph_run_metadata", "content": b"1"})


def _unless_failed(
    method: "Callable[Concatenate[TensorBoardWriter, Given], None]",
) -> "Callable[Concatenate[TensorBoardWriter, Given], None]":
    """Return a method that records why a log could not be written, and does nothing from then on."""

    @functools.wraps(method)
    def wrapper(self: "TensorBoardWriter", /, *arguments: Given.args, **named: Given.kwargs) -> None:
        if self.error:
            return
        try:
            method(self, *arguments, **named)
        except (OSError, tf.errors.OpError) as error:
            self.error = self.error or NODE.sub("", one_line(error)).strip()

    return wrapper


class TensorBoardWriter:
    """Writes the TensorBoard logs of one trial to a folder; a context that lasts as long as the trial's training.

    Args:
        fields: Those in which the sweep's trials differ.
        full: Whether to write weights, activations, images, the graph, memory and traces, too.
        fresh: Whether to remove what an earlier run of the trial left there, because this one starts over.

    Attributes:
        error: Why nothing is written any more, or None.
    """

    error: str | None = None

    @_unless_failed
    def __init__(
        self, folder: Path, config: TrialConfig, *, fields: Sequence[str] = (), full: bool, fresh: bool = True
    ) -> None:
        flat = to_flat(config)
        self._config, self._full, self._loss_tag, self._measure = config, full, loss_tag(flat), config.measure
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        for stale in folder.glob("*tfevents*"):  # a trial that resumes writes these again
            stale.unlink()
        self._own, self._train, self._validation = (
            tf.summary.create_file_writer(str(folder / name)) for name in ("", "train", "validation")
        )
        with self._own.as_default(step=0):
            hparams.hparams(hyperparameters(flat), trial_id=group_name(flat, fields, config_id(config)))

    @_unless_failed
    def on_train_begin(self, model: Any, step: Any, images: Callable[[int], Any]) -> None:
        """Write the graph of a training step, a `tf.function`, and the first validation images."""
        if not self._full:
            return
        self._model, self._layers = model, LayerSummaries(model)
        self._images = images(NUM_IMAGES_SUMMARIZED)
        self._graph = step.get_concrete_function().graph
        with self._train.as_default(step=0):
            tf.summary.graph(traces.graph_definition(self._graph))
        with self._validation.as_default(step=0):
            tf.summary.image("images", self._images, max_outputs=NUM_IMAGES_SHOWN)

    def is_traced(self, step: int) -> bool:
        """Return whether to trace the step that ends at a point: every tenth evaluation, from the first on."""
        num_evaluations, steps_since = divmod(step, self._config.evaluate_every)
        is_evaluated = steps_since == 0 or step == self._config.num_steps
        is_written = self._full and is_evaluated and not self.error
        return is_written and (num_evaluations + (steps_since > 0)) % EVALUATIONS_BETWEEN_TRACES == 1

    @_unless_failed
    def on_trace(self, step: int, run_step: Callable[[], object]) -> None:
        """Write time and memory of each operation of a step, which is run twice, and its total time."""
        metadata, seconds = traces.profile(run_step, self._graph)
        with self._train.as_default(step=step):
            tf.summary.write(f"step {step}", tf.constant(metadata.SerializeToString()), metadata=RUN_METADATA)
            tf.summary.scalar("trace/step_milliseconds", 1000 * seconds)

    @_unless_failed
    def on_evaluation(self, evaluation: Evaluation) -> None:
        """Write a point of the learning curve, and the network's weights and activations if `full`."""
        has_validation = evaluation.val is not None
        with self._train.as_default(step=evaluation.step):
            _write_scalar("accuracy", evaluation.train_accuracy)
            _write_scalar(self._loss_tag, evaluation.train_loss)
            _write_scalar("learning_rate", evaluation.learning_rate)
            if self._full and has_validation:
                _write_weights(self._model)
                for name, value in traces.memory().items():
                    tf.summary.scalar(f"trace/{name}", value)
        with self._validation.as_default(step=evaluation.step):
            _write_scalar("accuracy", evaluation.val_accuracy)
            _write_scalar(self._measure.name, evaluation.val_objective)
            _write_scalar(self._loss_tag, evaluation.val_loss)
            if self._full and has_validation:
                self._layers.write(self._images)

    @_unless_failed
    def on_train_end(self, status: Status, test_accuracy: float | None, test_objective: float | None = None) -> None:
        """Write how the trial ended, and its results on the test split."""
        ended = hparams_summary.session_end_pb(STATUS_SUCCESS if status is Status.OK else STATUS_FAILURE)
        with self._own.as_default(step=self._config.num_steps):
            tf.summary.experimental.write_raw_pb(ended.SerializeToString())
            _write_scalar("test_accuracy", test_accuracy)
            _write_scalar(self._measure.test, test_objective)

    def __enter__(self) -> Self:
        return self

    @_unless_failed
    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind and issubclass(kind, Exception):  # neither a pause nor an early stop
            self.on_train_end(Status.FAILED, None)
        for writer in (self._own, self._train, self._validation):
            writer.close()


def _write_scalar(name: str, value: float | None) -> None:
    if value is not None:
        tf.summary.scalar(name, value)


def _write_weights(model: Any) -> None:
    for variable in model.trainable_variables:
        name, value = variable.path, tf.convert_to_tensor(variable.value)
        for statistic, reduce in STATISTICS.items():
            tf.summary.scalar(f"{name}/{statistic}", reduce(value))
        tf.summary.histogram(f"{name}/histogram", value)
