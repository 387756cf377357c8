"""Laws of the wording of a difference of sweeps: what is the same, what differs, and what cannot be tested."""

import math

import numpy as np

from mnist_sweep.analysis.sweep_diff import diff
from mnist_sweep.analysis.sweep_diff_sentences import NO_SEED, ONE_SEED
from tests.analysis.tables import sweep, two_sweeps


def test_configs_are_counted_first() -> None:
    found = diff(sweep({"a": [0.9], "b": [0.9], "c": [0.9]}), sweep({"c": [0.8], "d": [0.8]}))
    assert found.sentence.startswith("1 config in both")


def test_seeds_that_are_missing_are_noted() -> None:
    one = diff(sweep({"x": [0.9], "y": [0.8]}), sweep({"x": [0.95], "y": [0.8]}))
    none = diff(sweep({"x": [0.9, math.nan]}), sweep({"x": [math.nan, 0.9]}))
    assert (one.notes, none.notes) == ((ONE_SEED,), (NO_SEED,))
    assert diff(*two_sweeps(np.random.default_rng(0), np.zeros(3))).notes == ()
