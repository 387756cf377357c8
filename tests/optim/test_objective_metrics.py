"""Laws of the objectives, against scikit-learn's metrics, and what is no objective."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import sklearn.metrics

from mnist_sweep import (
    OBJECTIVES,
    Accuracy,
    BalancedAccuracy,
    LogLoss,
    MacroF1,
    TrialConfig,
    config_id,
    from_flat,
    to_flat,
)
from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.optim import objective_metrics
from mnist_sweep.trials.config import defaults
from mnist_sweep.trials.value_format import ACCURACY, Measure
from tests.conftest import Refused

DRAW = np.random.default_rng(0)
LABELS = DRAW.integers(0, 5, 200).astype(np.int32)
OUTPUTS = DRAW.normal(0, 2, (200, 6)).astype(np.float32)  # the sixth class has no image
CLASSES = OUTPUTS.argmax(axis=1)
SOFTMAX = np.exp(OUTPUTS) / np.exp(OUTPUTS).sum(axis=1, keepdims=True)


def mean_rank(labels: Any, outputs: Any) -> float:
    """Return the mean number of classes that come before the right one."""
    return float((outputs > outputs[np.arange(len(labels)), labels][:, None]).sum(axis=1).mean())


@dataclass(frozen=True)
class TopK:
    """A user's objective with a field."""

    k: int = 2
    unit: ClassVar[str] = "share"

    def compute(self, labels: Any, outputs: Any) -> float:
        best = np.argsort(-outputs, axis=1)[:, : self.k]
        return float((best == labels[:, None]).any(axis=1).mean())


@dataclass(frozen=True)
class RMSError:
    """A user's objective that says all about itself."""

    name: ClassVar[str] = "distance"
    direction: ClassVar[str] = "minimize"
    unit: ClassVar[str] = "px"

    def compute(self, labels: Any, outputs: Any) -> float:
        return float(np.sqrt(((outputs.argmax(axis=1) - labels) ** 2).mean()))


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (Accuracy(), sklearn.metrics.accuracy_score(LABELS, CLASSES)),
        (BalancedAccuracy(), sklearn.metrics.recall_score(LABELS, CLASSES, labels=range(5), average="macro")),
        (MacroF1(), sklearn.metrics.f1_score(LABELS, CLASSES, average="macro")),
        (LogLoss(), sklearn.metrics.log_loss(LABELS, SOFTMAX, labels=range(6))),
        (TopK(), sklearn.metrics.top_k_accuracy_score(LABELS, OUTPUTS, k=2, labels=range(6))),
    ],
)
def test_values_are_those_of_scikit_learn(objective: Any, expected: float) -> None:
    found = objective_metrics.value(objective, LABELS, outputs=OUTPUTS)
    assert found == pytest.approx(expected, rel=1e-6)
    if not objective_metrics.needs_outputs(objective):
        assert objective_metrics.value(objective, LABELS, classes=CLASSES) == found


@pytest.mark.parametrize("returned", [0.5, [[0.5] * 200], ["a"] * 200, [0.5] * 199])
def test_values_of_images_are_a_number_for_each(returned: Any, refused: Refused) -> None:
    @dataclass(frozen=True)
    class Own:
        def per_example(self, labels: Any, outputs: Any) -> Any:
            return returned

    with refused(ConfigError, "the objective own must return a number for each of 200 images"):
        objective_metrics.value(Own(), LABELS, outputs=OUTPUTS)


def test_right_answers_are_the_best() -> None:
    for kind in (Accuracy, BalancedAccuracy, MacroF1):
        assert objective_metrics.value(kind(), LABELS, classes=LABELS) == 1.0
    certain = 100 * np.eye(6, dtype=np.float32)[LABELS]
    assert objective_metrics.value(LogLoss(), LABELS, outputs=certain) == 0.0
    assert math.isclose(objective_metrics.value(LogLoss(), LABELS, outputs=-certain), 100 + math.log(5))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labels_are_signed_so_that_differences_do_not_wrap(dtype: Any) -> None:
    def bias(labels: Any, outputs: Any) -> float:
        return float((labels - 3).mean())

    assert objective_metrics.value(bias, LABELS.astype(dtype), outputs=OUTPUTS) == pytest.approx(LABELS.mean() - 3)


@pytest.mark.parametrize(
    ("objective", "measure"),
    [
        (Accuracy(), ACCURACY),
        (MacroF1(), Measure("macro_f1", "maximize", "share")),
        (LogLoss(), Measure("log_loss", "minimize", "nats")),
        (TopK(), Measure("top_k", "maximize", "share")),
        (RMSError(), Measure("distance", "minimize", "px")),
        (mean_rank, Measure("mean_rank", "maximize", "")),
    ],
)
def test_a_trial_is_judged_by_its_objective(objective: Any, measure: Measure) -> None:
    config = TrialConfig(objective=objective)
    assert config.measure == measure
    assert from_flat(to_flat(config)) == config


def test_the_accuracy_is_not_written_and_changes_no_id() -> None:
    kinds: list[Any] = [*OBJECTIVES.values()]
    options: dict[str, Any] = {"objective": "accuracy"}
    plain, named = TrialConfig(), TrialConfig(**options)
    assert plain == named
    assert not [name for name in (*to_flat(plain), *defaults(plain)) if name.startswith("objective")]
    assert len({config_id(TrialConfig(objective=make())) for make in kinds}) == len(OBJECTIVES)


def test_the_fields_of_an_objective_are_written() -> None:
    flat = to_flat(TrialConfig(objective=TopK(k=3)))
    assert (flat["objective"], flat["objective.k"]) == ("tests.optim.test_objective_metrics:TopK", 3)


def test_which_way_an_error_is_better_is_stated() -> None:
    def mean_error(labels: Any, outputs: Any) -> float:
        return 0.5

    with pytest.raises(ConfigError, match="mean_error is named after an error, of which less is better: state its dir"):
        TrialConfig(objective=mean_error)
    for direction in ("minimize", "maximize"):
        vars(mean_error)["direction"] = direction
        assert objective_metrics.description(mean_error)[1] == direction


def named(**attributes: Any) -> Any:
    """Return an objective whose class has these attributes."""
    compute = {"compute": lambda self, labels, outputs: 0.5}
    made: Any = type("Named", (), attributes | compute)
    return dataclass(frozen=True)(made)()


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        ("f1", UnknownNameError, "unknown objective 'f1': known are accuracy, balanced_accuracy, log_loss, macro_f1"),
        (MacroF1, ConfigError, "the class itself: write MacroF1()"),
        (3, ConfigError, "`compute` or `per_example` or a function, but got 3"),
        (None, ConfigError, "or a function, but got None"),
        (named(name="accuracy"), ConfigError, "an objective of your own has a name of its own"),
        (named(name=["loss"]), ConfigError, "1 to 40 letters, digits and `_`"),
        (named(name="loss"), ConfigError, "an objective of your own has a name of its own"),
        (named(name="accuracy_low"), ConfigError, "an objective of your own has a name of its own"),
        (named(name="macro f1"), ConfigError, "1 to 40 letters, digits and `_`"),
        (named(name="x" * 41), ConfigError, "1 to 40 letters, digits and `_`"),
        (named(name=3), ConfigError, "1 to 40 letters, digits and `_`"),
        (named(direction="min"), ConfigError, "direction must be maximize or minimize, but got 'min'"),
        (named(direction=None), ConfigError, "direction must be maximize or minimize"),
        (named(unit="%" * 13), ConfigError, "unit must be at most 12 printable characters"),
        (named(unit="a\nb"), ConfigError, "unit must be at most 12 printable characters"),
        (named(unit=1), ConfigError, "unit must be at most 12 printable characters"),
    ],
)
def test_what_is_no_objective_is_refused(objective: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        TrialConfig(objective=objective)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (math.nan, "must return a finite number, but it returns nan"),
        (math.inf, "must return a finite number, but it returns inf"),
        (-1e101, "must return a number of at most 1e+100, but it returns -1e+101"),
        (np.float32("nan"), "but it returns nan"),
        (None, "must return a number, but it returns None"),
        ("0.5", "but it returns '0.5'"),
        (True, "but it returns True"),
        (np.zeros(3), "but it returns array([0., 0., 0.])"),
        ([0.5], "but it returns [0.5]"),
        (np.True_, "but it returns np.True_"),
        (np.complex64(0.5 + 3j), "but it returns np.complex64("),
    ],
)
def test_what_is_no_value_is_refused(found: Any, message: str) -> None:
    def metric(labels: Any, outputs: Any) -> Any:
        return found

    with pytest.raises(ConfigError) as raised:
        objective_metrics.value(metric, LABELS, outputs=OUTPUTS)
    assert str(raised.value).startswith("the objective metric must return ")
    assert message in str(raised.value)


@pytest.mark.parametrize("found", [-0.1, 1.1, 96.25])
def test_a_share_lies_in_its_range(found: float) -> None:
    share = named(unit="share")
    type(share).compute = lambda *_: found
    with pytest.raises(ConfigError, match=r"the objective named must return a share in \[0, 1\], but it returns"):
        objective_metrics.value(share, LABELS, outputs=OUTPUTS)
