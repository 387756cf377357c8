"""Laws of the confusion matrix: it counts the test images of the best trial with predictions."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import confusion_matrix
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow, Refused
from tests.reports.conftest import MakeResults

LABELS = Predictions(np.arange(20, dtype=np.uint8) % 10, np.arange(30, dtype=np.uint8) % 10)


def keep(results: Results, row: TrialRow, labels: Predictions, test: Any) -> None:
    """Write the labels of a row's data, and what its trial predicted on test."""
    predictions.write_labels(results.folder, predictions.data_id(row.config), labels)
    predictions.write(results.folder, row.trial_id, Predictions(labels.val, test))


def test_confusions_are_counted_and_named(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    test = LABELS.test.copy()
    test[[4, 14]] = 9
    keep(results, results.good[0], LABELS, test)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert plot.finding == "2 of 30 test images (6.67%) are misclassified, most often 4 as 9 (2)."
    assert [line[1:] for line in plot.table.rows][4] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 2]
    drawn = np.array(plot.figure.data[0].z, float)
    assert np.nansum(drawn) == drawn[4, 9] == 2
    assert np.isnan(np.diag(drawn)).all()


def test_matrix_is_of_the_best_trial_that_has_predictions(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=0.9 - seed / 10) for seed in range(3)]
    results = make_results(rows)
    for row in results.good[1:]:
        keep(results, row, LABELS, LABELS.test)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert results.good[1].trial_id in plot.title
    right = "All 30 test images are classified correctly."
    assert plot.finding == f"{right} The trial is the median seed of the selected config."


def test_classes_have_the_names_of_their_data(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    keep(results, results.good[0], LABELS, 9 - LABELS.test)
    names = [f"class {letter}" for letter in "abcdefghij"]
    card = DataCard(class_names=tuple(names))
    data_cards.write(results.folder, predictions.data_id(results.good[0].config), card)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert [line[0] for line in plot.table.rows] == list(plot.figure.data[0].x) == names
    assert "class a as class j (3)" in plot.finding


@pytest.mark.parametrize("num_classes", [10, 40])
def test_long_names_of_classes_leave_room_for_the_figure(
    make_row: MakeRow, make_results: MakeResults, num_classes: int
) -> None:
    results = make_results([make_row()])
    labels = Predictions(np.arange(num_classes, dtype=np.uint8), np.arange(num_classes, dtype=np.uint8))
    keep(results, results.good[0], labels, num_classes - 1 - labels.test)
    names = tuple(f"{'a long name of a class ' * 3}{number}" for number in range(num_classes))
    data_cards.write(results.folder, predictions.data_id(results.good[0].config), DataCard(class_names=names))
    plot = confusion_matrix.plot(results)
    assert plot is not None
    shown = plot.figure.layout.yaxis.ticktext
    assert max(map(len, shown)) <= 2 * confusion_matrix.MAX_NAME + len(" as ")
    assert len({*plot.figure.data[0].y}) == len(shown)  # names that are cut alike are not one


def test_many_classes_are_a_list_of_confusions(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    labels = Predictions(np.arange(100, dtype=np.uint8), np.arange(100, dtype=np.uint8))
    test = labels.test.copy()
    test[7] = 99
    keep(results, results.good[0], labels, test)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert plot.table.rows == [["7", "99", 1]]


def test_every_class_of_a_byte_is_counted_and_more_than_a_matrix_takes_are_refused(
    make_row: MakeRow, make_results: MakeResults, refused: Refused
) -> None:
    classes = np.arange(256, dtype=np.uint8)
    assert confusion_matrix.count_pairs(classes, classes).tolist() == np.eye(256).tolist()
    results = make_results([make_row()])
    many = np.array([65535], np.uint16)
    keep(results, results.good[0], Predictions(many, many), many)
    with refused(LedgerError, "go up to 65,535", "2,048 at most"):
        confusion_matrix.plot(results)


def test_predictions_of_other_images_are_refused(
    make_row: MakeRow, make_results: MakeResults, refused: Refused
) -> None:
    results = make_results([make_row()])
    keep(results, results.good[0], LABELS, LABELS.test[:7])
    with refused(LedgerError, results.good[0].trial_id, "7 predictions of 30 test images", "move it away"):
        confusion_matrix.plot(results)
