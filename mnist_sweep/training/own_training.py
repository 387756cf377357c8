"""Trials whose model trains itself: the `train` method of a user's class in place of the sweep's own loop.

A trial whose hyperparameters change in the middle calls `train` once for each stretch, with the values of that stretch,
its last step as `steps`, and the state at the end of the stretch before as what `restore` returns. So a trial that
starts from the end of another one, as in a population, takes the same steps as one that starts over.
"""

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any, cast

from mnist_sweep.data.batches import subseed
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import LedgerError
from mnist_sweep.models.protocol import TrainingCode
from mnist_sweep.training import own_training_reports, tensorflow_runtime
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.context import NO_FIELDS, Context
from mnist_sweep.training.own_training_thread import Session
from mnist_sweep.training.trial_progress import FitResult, Heartbeat, TrainingCallback
from mnist_sweep.trials import overrides
from mnist_sweep.trials.config import TrialConfig, defaults
from mnist_sweep.trials.row import Evaluation, Status


def train(
    config: TrialConfig,
    data: Dataset,
    *,
    callback: TrainingCallback | None = None,
    checkpoints: Checkpoints | None = None,
) -> Generator[Evaluation | Heartbeat, None, FitResult]:
    """Let a model train itself: yield what it reports point by point, and return the result; see `fitting.train`.

    Raises:
        ConfigError: Its code uses the context in a wrong way, or returns no result.
        BaseException: What the code raises.
    """
    overrides.validate(config)
    session = Session(callback, checkpoints)
    note = session.resume()
    yield session.heartbeat(note)
    yield from tuple(session.state.history)
    session.timer.add_to("setup")
    changes = [since for since, _ in config.changes if since > session.state.step]
    for end in [*changes, config.num_steps]:
        returned = yield from _stretch(config, end, data, session)
        if session.has_diverged:
            return _result(session, Status.DIVERGED, {})
        if session.kept is None and (end < config.num_steps or (checkpoints and checkpoints.end)):
            cause = f"must call `context.checkpoint` after step {end}, where another stretch or trial goes on"
            raise own_training_reports.refusal(config, cause)
    final = own_training_reports.returned(returned, config, data, session.state.history)
    if checkpoints and session.kept:
        try:
            checkpoints.save_end(session.state, session.kept)
        except LedgerError as error:
            yield session.heartbeat(f"continues without a checkpoint: {error}")
    return _result(session, Status.OK, final)


def ignored_fields(config: TrialConfig, varying: Sequence[str], fields_read: frozenset[str]) -> list[str]:
    """Return a line on each field among `varying` that has another value than the default, and was never read."""
    others = [name for name in varying if name not in defaults(config)]
    unread = [name for name in others if name.partition(".")[0] not in fields_read.union(NO_FIELDS)]
    return [f"its training code never read {name}, in which trials of the sweep differ" for name in unread]


def _stretch(
    config: TrialConfig, end: int, data: Dataset, session: Session
) -> Generator[Evaluation | Heartbeat, None, Any]:
    current = dataclasses.replace(overrides.config_at(config, session.state.step), num_steps=end)

    def code() -> Any:
        tensorflow_runtime.seed_everything(subseed(config.seed, "training"))
        context = Context(current, data, session)
        try:
            with tensorflow_runtime.precision("float32"):  # and whatever the code sets, later trials do not see
                return cast(TrainingCode, current.model).train(context)
        finally:
            context.close()

    try:
        returned = yield from session.run(code)
    except (Exception, SystemExit):
        if session.paused:
            raise session.paused from None
        raise
    if session.paused and not session.has_diverged and (session.is_halted or session.has_seen_end):
        raise session.paused
    if session.error:  # which the code has caught
        raise session.error
    return returned


def _result(session: Session, status: Status, final: Mapping[str, Any]) -> FitResult:
    state, is_ok = session.state, status is Status.OK
    session.timer.add_to("evaluate")
    test_accuracy, test_objective = final.get("test_accuracy"), final.get("test_objective")
    if session.callback:
        session.callback.on_train_end(status, test_accuracy, test_objective)
    names = ("val_accuracy", "val_loss", "val_objective")
    return FitResult(
        status=status,
        steps=state.step,
        history=tuple(state.history),
        final=state.history[-1]._replace(**cast(Any, {name: final.get(name) for name in names})) if is_ok else None,
        test_accuracy=test_accuracy,
        test_objective=test_objective,
        parameters=final.get("parameters"),
        latency=final.get("latency"),
        seconds=session.timer.seconds,
        model=None,
        predictions=final.get("predictions"),
        fields_read=frozenset(session.fields_read),
    )
