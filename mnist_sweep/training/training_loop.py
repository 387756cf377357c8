"""The loop over the steps of one model, from a trial's first step to its last.

Steps run in calls of a graph that take about a second each, so that a trial can be paused within that. Neither the
division of steps into calls nor a resumption from a checkpoint changes any bit.
"""

import functools
import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.batches import indices
from mnist_sweep.errors import LedgerError
from mnist_sweep.optim import image_contributions
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.training.checkpoints import Checkpoints, resumed
from mnist_sweep.training.trial_progress import (
    UNKNOWN,
    FitResult,
    Heartbeat,
    PhaseTimer,
    Sums,
    TrainingCallback,
    TrainingState,
    Validated,
)
from mnist_sweep.trials import overrides
from mnist_sweep.trials.row import Evaluation, Status

if TYPE_CHECKING:
    from mnist_sweep.data.dataset import Dataset
    from mnist_sweep.trials.config import TrialConfig

SECONDS_PER_CALL = 1.0
INITIAL_STEPS_PER_CALL = 20
MAX_STEPS_PER_CALL = 200


class TrainingLoop:
    """One model in training; the arguments are those of `fitting.train`."""

    def __init__(
        self,
        config: "TrialConfig",
        data: "Dataset",
        callback: TrainingCallback | None,
        checkpoints: Checkpoints | None,
    ) -> None:
        from mnist_sweep.training import graph_cache, input_pipeline

        self._config, self._data, self._callback, self._checkpoints = config, data, callback, checkpoints
        self._timer = PhaseTimer()
        self._results: dict[str, Any] = {}
        self._current = overrides.config_at(config, 0)
        self._initial_values = functools.partial(graph_cache.initial_values, data=data)
        self._network, self._train_step = graph_cache.initialized_graphs(self._current, data)
        self._splits, self._evaluated = input_pipeline.split_inputs(data), input_pipeline.evaluated
        self._rows = functools.partial(indices, config.seed, batch_size=config.batch_size, num_examples=len(data.train))
        self._state, self._note = resumed(checkpoints, self._train_step.restore)
        self._timer.seconds = self._state.seconds
        if callback:
            images, scaled = data.val.images, self._network.scaled_images
            run_step = self._train_step.run_step
            callback.on_train_begin(self._network.model, run_step, lambda count: scaled(images[:count]))
        self._timer.add_to("setup")

    def run(self) -> Generator[Evaluation | Heartbeat, None, Status]:
        """Train to the end, repeating the points that a checkpoint held; return how training ended."""
        state, config = self._state, self._config
        yield self._heartbeat(self._note)
        yield from tuple(state.history)
        self._timer.skip()
        while state.step < config.num_steps:
            last = _next_point(config, state.step)
            yield from self._train_to(last)
            if not math.isfinite(state.loss_sum):
                return Status.DIVERGED
            validated = UNKNOWN
            if last % config.evaluate_every == 0 or last == config.num_steps:
                validated = self._evaluate("val")
                if not math.isfinite(validated[0] or 0.0):
                    return Status.DIVERGED
            evaluation = self._point(validated)
            state.add(evaluation)
            self._notify(evaluation)
            yield evaluation
            self._timer.skip()
            yield from self._save_if_due()
        if self._checkpoints:
            yield from self._saved(self._checkpoints.save_end)
        return Status.OK

    def _train_to(self, last: int) -> Generator[Heartbeat, None, None]:
        """Take the steps up to `last`, or up to a loss that is not finite."""
        state = self._state
        while state.step < last and math.isfinite(state.loss_sum):
            self._set_hyperparameters(overrides.config_at(self._config, state.step))
            change = overrides.next_change(self._config, state.step)
            self._run_steps(min(last, change, state.step + self._steps_per_call()))
            self._timer.add_to("train")
            if state.step < last:
                yield self._heartbeat()
                self._timer.skip()
                yield from self._save_if_due()

    def _set_hyperparameters(self, config: "TrialConfig") -> None:
        if config == self._current:
            return
        self._train_step.set_hyperparameters(config)
        self._network.set_hyperparameters(config)
        self._network.update_hyperparameters(self._initial_values(self._current), self._initial_values(config))
        self._current = config

    def _run_steps(self, end: int) -> None:
        state, train_step = self._state, self._train_step
        start = time.perf_counter()
        first, seeds = state.step, train_step.subseeds(self._config.seed)
        for inputs in self._inputs(first, end):
            sums = Sums(state.loss_sum, state.num_correct)
            sums, taken = train_step.run_steps(*inputs, state.step, seeds, sums)
            state.loss_sum, state.num_correct = float(sums.loss), int(sums.num_correct)
            state.step += int(taken)
            if not math.isfinite(state.loss_sum):
                break
        seconds = time.perf_counter() - start
        train_step.seconds_per_step = min(train_step.seconds_per_step, seconds / (state.step - first))

    def _inputs(self, first: int, last: int) -> Iterator[tuple[Any, Any, Any, Any]]:
        """Yield images, labels, rows of places in them, and learning rates, for some of the steps at a time."""
        for images, labels, rows in self._splits["train"].steps(first, last, self._rows):
            yield images, labels, rows, _learning_rates(self._current, first, first + len(rows)).astype("float32")
            first += len(rows)

    def _steps_per_call(self) -> int:
        seconds = self._train_step.seconds_per_step
        steps = INITIAL_STEPS_PER_CALL if math.isinf(seconds) else SECONDS_PER_CALL / seconds
        return max(1, int(min(MAX_STEPS_PER_CALL, steps)))

    def _evaluate(self, split: str) -> Validated:
        labels, evaluate = self._data.splits[split].labels, self._network.evaluate
        found = self._evaluated(evaluate, self._splits[split], labels, self._config, is_last=split == "test")
        self._results[split] = found
        self._timer.add_to("evaluate")
        return found[:3]

    def _point(self, validated: Validated) -> Evaluation:
        state, config = self._state, self._config
        steps = state.step - state.first
        return Evaluation(
            step=state.step,
            train_loss=state.loss_sum / steps,
            train_accuracy=None if self._data.is_regression else state.num_correct / (steps * config.batch_size),
            val_loss=validated[0],
            val_accuracy=validated[1],
            learning_rate=float(_learning_rates(self._current, state.step - 1, state.step)[0]),
            seconds=state.inherited + sum(self._timer.seconds.values()),
            val_objective=validated[2],
        )

    def _notify(self, evaluation: Evaluation) -> None:
        if self._callback:
            self._callback.on_evaluation(evaluation)
            if self._callback.is_traced(evaluation.step):
                with self._train_step.state_preserved():
                    self._callback.on_trace(evaluation.step, self._last_step())

    def _last_step(self) -> Callable[[], object]:
        step, train_step = self._state.step - 1, self._train_step
        ((images, labels, (rows,), (rate,)),) = self._inputs(step, step + 1)
        seeds = train_step.subseeds(self._config.seed)
        return functools.partial(train_step.run_step, images, labels, rows, rate, step, seeds)

    def _heartbeat(self, note: str | None = None) -> Heartbeat:
        return Heartbeat(self._state.step, self._network.parameters, note, self._state.inherited)

    def _save_if_due(self) -> Generator[Heartbeat, None, None]:
        if self._checkpoints and self._checkpoints.is_due():
            yield from self._saved(self._checkpoints.save)

    def _saved(self, save: Callable[[TrainingState, Any], None]) -> Generator[Heartbeat, None, None]:
        try:
            save(self._state, self._train_step.snapshot())
        except LedgerError as error:
            yield self._heartbeat(f"continues without a checkpoint: {error}")
        self._timer.skip()

    def save_checkpoint(self) -> None:
        """Write a checkpoint, if it has a place and a step was taken; raise LedgerError if it cannot be."""
        if self._checkpoints and self._state.step:
            self._checkpoints.save(self._state, self._train_step.snapshot())

    def result(self, status: Status) -> FitResult:
        """Return the result; after the last step, the test split is evaluated first."""
        is_ok = status is Status.OK
        if is_ok and "val" not in self._results:  # resumed from a checkpoint of the last step
            self._evaluate("val")
        before = self._timer.seconds["evaluate"]  # by a graph that has run
        test = self._evaluate("test") if is_ok else UNKNOWN
        milliseconds = 1000 * (self._timer.seconds["evaluate"] - before)
        if self._callback:
            self._callback.on_train_end(status, *test[1:])
        return FitResult(
            status=status,
            steps=self._state.step,
            history=tuple(self._state.history),
            final=self._state.history[-1] if is_ok else None,
            test_accuracy=test[1],
            test_objective=test[2],
            parameters=self._network.parameters,
            latency=milliseconds / len(self._data.test) if is_ok else None,
            seconds=self._timer.seconds,
            model=self._network.judged_model if is_ok else None,
            predictions=self._predictions() if is_ok else None,
        )

    def _predictions(self) -> Predictions:
        found, values = self._results, {}
        for split, of in found.items():
            given = {"classes": of.predicted, "examples": of.examples}
            labels = self._data.splits[split].labels
            values[f"{split}_values"] = image_contributions.by_image(self._config.objective, labels, **given)
        return Predictions(found["val"].predicted, found["test"].predicted, **values)


def _next_point(config: "TrialConfig", step: int) -> int:
    intervals = config.evaluate_every, config.log_every or config.num_steps
    return min(config.num_steps, *(step - step % steps + steps for steps in intervals))


def _learning_rates(config: "TrialConfig", first: int, last: int) -> Any:
    """Return the learning rates of steps `first` to `last - 1`: float64 `[last - first]`."""
    return config.optimizer.learning_rate * config.schedule.factors(first, last, config.num_steps)
