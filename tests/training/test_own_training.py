"""Laws of trials whose model trains itself."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnist_sweep import (
    PBT,
    RMSE,
    Context,
    Dataset,
    Local,
    LogUniform,
    MacroF1,
    Momentum,
    Predictions,
    Search,
    Sweep,
    TrialConfig,
    from_flat,
    run,
)
from mnist_sweep.errors import ConfigError
from mnist_sweep.optim import objective_metrics
from mnist_sweep.results.merging import differences
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.runners.trial import execute
from mnist_sweep.system.storage import Folder
from mnist_sweep.training import own_training, trial_progress
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.fitting import consume
from mnist_sweep.training.trial_progress import FitResult, Heartbeat, Paused
from mnist_sweep.trials.row import Evaluation, Status
from tests.optim.test_objective_metrics import mean_rank
from tests.optim.test_regression import ink
from tests.training.training_code import GOOD, WAYS, Linear, Scripted, reporting, returning, way, with_state

TRIAL = TrialConfig(model=Linear(), num_steps=50, evaluate_every=20)
OK = {"val_accuracy": 0.5}
NAN = float("nan")


def fit(config: TrialConfig, data: Dataset, **options: Any) -> FitResult:
    return consume(own_training.train(config, data, **options), lambda _: None)


def numbers(result: FitResult) -> Any:
    curve = [point._replace(seconds=0) for point in result.history]
    assert result.predictions is not None
    return result.status, result.steps, curve, result.test_accuracy, *map(np.ndarray.tolist, result.predictions[:2])


def checkpoints(folder: Path, seconds: float = 1e9, **options: Any) -> Checkpoints:
    return Checkpoints(Folder(folder), "x", seconds=seconds, identity={}, **options)


def test_the_row_of_a_trial_holds_what_its_code_reported_and_predicted() -> None:
    row = execute(TRIAL)
    assert (row.status, row.steps, row.error, row.parameters) == (Status.OK, 50, None, None)
    assert [point.step for point in row.history] == [20, 40, 50]
    assert (row.val_accuracy, row.val_loss) == (row.history[-1].val_accuracy, row.history[-1].val_loss)
    assert row.history[-1].train_loss is row.history[-1].learning_rate is row.train_loss is None
    assert row.test_accuracy is not None
    assert row.test_accuracy > 0.6
    assert from_json(to_json(row)) == row


@way
def global_settings(context: Any) -> Any:
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float64")
    keras.config.set_epsilon(0.1)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16")
    tf.config.run_functions_eagerly(True)
    tf.compat.v1.disable_v2_behavior()
    tf.Variable(1.0)  # of a graph, with which eager execution cannot be enabled
    context.report(50, **OK)
    return GOOD


def test_what_training_code_sets_for_all_is_not_seen_by_later_trials(digits: Dataset) -> None:
    import keras
    import tensorflow as tf

    fit(replace(TRIAL, model=Scripted("global_settings")), digits)
    found = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    assert found == ("float32", 1e-7, "channels_last")
    assert keras.config.dtype_policy().name == "float32"
    assert not tf.config.functions_run_eagerly()
    with ThreadPoolExecutor() as pool:  # as the code of the next trial
        assert pool.submit(tf.executing_eagerly).result()


def test_equal_trials_have_equal_bits_and_seeds_differ(digits: Dataset) -> None:
    assert numbers(fit(TRIAL, digits)) == numbers(fit(TRIAL, digits))
    assert numbers(fit(replace(TRIAL, seed=1), digits)) != numbers(fit(TRIAL, digits))


def test_a_trial_paused_again_and_again_ends_with_the_same_bits(digits: Dataset, tmp_path: Path) -> None:
    starts, result = [], None
    while result is None:
        items = own_training.train(TRIAL, digits, checkpoints=checkpoints(tmp_path))
        begun = next(items)
        starts.append(begun.step)
        try:
            while next(items)[0] <= begun.step:
                pass
            with pytest.raises(Paused):
                items.throw(Paused())
        except StopIteration as end:
            result = end.value
    assert starts == [0, 20, 40, 50]
    assert numbers(result) == numbers(fit(TRIAL, digits))


def test_a_paused_trial_keeps_the_time_that_it_took(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(trial_progress, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    @way
    def slow(context: Any) -> Any:
        for step in range((context.restore() or 0) + 1, 4):
            now[0] += 1
            context.report(step, **OK)
            context.checkpoint(step)
        return GOOD

    trial = replace(TRIAL, model=Scripted("slow"), num_steps=3)
    items = own_training.train(trial, digits, checkpoints=checkpoints(tmp_path))
    while not isinstance(next(items), Evaluation):
        pass
    with pytest.raises(Paused):
        items.throw(Paused())
    assert [point.seconds for point in fit(trial, digits, checkpoints=checkpoints(tmp_path)).history] == [1, 2, 3]


def test_checkpoints_are_written_when_they_are_due_and_change_nothing(digits: Dataset, tmp_path: Path) -> None:
    always = checkpoints(tmp_path, seconds=0)
    assert numbers(fit(TRIAL, digits, checkpoints=always)) == numbers(fit(TRIAL, digits))
    assert always.load() is not None
    assert numbers(fit(TRIAL, digits, checkpoints=always)) == numbers(fit(TRIAL, digits))


def test_a_damaged_checkpoint_is_reported_and_the_trial_starts_over(digits: Dataset, tmp_path: Path) -> None:
    fit(TRIAL, digits, checkpoints=checkpoints(tmp_path, seconds=0))
    (tmp_path / "checkpoints" / "x.ckpt").write_bytes(b"")
    items = own_training.train(TRIAL, digits, checkpoints=checkpoints(tmp_path))
    assert next(items) == Heartbeat(0, None, "starts over: its checkpoint is damaged")
    assert numbers(consume(items, lambda _: None)) == numbers(fit(TRIAL, digits))


def test_numbers_that_change_in_training_are_those_of_the_next_call(digits: Dataset, tmp_path: Path) -> None:
    def changed(*changes: tuple[int, float]) -> TrialConfig:
        return replace(
            TRIAL, weight_decay=0.1, changes=tuple((step, (("weight_decay", rate),)) for step, rate in changes)
        )

    seen = []

    @way
    def spying(context: Any) -> Any:
        start = context.restore() or 0
        seen.append((start, context.steps, context.weight_decay))
        context.report(context.steps, **OK)
        context.checkpoint(context.steps)
        return GOOD

    config = replace(changed((20, 0.5), (40, 0.25)), model=Scripted("spying"))
    fit(config, digits)
    assert seen == [(0, 20, 0.1), (20, 40, 0.5), (40, 50, 0.25)]


def test_a_longer_trial_starts_from_the_end_of_a_shorter_one(digits: Dataset, tmp_path: Path) -> None:
    short = replace(TRIAL, num_steps=20)
    fit(short, digits, checkpoints=checkpoints(tmp_path, end="lineages/20.ckpt"))
    items = own_training.train(TRIAL, digits, checkpoints=checkpoints(tmp_path, start="lineages/20.ckpt"))
    assert next(items).step == 20
    assert numbers(consume(items, lambda _: None)) == numbers(fit(TRIAL, digits))


def test_a_population_of_training_code_has_rows_that_anyone_can_repeat(tmp_path: Path) -> None:
    axes = {"model.rate": LogUniform(low=1e-3, high=1.0)}
    base = replace(TRIAL, model=Linear(slowing=0.5), num_steps=60)
    search = Search(base=base, axes=axes, num_trials=6, algorithm=PBT(population=2))
    outcome = run(Sweep(name="population", search=search), results=tmp_path, runner=Local(in_process=True))
    assert outcome.complete, [row.error for row in outcome.rows]
    assert any(row.config["changes"] for row in outcome.rows)
    for row in outcome.rows:
        assert differences(row, execute(from_flat(row.config))) == []


def test_a_metric_that_is_not_finite_ends_the_trial_as_diverged() -> None:
    WAYS["nan"] = reporting((1, OK), (2, {"val_loss": NAN}), (3, OK))
    WAYS["infinite"] = reporting((1, OK), (2, {"val_accuracy": float("inf")}))
    for name in ("nan", "infinite", "catches_everything"):
        row = execute(replace(TRIAL, model=Scripted(name)))
        assert (row.status, row.error, row.test_accuracy) == (Status.DIVERGED, None, None)
        assert [point.step for point in row.history] == [1] * (name != "catches_everything")


def test_a_code_that_asks_whether_to_stop_is_paused_whatever_it_returns(digits: Dataset, tmp_path: Path) -> None:
    @way
    def patient(context: Any) -> Any:
        context.restore()
        context.report(1, **OK)
        return GOOD if context.should_stop else {"test_accuracy": 1.0}

    config = replace(TRIAL, model=Scripted("patient"))
    assert fit(config, digits).test_accuracy == 1.0
    items = own_training.train(config, digits)
    while not isinstance(next(items), Evaluation):
        pass
    with pytest.raises(Paused):
        items.throw(Paused())


def test_a_stopped_trial_ends_its_code(digits: Dataset) -> None:
    ended = []

    @way
    def endless(context: Any) -> Any:
        try:
            for step in range(1, 50):
                context.report(step, **OK)
        finally:
            ended.append(True)

    items = own_training.train(replace(TRIAL, model=Scripted("endless")), digits)
    assert [next(items) for _ in range(3)][-1].step == 2
    items.close()
    assert ended == [True]


def test_fields_that_a_code_does_not_read_are_named() -> None:
    config = replace(TRIAL, optimizer=Momentum(), batch_size=20)
    names = ("optimizer", "optimizer.learning_rate", "batch_size", "seed", "model.rate", "weight_decay")
    never = "its training code never read {}, in which trials of the sweep differ"
    assert own_training.ignored_fields(config, names, frozenset({"batch_size"})) == [never.format("optimizer")]
    assert own_training.ignored_fields(config, names, frozenset({"optimizer"})) == [never.format("batch_size")]


def predicting(val: Any = (0,) * 300, test: Any = (0,) * 300, **others: Any) -> Callable[[Any], Any]:
    return returning({"predictions": Predictions(val, test), **others})


HERE = r"\(training_code.py:\d+\)$"  # where the user's own line is to be found
OF = r"ConfigError: `train` of Scripted\(way='.*'\) \(training_code.py:\d+\): "
ORDER, NUMBER, STATE = (
    r"< step <= 50 \(num_steps\)` must hold, but got step=",
    r"must be a number, but got ",
    r"a checkpoint holds",
)
# What training code does, and what its row says.
WRONG: dict[str, tuple[Any, str]] = {
    "no report": (reporting(), OF + "it never called `context.report`"),
    "an earlier step": (reporting((2, OK), (1, OK)), rf"`2 \(the last report\) {ORDER}1\. {HERE}"),
    "a step twice": (reporting((2, OK), (2, OK)), rf"`2 \(the last report\) {ORDER}2\. {HERE}"),
    "step 0": (reporting((0, OK)), rf"`0 \(the last report\) {ORDER}0\. {HERE}"),
    "a negative step": (reporting((-1, OK)), rf"{ORDER}-1\. {HERE}"),
    "a step beyond the last": (reporting((51, OK)), rf"{ORDER}51\. {HERE}"),
    "half a step": (reporting((1.5, OK)), rf"{ORDER}1.5\. {HERE}"),
    "a step as text": (reporting(("1", OK)), rf"{ORDER}'1'\. {HERE}"),
    "a step that is True": (reporting((True, OK)), rf"{ORDER}True\. {HERE}"),
    "no step": (reporting((None, OK)), rf"{ORDER}None\. {HERE}"),
    "no metric": (reporting((1, {})), rf"`a report has a metric` must hold, but got metrics=\{{\}}\. {HERE}"),
    "an unknown metric": (
        reporting((1, {"val_acuracy": 0.5})),
        rf"UnknownNameError: unknown metric 'val_acuracy': known are .*; did you mean val_accuracy\? {HERE}",
    ),
    "a metric as text": (reporting((1, {"val_accuracy": "0.5"})), rf"`val_accuracy` {NUMBER}'0.5'\. {HERE}"),
    "no value": (reporting((1, {"val_accuracy": None})), rf"`val_accuracy` {NUMBER}None\. {HERE}"),
    "True for a metric": (reporting((1, {"val_accuracy": True})), rf"`val_accuracy` {NUMBER}True\. {HERE}"),
    "an array": (reporting((1, {"val_loss": np.ones(2)})), rf"`val_loss` {NUMBER}array\(\[1., 1.\]\)\. {HERE}"),
    "a list": (reporting((1, {"val_loss": [0.5]})), rf"`val_loss` {NUMBER}\[0.5\]\. {HERE}"),
    "a percentage": (
        reporting((1, {"val_accuracy": 97.2})),
        rf"`0 <= val_accuracy <= 1` must hold, but got .*=97.2\. {HERE}",
    ),
    "a negative accuracy": (reporting((1, {"train_accuracy": -0.1})), rf"`0 <= train_accuracy <= 1` .*=-0.1\. {HERE}"),
    "nothing returned": (returning(None), OF + "it returned None: .*, and return Predictions"),
    "a number returned": (returning(0.5), OF + "it returned a float, neither Predictions nor a dictionary"),
    "a list returned": (returning([0.5]), OF + "it returned a list"),
    "no test accuracy": (returning({}), OF + "no test_accuracy in what it returned"),
    "no validation": (
        reporting((1, {"val_loss": 1.0})),
        OF + "no val_accuracy in the last report or in what it returned",
    ),
    "an unknown result": (
        returning({"test_acc": 0.5}),
        OF + "unknown result 'test_acc': .*; did you mean test_accuracy",
    ),
    "a percentage returned": (returning({"test_accuracy": 97}), OF + "`0 <= test_accuracy <= 1` must hold"),
    "NaN returned": (returning({"test_accuracy": NAN}), OF + "`test_accuracy is finite` must hold"),
    "text returned": (returning({"test_accuracy": "0.9"}), OF + f"`test_accuracy` {NUMBER}'0.9'"),
    "-1 parameters": (returning({**GOOD, "parameters": -1}), OF + "`parameters is a whole number` must hold.*-1"),
    "-1 ms": (returning({**GOOD, "latency": -1}), OF + "`0 <= latency <= 1e.10` must hold.*-1"),
    "half a parameter": (returning({**GOOD, "parameters": 0.5}), OF + "`parameters is a whole number` must hold.*0.5"),
    "too few predictions": (predicting(test=[0] * 299), OF + "the predictions of test must be 300 whole numbers.*299"),
    "probabilities": (predicting(val=np.ones((300, 10))), OF + r".*300, 10\): `.argmax\(axis=1\)` makes classes"),
    "a column of classes": (predicting(val=np.ones((300, 1), int)), OF + r".*300, 1\): use `\[:, 0\]`"),
    "fractions as classes": (predicting(val=np.ones(300)), OF + "the predictions of val must be .*float64"),
    "a class too many": (predicting(val=[10] * 300), OF + "`0 <= class < 10` must hold, but got low=10, high=10"),
    "a negative class": (predicting(val=[-1] * 300), OF + "`0 <= class < 10` must hold, but got low=-1"),
    "ragged predictions": (predicting(val=[[0], [0, 1]]), OF + "the predictions of val are not an array"),
    "only one split": (predicting(val=None), OF + "the predictions of val must be 300 whole numbers"),
    "predictions and accuracy": (
        predicting(test_accuracy=0.1),
        OF + "predictions determine test_accuracy: leave that out",
    ),
    "plain predictions": (returning({"predictions": ([0], [0])}), OF + "`predictions` must be Predictions"),
    "an object in a state": (
        with_state({"a": [object()]}),
        rf"state\['a'\]\[0\] is of the type object: {STATE}.*{HERE}",
    ),
    "a set in a state": (with_state({1, 2}), rf"state is of the type set: {STATE}.*{HERE}"),
    "a function in a state": (
        with_state({"f": len}),
        rf"state\['f'\] is of the type builtin_function.*: {STATE}.*{HERE}",
    ),
    "numbers as keys": (with_state({1: 2}), rf"the keys of state must be strings, but one is 1: {STATE}.*{HERE}"),
    "an array of objects": (with_state(np.array([{}])), rf"state is an array of Python objects: {STATE}.*{HERE}"),
    **{
        name: (WAYS[name], pattern)
        for name, pattern in {
            "checkpoint_without_restore": rf"call `state = context.restore\(\)` first, .* {HERE}",
            "restore_after_report": rf"call `context.restore\(\)` before the first .* {HERE}",
            "from_a_thread": rf"ConfigError: use the context in the thread that `train` runs in.* {HERE}",
            "unknown_split": rf"unknown split 'valid': known are train, val, test; did you mean val\? {HERE}",
            "unknown_field": rf"AttributeError: a context has no 'learning_rates': .* {HERE}",
            "catches_errors": rf"unknown metric 'val_acuracy'.* {HERE}",
            "own_error": rf"ZeroDivisionError: of the user's {HERE}",
            "leaves": rf"SystemExit: of the user's {HERE}",
        }.items()
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_of_a_context_is_one_line_of_a_failed_row(name: str) -> None:
    WAYS[name], pattern = WRONG[name]
    row = execute(replace(TRIAL, model=Scripted(name)))
    assert row.status is Status.FAILED
    assert row.error is not None
    assert re.search(pattern, row.error), row.error
    assert len(row.error.splitlines()) == 1


@pytest.mark.parametrize("end", ["lineages/50.ckpt", None])
def test_a_population_needs_checkpoints_of_training_code(end: str | None, digits: Dataset, tmp_path: Path) -> None:
    WAYS["plain"] = lambda context: reporting((context.steps, OK))(context)
    changes = () if end else ((20, (("weight_decay", 0.5),)),)
    config = replace(TRIAL, model=Scripted("plain"), weight_decay=0.1, changes=changes)
    with pytest.raises(ConfigError, match=r"must call `context.checkpoint` after step \d+, where another"):
        fit(config, digits, checkpoints=checkpoints(tmp_path, end=end))


def test_a_context_is_of_no_use_after_the_end(digits: Dataset) -> None:
    kept = []

    @way
    def keeps(context: Any) -> Any:
        kept.append(context)
        context.report(1, **OK)
        return GOOD

    fit(replace(TRIAL, model=Scripted("keeps")), digits)
    with pytest.raises(ConfigError, match="the context was used after `train` had returned"):
        kept[0].report(2, **OK)


@dataclass(frozen=True)
class Judged(Linear):
    """Reports and predicts under another objective."""

    def train(self, context: Context) -> Predictions:
        report = context.report

        def judged(step: int, **values: Any) -> None:
            report(step, **values, val_macro_f1=values["val_accuracy"] / 2)

        context.report = judged  # type: ignore[method-assign]
        return super().train(context)


def test_predictions_determine_an_objective_of_classes(digits: Dataset) -> None:
    result = fit(replace(TRIAL, model=Judged(), objective=MacroF1()), digits)
    assert result.predictions is not None
    assert result.final is not None
    for split, found in (("val", result.final.val_objective), ("test", result.test_objective)):
        labels, classes = digits.splits[split].labels, getattr(result.predictions, split)
        assert found == objective_metrics.value(MacroF1(), labels, classes=classes)
    first = result.history[0]
    assert first.val_accuracy is not None
    assert first.val == first.val_objective == first.val_accuracy / 2


PREDICTED = Predictions(val=[2.5] * 300, test=np.full(300, 3))  # type: ignore[arg-type]
OF_NUMBERS = {
    "classes": (
        reporting((1, {"val_accuracy": 0.5})),
        "unknown metric 'val_accuracy': known are train_loss, val_loss,",
    ),
    "a column": (
        reporting((1, {"val_rmse": 9.0}), then=PREDICTED._replace(val=np.ones((300, 1)))),
        "must be 300 numbers, but got float64 of the shape (300, 1): use `[:, 0]`",
    ),
    "NaN of test": (
        reporting((1, {"val_rmse": 9.0}), then=PREDICTED._replace(test=np.full(300, NAN))),
        "`predictions of test are finite` must hold",
    ),
    "a determined one": (
        reporting((1, {"val_rmse": 9.0}), then={"predictions": PREDICTED, "test_rmse": 1.0}),
        "predictions determine test_rmse",
    ),
}


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_wrong_predictions_of_numbers_are_one_line(name: str) -> None:
    WAYS[name], message = OF_NUMBERS[name]
    with pytest.raises(ConfigError) as raised:
        fit(replace(TRIAL, model=Scripted(name), objective=RMSE()), ink())
    assert message in str(raised.value)


def test_predictions_of_numbers_determine_the_objective() -> None:
    WAYS["numbers"] = reporting((1, {"val_rmse": 9.0}), then=PREDICTED)
    row = execute(replace(TRIAL, data=ink, model=Scripted("numbers"), objective=RMSE()))
    labels = ink().splits
    expected = [
        objective_metrics.value(RMSE(), labels[one].labels, outputs=np.full(300, x))
        for one, x in (("val", 2.5), ("test", 3.0))
    ]
    assert [row.val, row.test] == pytest.approx(expected)
    assert (row.val_accuracy, row.test_accuracy, row.history[0].val) == (None, None, 9.0)
    assert row.test_objective_error is not None


RANKED = {"val_mean_rank": 3.5}
UNDER_ANOTHER = {
    "accuracy alone": (reporting((1, OK)), "`a report of validation has val_mean_rank` must hold"),
    "a loss alone": (reporting((1, {"val_loss": 0.5})), "`a report of validation has val_mean_rank` must hold"),
    "another one": (reporting((1, {"val_macro_f1": 0.5})), "unknown metric 'val_macro_f1': known are"),
    "its name alone": (reporting((1, {"mean_rank": 0.5})), "did you mean val_mean_rank?"),
    "one of test": (reporting((1, {"test_mean_rank": 0.5})), "unknown metric 'test_mean_rank'"),
    "text": (reporting((1, {"val_mean_rank": "3"})), "`val_mean_rank` must be a number, but got '3'"),
    "nothing of test": (reporting((1, RANKED), then={"test_accuracy": 0.5}), "no test_mean_rank in what it returned"),
    "nothing of validation": (
        reporting((1, {"train_loss": 0.5}), then={"test_mean_rank": 3.0}),
        "no val_mean_rank in the last report or in what it returned",
    ),
    "NaN": (reporting((1, RANKED), then={"test_mean_rank": NAN}), "`test_mean_rank is finite` must hold"),
    "another name": (reporting((1, RANKED), then={"test_rank": 3.0}), "unknown result 'test_rank'"),
}


@pytest.mark.parametrize("name", UNDER_ANOTHER)
def test_wrong_use_under_another_objective_is_one_line(name: str, digits: Dataset) -> None:
    WAYS[name], message = UNDER_ANOTHER[name]
    with pytest.raises(ConfigError) as raised:
        fit(replace(TRIAL, model=Scripted(name), objective=mean_rank), digits)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_share_is_reported_in_its_range(digits: Dataset) -> None:
    WAYS["percent"] = reporting((1, {"val_macro_f1": 96.25}))
    with pytest.raises(ConfigError, match=r"`0 <= val_macro_f1 <= 1` must hold, but got val_macro_f1=96\.25"):
        fit(replace(TRIAL, model=Scripted("percent"), objective=MacroF1()), digits)


def test_the_row_of_own_code_needs_no_accuracy_under_another_objective() -> None:
    WAYS["ranked"] = reporting((1, RANKED), (50, {"val_mean_rank": 2.5}), then={"test_mean_rank": 3.0})
    row = execute(replace(TRIAL, model=Scripted("ranked"), objective=mean_rank))
    assert (row.status, row.val, row.test, row.val_accuracy, row.error) == (Status.OK, 2.5, 3.0, None, None)
    assert [point.val for point in row.history] == [3.5, 2.5]
    assert from_json(to_json(row)) == row
