"""The loop over the steps of one model: what a trial does between its first step and its last.

Steps run in calls of a graph that take about a second each, so that a trial can be paused within that. How steps are
cut into calls changes no bit, and neither does going on from a checkpoint.
"""

import functools
import math
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from mnist_sweep.data.batches import indices
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import CheckpointError, LedgerError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.training import graph_cache
from mnist_sweep.training.callback import TrainingCallback
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.state import Clock, Fit, Heartbeat, TrainingState
from mnist_sweep.trials import overrides
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation, Status

SECONDS_PER_CALL = 1.0
FIRST_STEPS_PER_CALL = 20
MOST_STEPS_PER_CALL = 200
SPLITS = ("val", "test")


class Loop:
    """One model in training.

    Args:
        config: What to train.
        data: What to train it on.
        summaries: What TensorBoard is shown meanwhile; None means nothing.
        checkpoints: Where to go on from and what to leave meanwhile; None means to start over and leave nothing.
    """

    def __init__(
        self, config: TrialConfig, data: Dataset, summaries: TrainingCallback | None, checkpoints: Checkpoints | None
    ) -> None:
        self._config, self._data, self._summaries, self._checkpoints = config, data, summaries, checkpoints
        self._clock = Clock()
        self._classes: dict[str, Any] = {}
        self._now = overrides.at(config, 0)
        self._network, self._program = graph_cache.graphs(self._now, data)
        self._splits = graph_cache.tensors(data)
        self._course, self._note = self._begin()
        self._clock.seconds = self._course.seconds
        if summaries:
            summaries.begin(self._network, self._program, self._splits["val"])
        self._clock.lap("setup")

    def _begin(self) -> tuple[TrainingState, str | None]:
        """Return where the trial goes on, and what the user should know of it."""
        try:
            found = self._checkpoints.load() if self._checkpoints else None
            if found is None:
                return TrainingState(), None
            course, arrays = found
            self._program.restore(arrays)
        except (CheckpointError, LedgerError) as error:
            return TrainingState(), f"starts over, for {error}"
        return course, f"goes on from step {course.step}"

    def run(self) -> Generator[Evaluation | Heartbeat, None, Status]:
        """Train to the end, telling the points that a checkpoint held again; return how it ended."""
        course, config = self._course, self._config
        yield self._tick(self._note)
        yield from tuple(course.history)
        self._clock.go_on()
        while course.step < config.num_steps:
            last = _next_point(config, course.step)
            yield from self._advance(last)
            if not math.isfinite(course.loss_sum):
                return Status.DIVERGED
            validated: tuple[float | None, float | None] = (None, None)
            if last % config.evaluate_every == 0 or last == config.num_steps:
                validated = loss, _ = self._evaluate("val")
                if not math.isfinite(loss):
                    return Status.DIVERGED
            point = self._point(validated)
            course.add(point)
            self._show(point)
            yield point
            self._clock.go_on()
            yield from self._save_if_due()
        yield from self._saved(lambda checkpoints: checkpoints.save_end(course, self._program.arrays()))
        return Status.OK

    def _advance(self, last: int) -> Generator[Heartbeat, None, None]:
        """Take the steps up to `last`, or up to a loss that is not finite."""
        course = self._course
        while course.step < last and math.isfinite(course.loss_sum):
            self._hold(overrides.at(self._config, course.step))
            change = overrides.next_step(self._config, course.step)
            self._call(min(last, change, course.step + self._steps_per_call()))
            self._clock.lap("train")
            if course.step < last:
                yield self._tick()
                self._clock.go_on()
                yield from self._save_if_due()

    def _hold(self, now: TrialConfig) -> None:
        """Set the numbers of the optimizer and of the model to those that hold now."""
        if now == self._now:
            return
        self._program.hold(now)
        self._network.hold(
            graph_cache.initial_values(self._now, self._data), graph_cache.initial_values(now, self._data)
        )
        self._now = now

    def _call(self, end: int) -> None:
        """Take the steps up to `end` in one call of the graph."""
        course, config, program = self._course, self._config, self._program
        images, labels = self._splits["train"]
        start = time.perf_counter()
        rows = indices(config.seed, course.step, end, batch_size=config.batch_size, num_examples=len(labels))
        rates = _learning_rates(self._now, course.step, end).astype("float32")
        seeds, sums = program.seeds(config.seed), (course.loss_sum, course.num_correct)
        losses, correct, taken = program.train(images, labels, rows, rates, course.step, seeds, *sums)
        course.loss_sum, course.num_correct = float(losses), int(correct)
        course.step += int(taken)
        seconds = time.perf_counter() - start
        program.seconds_per_step = min(program.seconds_per_step, seconds / int(taken))

    def _steps_per_call(self) -> int:
        each = self._program.seconds_per_step
        steps = FIRST_STEPS_PER_CALL if math.isinf(each) else SECONDS_PER_CALL / each
        return max(1, int(min(MOST_STEPS_PER_CALL, steps)))

    def _evaluate(self, split: str) -> tuple[float, float]:
        """Return the mean loss and the accuracy on a whole split."""
        images, labels = self._splits[split]
        loss_sum, num_correct, self._classes[split] = self._network.evaluate(images, labels)
        means = float(loss_sum) / len(labels), int(num_correct) / len(labels)
        self._clock.lap("evaluate")
        return means

    def _point(self, validated: Sequence[float | None]) -> Evaluation:
        course, config = self._course, self._config
        steps = course.step - course.first
        return Evaluation(
            step=course.step,
            train_loss=course.loss_sum / steps,
            train_accuracy=course.num_correct / (steps * config.batch_size),
            val_loss=validated[0],
            val_accuracy=validated[1],
            learning_rate=float(_learning_rates(self._now, course.step - 1, course.step)[0]),
            seconds=self._course.inherited + self._clock.total(),
        )

    def _show(self, point: Evaluation) -> None:
        if self._summaries:
            self._summaries.point(point)
            if self._summaries.is_traced(point.step):
                with self._program.rehearsal():
                    self._summaries.trace(point.step, self._rehearsed())

    def _rehearsed(self) -> Callable[[], object]:
        """Return what takes the last step over again, on the same batch."""
        step, config, program = self._course.step - 1, self._config, self._program
        images, labels = self._splits["train"]
        (rows,) = indices(config.seed, step, step + 1, batch_size=config.batch_size, num_examples=len(labels))
        (rate,) = _learning_rates(self._now, step, step + 1).astype("float32")
        return functools.partial(program.step, images, labels, rows, rate, step, program.seeds(config.seed))

    def _tick(self, note: str | None = None) -> Heartbeat:
        return Heartbeat(self._course.step, self._network.parameters, note, self._course.inherited)

    def _save_if_due(self) -> Generator[Heartbeat, None, None]:
        if self._checkpoints and self._checkpoints.is_due():
            yield from self._saved(lambda _: self.save())

    def _saved(self, save: Callable[[Checkpoints], None]) -> Generator[Heartbeat, None, None]:
        if self._checkpoints:
            try:
                save(self._checkpoints)
            except LedgerError as error:
                yield self._tick(f"goes on without a checkpoint, for {error}")
            self._clock.go_on()

    def save(self) -> None:
        """Write a checkpoint, if there is a place for it.

        Raises:
            LedgerError: It cannot be written.
        """
        if self._checkpoints and self._course.step:
            self._checkpoints.save(self._course, self._program.arrays())

    def fit(self, status: Status) -> Fit:
        """Return what training brought; after the last step, the test split is evaluated."""
        is_ok = status is Status.OK
        test_accuracy = self._evaluate("test")[1] if is_ok else None
        if is_ok and "val" not in self._classes:  # gone on from a checkpoint of the last step
            self._evaluate("val")
        if self._summaries:
            self._summaries.end(status, test_accuracy)
        return Fit(
            status=status,
            steps=self._course.step,
            history=tuple(self._course.history),
            test_accuracy=test_accuracy,
            parameters=self._network.parameters,
            seconds=self._clock.seconds,
            model=self._network.model if is_ok else None,
            predictions=Predictions(**{name: self._classes[name].numpy() for name in SPLITS}) if is_ok else None,
        )


def _next_point(config: TrialConfig, step: int) -> int:
    """Return the step after which the learning curve has its next point."""
    every = [config.evaluate_every, *([config.log_every] if config.log_every else [])]
    return min(config.num_steps, *(step - step % steps + steps for steps in every))


def _learning_rates(config: TrialConfig, first: int, last: int) -> Any:
    """Return the learning rates of steps `first` to `last - 1`: float64 `[last - first]`."""
    return config.optimizer.learning_rate * config.schedule.factors(first, last, config.num_steps)
