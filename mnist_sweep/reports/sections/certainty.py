"""How far the selected config can be trusted: the luck of selection, the shift from validation to test, the test."""

import math

from mnist_sweep.reports.blocks import Paragraph, Section
from mnist_sweep.reports.report_data import Results
from mnist_sweep.results import data_cards
from mnist_sweep.text.numbers import counted

KEY, TITLE = "certainty", "How sure is that?"


def section(results: Results) -> Section | None:
    """Return what to expect of the selected config, and the method of selection; None if no trial succeeded."""
    if not results.good:
        return None
    selection, _ = results.analysis
    chosen, values, *others = selection.sentences
    expected, *rest = others if selection.num_compared > 1 else [values, *others]
    told = [chosen, *others] if expected is values else [chosen, values, *rest]
    blocks = [Paragraph(text=" ".join(told)), Paragraph(text=selection.method)]
    return Section(key=KEY, title=TITLE, finding=f"{expected} {shift(results)}".rstrip(), blocks=blocks)


def shift(results: Results) -> str:
    """Return the mean difference between validation and test over all trials, which no selection inflates.

    For each data set its reason, if it declares one. Empty without trials that were tested.

    Raises:
        LedgerError: A data card is damaged.
    """
    tested = [row for row in results.good if row.test is not None]
    if not tested:
        return ""
    measure = results.measure
    mean = math.fsum((row.val or 0.0) - (row.test or 0.0) for row in tested) / len(tested)
    over = f"Over all {counted(len(tested), 'trial')}, test {measure.title} is on average"
    subject = over if len(tested) > 1 else f"Test {measure.title} is"
    side = "below" if mean > 0 else "above"
    text = f"{subject} {measure.difference(abs(mean))} {side} validation {measure.title}."
    cards = {data_cards.read(results.folder, row.config) for row in tested}
    reasons = sorted({card.splits_differ for card in cards if card.splits_differ})
    return " ".join([text, *reasons])
