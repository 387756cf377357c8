"""Laws of a difference of sweeps as a value: what is printed, its wording and its limits, a table in a notebook."""

import math

import numpy as np

from mnist_sweep.analysis.sweep_diff import diff
from mnist_sweep.analysis.sweep_diff_sentences import NO_SEED, ONE_SEED, THESE_IMAGES, Change
from tests.analysis.tables import sweep, two_sweeps


def test_repr_has_the_configs_and_the_mean_difference() -> None:
    found = diff(sweep({"a": [0.9], "b": [0.9], "c": [0.9]}), sweep({"c": [0.8], "d": [0.8]}))
    assert repr(found) == (
        "<SweepDiff of val_accuracy: 1 config in both, 2 and 1 in one; mean difference -10.00 points>"
    )


def test_printed_it_is_its_conclusion_and_its_notes() -> None:
    found = diff(sweep({"a": [0.9]}), sweep({"a": [0.8]}))
    assert str(found).splitlines() == [found.sentence, *found.notes]


def test_frame_has_a_line_for_each_config_in_both() -> None:
    found = diff(*two_sweeps(np.random.default_rng(1), np.array([0.0, 0.03, 0.0])))
    frame = found.to_frame()
    assert list(frame.columns) == list(Change._fields)
    assert frame["config_id"].tolist() == [change.config_id for change in found.changes]


def test_notebook_shows_the_conclusion_and_the_changes() -> None:
    page = diff(sweep({"<": [0.9]}), sweep({"<": [0.8]}))._repr_html_()
    assert "1 config in both" in page
    assert "<td>&lt;</td>" in page


def test_configs_are_counted_first() -> None:
    found = diff(sweep({"a": [0.9], "b": [0.9], "c": [0.9]}), sweep({"c": [0.8], "d": [0.8]}))
    assert found.sentence.startswith("1 config in both")


def test_seeds_that_are_missing_are_noted() -> None:
    one = diff(sweep({"x": [0.9], "y": [0.8]}), sweep({"x": [0.95], "y": [0.8]}))
    none = diff(sweep({"x": [0.9, math.nan]}), sweep({"x": [math.nan, 0.9]}))
    assert (one.notes, none.notes) == ((ONE_SEED, THESE_IMAGES), (NO_SEED,))
    assert diff(*two_sweeps(np.random.default_rng(0), np.zeros(3))).notes == (THESE_IMAGES,)
