"""Laws of the view of `diff`: the largest changes, what is in one sweep only, and no NaN."""

import math

import numpy as np

from mnist_sweep.analysis.sweep_diff import SweepDiff, diff
from mnist_sweep.cli.views.diff import show
from tests.analysis.tables import sweep, two_sweeps
from tests.cli.conftest import shown


def printed(found: SweepDiff) -> str:
    text = shown(show, found, width=160)
    assert "nan" not in text
    return text


def test_configs_of_one_sweep_only_are_listed() -> None:
    text = printed(diff(sweep({"a": [0.9], "b": [0.9], "c": [0.9]}), sweep({"c": [0.8], "d": [0.8]})))
    assert "only in the first: a (units=97), b (units=98)" in text
    assert "only in the second: d (units=100)" in text


def test_largest_change_comes_first_after_conclusion_and_header() -> None:
    found = diff(*two_sweeps(np.random.default_rng(1), np.array([0.0, 0.03, 0.0, -0.04, 0.0, 0.0])))
    lines = printed(found).splitlines()
    assert lines[0] == found.sentence
    assert lines[1].split()[:3] == ["config", "n", "first"]
    assert lines[2].startswith("d ")
    assert "-4." in lines[2]
    assert lines[2 + 6 :] == list(found.notes)


def test_config_without_a_common_seed_has_no_line() -> None:
    found = diff(sweep({"x": [0.9, math.nan]}), sweep({"x": [math.nan, 0.9]}))
    assert printed(found).splitlines() == [found.sentence, *found.notes]


def test_long_lists_are_cut_with_their_number() -> None:
    a, b = two_sweeps(np.random.default_rng(3), np.linspace(0.001, 0.1, 30))
    assert "and 10 smaller changes" in printed(diff(a, b))
    assert "10 more" in printed(diff(a, b.assign(config_id="z" + b["config_id"])))
