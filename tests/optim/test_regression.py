"""Laws of regression: values against scikit-learn's, and trials on numbers from data set to row, table and report."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics

from mnist_sweep import (
    CNN,
    LOSSES,
    MAE,
    OBJECTIVES,
    RMSE,
    Accuracy,
    CrossEntropy,
    Dataset,
    Digits,
    Local,
    LogLoss,
    MacroF1,
    MeanAbsoluteError,
    MeanSquaredError,
    Softmax,
    Sweep,
    TrialConfig,
    compare,
    from_flat,
    grid,
    read_history,
    read_trials,
    repeat,
    run,
    select,
    to_flat,
)
from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.optim import image_contributions, losses, objective_metrics
from mnist_sweep.predict import classify
from mnist_sweep.reports.sections import confusion_matrix
from mnist_sweep.reports.writer import write_report
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.trial import execute
from mnist_sweep.training import fitting
from mnist_sweep.trials.row import Status

DRAW = np.random.default_rng(0)
LABELS = DRAW.normal(3, 2, 200).astype(np.float32)
OUTPUTS = (LABELS + DRAW.normal(0, 1, 200)).astype(np.float32)


def ink() -> Dataset:
    """Return the digits with their mean pixel, from 0 to 16, in place of a class."""
    digits = Digits().load()
    splits: dict[str, Any] = {
        name: replace(split, labels=split.images.mean(axis=(1, 2, 3)).astype(np.float32))
        for name, split in digits.splits.items()
    }
    return Dataset(**splits, pixel_max=16)


def place() -> Dataset:
    """Return the digits with the mean row and column of their ink, and its amount, in place of a class."""
    whole = ink()
    centres: dict[str, Any] = {}
    for name, split in whole.splits.items():
        shares = split.images[..., 0] / split.images.sum(axis=(1, 2, 3))[:, None, None]
        centre = [(shares * np.mgrid[:8, :8][axis]).sum(axis=(1, 2)) for axis in (0, 1)]
        centres[name] = replace(split, labels=np.stack([*centre, split.labels], axis=1).astype(np.float32))
    return Dataset(**centres, pixel_max=16)


BASE = TrialConfig(
    data=ink, model=Softmax(), loss=MeanSquaredError(), objective=RMSE(unit="ink"), num_steps=60, evaluate_every=30
)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (RMSE(), sklearn.metrics.root_mean_squared_error(LABELS, OUTPUTS)),
        (MAE(), sklearn.metrics.mean_absolute_error(LABELS, OUTPUTS)),
    ],
)
def test_values_are_those_of_scikit_learn(objective: Any, expected: float) -> None:
    assert objective_metrics.value(objective, LABELS, outputs=OUTPUTS) == pytest.approx(expected, rel=1e-6)
    several = LABELS.reshape(50, 4), OUTPUTS.reshape(50, 4)
    assert objective_metrics.value(objective, several[0], outputs=several[1]) == pytest.approx(expected, rel=1e-6)
    contributions = image_contributions.by_image(objective, LABELS, outputs=OUTPUTS)
    assert contributions is not None
    assert contributions.mean() == pytest.approx(expected, rel=1e-6)


def test_the_error_of_the_rmse_is_that_of_the_delta_method() -> None:
    squares = (OUTPUTS.astype(np.float64) - LABELS) ** 2
    expected = squares.std(ddof=1) / math.sqrt(len(squares)) / (2 * math.sqrt(squares.mean()))
    found = image_contributions.standard_error(image_contributions.by_image(RMSE(), LABELS, outputs=OUTPUTS))
    assert found == pytest.approx(expected, rel=0.02)


def test_one_wrong_number_has_contributions_despite_rounding() -> None:
    outputs = np.zeros(3, np.float32)
    assert image_contributions.by_image(RMSE(), np.array([0.1, 0, 0], np.float32), outputs=outputs) is not None


@pytest.mark.parametrize("part", [{"loss": name} for name in LOSSES] + [{"objective": name} for name in OBJECTIVES])
def test_parts_have_names_that_make_them_again(part: Any) -> None:
    config = TrialConfig(**part)
    assert from_flat(to_flat(config)) == config


@pytest.mark.parametrize(
    "part", [{"loss": CrossEntropy()}, *({"objective": one()} for one in (Accuracy, LogLoss, MacroF1))]
)
def test_what_is_for_classes_is_refused_for_numbers(part: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        fitting.validate(replace(BASE, **part), ink())
    assert "is for classes, but the labels are numbers (float32): use loss=MeanSquaredError() and" in str(raised.value)


@pytest.mark.parametrize(
    "part", [{"loss": MeanSquaredError()}, {"loss": "huber"}, {"objective": RMSE()}, {"objective": MAE()}]
)
def test_what_is_for_numbers_is_refused_for_classes(part: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        fitting.validate(TrialConfig(**part), Digits().load())
    assert "is for numbers, but the labels are classes (uint8): make them numbers with" in str(raised.value)


def squared(labels: Any, outputs: Any) -> Any:
    return (labels - outputs) ** 2


def mean_squared(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean((labels - outputs) ** 2, axis=-1)


@pytest.mark.usefixtures("tf")
@pytest.mark.parametrize("data", [ink, place])
@pytest.mark.parametrize("model", [Softmax(), CNN(filters=(4,), units=8)])
def test_a_row_of_numbers_has_no_accuracy(model: Any, data: Any) -> None:
    row = execute(replace(BASE, model=model, data=data))
    assert (row.status, row.error) == (Status.OK, None)
    assert (row.val_accuracy, row.test_accuracy) == (None, None)
    assert {point.train_accuracy for point in row.history} == {None}
    assert row.val_loss is not None
    assert row.val == pytest.approx(math.sqrt(row.val_loss), rel=1e-5)
    assert row.history[-1].val == row.val
    assert execute(replace(BASE, model=model, data=data)).val == row.val


@pytest.mark.usefixtures("tf")
@pytest.mark.parametrize(("data", "squared"), [(ink, squared), (place, mean_squared)])
def test_a_loss_of_ones_own_takes_outputs_shaped_as_the_labels(data: Any, squared: Any) -> None:
    built_in, own = (execute(replace(BASE, data=data, loss=loss)) for loss in (MeanSquaredError(), squared))
    assert own.error is None
    assert own.val == pytest.approx(built_in.val, rel=1e-6)


@pytest.mark.usefixtures("tf")
def test_a_loss_of_numbers_is_kerass(tf: Any) -> None:
    for name in ("mean_squared_error", "mean_absolute_error", "huber"):
        loss = LOSSES[name]()
        theirs = getattr(tf.keras.losses, type(loss).__name__)(reduction=None)
        expected = theirs(LABELS[:, None], OUTPUTS[:, None]).numpy()
        np.testing.assert_allclose(losses.per_example(loss, LABELS, OUTPUTS), expected, rtol=1e-5)
        several = LABELS.reshape(50, 4), OUTPUTS.reshape(50, 4)
        np.testing.assert_allclose(losses.per_example(loss, *several), theirs(*several).numpy(), rtol=1e-5)


@pytest.fixture(scope="module", params=[ink, place])
def data(request: pytest.FixtureRequest) -> Any:
    """A data set of one number for each image, and one of three."""
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data: Any) -> Path:
    """A results folder of two configs on two seeds."""
    results = tmp_path_factory.mktemp("ink")
    trials = repeat(grid(replace(BASE, data=data), {"loss": [MeanSquaredError(), MeanAbsoluteError()]}), seeds=2)
    outcome = run(Sweep(name="ink", trials=trials), results=results, runner=Local(in_process=True))
    write_report(outcome.folder)
    return outcome.folder


def test_tables_lack_the_accuracy(folder: Path) -> None:
    trials, history = read_trials(folder), read_history(folder)
    assert trials[["val_accuracy", "test_accuracy", "test_accuracy_low"]].isna().all(axis=None)
    assert history[["train_accuracy", "val_accuracy"]].isna().all(axis=None)
    assert trials["val_rmse"].notna().all()
    assert trials["test_rmse_error"].gt(0).all()


def test_answers_are_in_the_unit_of_the_labels(folder: Path) -> None:
    assert select(folder).objective == BASE.measure
    first, second = dict.fromkeys(row.config_id for row in Ledger(folder).rows().values())
    found = compare(folder, first, second)
    assert "in RMSE for new images" in found.sentence
    assert " ink (95% interval" in found.sentence


def test_the_report_shows_no_classes(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "validation RMSE" in text
    for word in ("onfusion", "classif", "Accuracy", "accuracy on"):
        assert word not in text.partition("<body")[2].partition("<script")[0]


def test_predicted_numbers_and_labels_are_kept(folder: Path, data: Any) -> None:
    for trial_id, row in Ledger(folder).rows().items():
        found, labels = predictions.read(folder, trial_id), data().test.labels
        assert found.test.dtype == np.float32
        assert row.test == pytest.approx(objective_metrics.value(RMSE(), labels, outputs=found.test), rel=1e-6)
        kept = predictions.read_labels(folder, predictions.data_id(row.config))
        assert np.array_equal(kept.test, labels)


def test_numbers_have_no_confusion_matrix(folder: Path) -> None:
    for row in Ledger(folder).rows().values():
        with pytest.raises(LedgerError, match="predicts numbers, which are not confused"):
            confusion_matrix.plot_of(folder, row)


def test_a_kept_model_predicts_a_number(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    model, test = classify.best_model(folder), ink().test
    card = data_cards.read(folder, model.row.config)
    Image.fromarray(test.images[0, :, :, 0] * 15).save(tmp_path / "digit.png")
    (answer,) = classify.predict(model.file, [tmp_path / "digit.png"], card)
    assert isinstance(answer, classify.Classification)
    assert answer.probabilities == ()
    expected = predictions.read(folder, model.row.trial_id).test[0]
    assert answer.number == pytest.approx(expected, abs=0.5)  # 255 levels in place of 240
    assert [*map(float, answer.text([], 3).split(", "))] == pytest.approx(
        [*np.ravel(np.asarray(answer.number))], rel=1e-5
    )
