"""The shift between validation and test: how far apart the accuracies on the two are, and why, if the data says so."""

import math

from mnist_sweep.reports.blocks import Block, Paragraph
from mnist_sweep.reports.report_data import Results
from mnist_sweep.results import data_cards
from mnist_sweep.text.numbers import counted, points
from mnist_sweep.trials.row import TrialRow


def shift(results: Results) -> list[Block]:
    """Return the mean difference between validation and test over all trials, which no selection inflates.

    For each data set its reason, if it declares one. Nothing without trials that were tested.

    Raises:
        LedgerError: A data card is damaged.
    """
    tested = [row for row in results.good if row.test_accuracy is not None]
    if not tested:
        return []
    mean = math.fsum(_difference(row) for row in tested) / len(tested)
    side, distance = "below" if mean > 0 else "above", points(abs(mean))
    many = (
        f"Over all {counted(len(tested), 'trial')}, test accuracy is on average"
        if len(tested) > 1
        else "Test accuracy is"
    )
    text = f"{many} {distance} points {side} validation accuracy."
    cards = {data_cards.read(results.folder, row.config) for row in tested}
    reasons = sorted({card.splits_differ for card in cards if card.splits_differ})
    return [Paragraph(text=" ".join([text, *reasons]))]


def _difference(row: TrialRow) -> float:
    return (row.val_accuracy or 0.0) - (row.test_accuracy or 0.0)
