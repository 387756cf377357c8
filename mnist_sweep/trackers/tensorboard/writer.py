"""What TensorBoard is shown of a trial in training.

A trial has a folder of its own with the runs `train` (batches as they were trained on) and `test` (the validation
split), and beside them its hyperparameters and its accuracy on the test split. `full` adds what the classic expert
tutorial showed. Nothing here changes a weight: what is shown of a trial does not change its numbers. Where it cannot be
written, as on a full disk, the trial goes on without.
"""

import functools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS

from mnist_sweep.text.lines import one_line
from mnist_sweep.trackers.tensorboard import traces as trace
from mnist_sweep.trackers.tensorboard.hparams import hyperparameters
from mnist_sweep.trackers.tensorboard.layers import LayerSummaries
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status

if TYPE_CHECKING:
    from mnist_sweep.training.network import Network
    from mnist_sweep.training.train_step import TrainStep

SHOWN_IMAGES = 10
PROBED_IMAGES = 100
EVALUATIONS_BETWEEN_TRACES = 10
NODE = re.compile(r"\{\{.*?\}\}")
Given = ParamSpec("Given")
RUN_METADATA = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "graph_run_metadata", "content": b"1"})


def _unless_lost(
    show: "Callable[Concatenate[TensorBoardWriter, Given], None]",
) -> "Callable[Concatenate[TensorBoardWriter, Given], None]":
    """Return a method that notes why a log could not be written, and does nothing from then on."""

    @functools.wraps(show)
    def shown(self: "TensorBoardWriter", /, *arguments: Given.args, **named: Given.kwargs) -> None:
        if self.lost:
            return
        try:
            show(self, *arguments, **named)
        except (OSError, tf.errors.OpError) as error:
            self.lost = NODE.sub("", one_line(error)).strip()

    return shown


class TensorBoardWriter:
    """Writes what TensorBoard is shown of one trial; a context that lasts as long as the trial's training.

    Args:
        folder: The trial's folder of logs.
        config: The trial.
        full: Whether to show weights, activations, images, the graph, memory and traces, too.
        fresh: Whether to remove what an earlier run of the trial left there, because this one starts over.

    Attributes:
        lost: Why nothing is shown any more, or None.
    """

    def __init__(self, folder: Path, config: TrialConfig, *, full: bool, fresh: bool = True) -> None:
        self.lost: str | None = None
        self._config, self._full = config, full
        self._open(folder, fresh=fresh)

    @_unless_lost
    def _open(self, folder: Path, *, fresh: bool) -> None:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        for stale in folder.glob("*tfevents*"):  # what a trial that goes on would tell twice
            stale.unlink()
        self._own, self._train, self._test = (
            tf.summary.create_file_writer(str(folder / name)) for name in ("", "train", "test")
        )
        with self._own.as_default(step=0):
            hparams.hparams(hyperparameters(to_flat(self._config)), trial_id=trial_id(self._config))

    @_unless_lost
    def begin(self, network: "Network", program: "TrainStep", val: tuple[Any, Any]) -> None:
        """Show the graph of a training step and the first validation images.

        Args:
            network: What is trained.
            program: What trains it.
            val: Images and labels of the validation split.
        """
        if not self._full:
            return
        self._model, self._probe = network.model, LayerSummaries(network.model)
        self._images = network.scaled_images(val[0][:PROBED_IMAGES])
        self._graph = program.step.get_concrete_function().graph
        with self._train.as_default(step=0):
            tf.summary.graph(trace.shown(self._graph))
        with self._test.as_default(step=0):
            tf.summary.image("images", self._images, max_outputs=SHOWN_IMAGES)

    def is_traced(self, step: int) -> bool:
        """Return whether the step that ends at a point is to be traced: at every tenth evaluation, from the first."""
        num_evaluations, steps_since = divmod(step, self._config.evaluate_every)
        is_evaluated = steps_since == 0 or step == self._config.num_steps
        is_shown = self._full and is_evaluated and not self.lost
        return is_shown and (num_evaluations + (steps_since > 0)) % EVALUATIONS_BETWEEN_TRACES == 1

    @_unless_lost
    def trace(self, step: int, take: Callable[[], object]) -> None:
        """Show time and memory of each operation of a step, and its whole time.

        Args:
            step: The step's number.
            take: Takes the step that the graph shows; is called twice.
        """
        metadata, seconds = trace.traced(take, self._graph)
        with self._train.as_default(step=step):
            tf.summary.write(f"step {step}", tf.constant(metadata.SerializeToString()), metadata=RUN_METADATA)
            tf.summary.scalar("trace/step_milliseconds", 1000 * seconds)

    @_unless_lost
    def point(self, point: Evaluation) -> None:
        """Show a point of the learning curve, and if `full` what the network is like at an evaluation."""
        with self._train.as_default(step=point.step):
            tf.summary.scalar("accuracy", point.train_accuracy)
            tf.summary.scalar("cross_entropy", point.train_loss)
            tf.summary.scalar("learning_rate", point.learning_rate)
        if point.val_accuracy is None or point.val_loss is None:
            return
        with self._test.as_default(step=point.step):
            tf.summary.scalar("accuracy", point.val_accuracy)
            tf.summary.scalar("cross_entropy", point.val_loss)
        if self._full:
            with self._train.as_default(step=point.step):
                _show_weights(self._model)
                for name, value in trace.memory().items():
                    tf.summary.scalar(f"trace/{name}", value)
            with self._test.as_default(step=point.step):
                self._probe.show(self._images)

    @_unless_lost
    def end(self, status: Status, test_accuracy: float | None) -> None:
        """Show how the trial ended, and the accuracy on the test split."""
        ended = hparams_summary.session_end_pb(STATUS_SUCCESS if status is Status.OK else STATUS_FAILURE)
        with self._own.as_default(step=self._config.num_steps):
            tf.summary.experimental.write_raw_pb(ended.SerializeToString())
            if test_accuracy is not None:
                tf.summary.scalar("test_accuracy", test_accuracy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind and issubclass(kind, Exception):  # a pause and an early stop are none
            self.end(Status.FAILED, None)
        self._close()

    @_unless_lost
    def _close(self) -> None:
        for writer in (self._own, self._train, self._test):
            writer.close()


def _show_weights(model: Any) -> None:
    for variable in model.trainable_variables:
        name, value = variable.path, tf.convert_to_tensor(variable.value)
        tf.summary.scalar(f"{name}/mean", tf.reduce_mean(value))
        tf.summary.scalar(f"{name}/stddev", tf.math.reduce_std(value))
        tf.summary.scalar(f"{name}/min", tf.reduce_min(value))
        tf.summary.scalar(f"{name}/max", tf.reduce_max(value))
        tf.summary.histogram(f"{name}/histogram", value)
