"""Laws of a selection as a value: short in a terminal, a table in a notebook, and its wording, which says no NaN."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from mnist_sweep.analysis.selection import select
from mnist_sweep.trials.value_format import Measure
from tests.analysis.tables import text
from tests.analysis.tables import trials as table


def test_repr_has_the_config_its_accuracies_and_the_ties() -> None:
    found = select(table({"a": [0.95, 0.95], "b": [0.94, 0.94], "c": [0.5, 0.5]}))
    assert repr(found) == "<Selection of a: validation 95.00%, test 94.00%; 2 of 3 tied>"


def test_printed_it_is_its_sentences() -> None:
    found = select(table({"a": [0.95], "b": [0.94]}))
    assert str(found).splitlines() == list(found.sentences)


def test_notebook_shows_the_sentences_and_both_splits() -> None:
    page = select(table({"<a>": [0.95], "b": [0.94]}))._repr_html_()
    assert "<a>" not in page
    assert "&lt;a&gt;" in page
    assert page.index("<td>validation</td>") < page.index("<td>0.9500</td>") < page.index("<td>test</td>")


def test_a_unit_follows_both_ends_of_an_interval() -> None:
    found = select(table({"a": [0.94, 0.95, 0.96], "b": [0.5, 0.51, 0.5]}))
    for said in dataclasses.replace(found, objective=Measure("rmse", "minimize", "px")).intervals:
        assert said.count(" px for ") == said.count(" px") == 2


@pytest.mark.parametrize(
    ("field", "sizes", "expected"),
    [("data.val_size", [300, 299], True), ("data.train_size", [300, 299], False), ("data.val_size", [300, 300], False)],
)
def test_other_images_of_some_trials_are_said(field: str, sizes: list[int], expected: bool) -> None:
    found = select(table({"a": [0.9], "b": [0.91]}, **{field: sizes}))
    assert (
        f"The configs differ in {field.rpartition('.')[2]}, so they may not have been measured" in text(found)
    ) is expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (["a"], "It is significantly better than the other config for these validation images."),
        (["a", "b"], "It is significantly better than each of the 2 other configs for these validation images."),
    ],
)
def test_clear_winner_is_said_to_be_one(others: list[str], expected: str) -> None:
    low = {name: [0.5, 0.503, 0.501] for name in others}
    found = select(table({"best": [0.97, 0.972, 0.971], **low}))
    assert found.tied == ("best",)
    assert expected in text(found)
    assert "selection did not inflate its accuracy" in text(found)


@pytest.mark.parametrize("accuracies", [[0.95, 0.95], [0.95, 0.96], [1.0, 1.0]])
def test_of_configs_that_are_all_alike_none_is_said_to_lead(accuracies: list[float]) -> None:
    found = select(table({"a": accuracies, "b": accuracies, "c": accuracies}))
    assert found.tied == ("a", "b", "c")
    assert "lead" not in text(found)
    assert "selection is not expected to have inflated its accuracy" in text(found)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"b": [0.9, 0.911, 0.909]}, "It is significantly better than 1 of the 2 other configs"),
        ({"b": [0.951, 0.961, 0.953]}, "1 of the 2 other configs is statistically tied with it"),
    ],
)
def test_config_that_shares_no_seed_with_the_best_is_said_to_be_untested(
    others: dict[str, list[float]], expected: str
) -> None:
    shared, alone = table({"a": [0.95, 0.96, 0.955], **others}), table({"c": [0.5, 0.51, 0.52]}).assign(seed=[7, 8, 9])
    found = select(pd.concat([shared, alone]))
    assert found.untested == ("c",)
    assert found.tied[-1] == "c"
    assert (
        f"{expected} for these validation images; 1 that shares fewer than two seeds with it cannot be tested."
        in found.sentences
    )
    assert repr(found).endswith(f"; {len(found.tied) - 1} of 3 tied, 1 untested>")


def test_best_that_shares_no_seed_with_any_is_not_said_to_be_tied() -> None:
    best, others = table({"a": [0.95, 0.96]}), table({"b": [0.8, 0.81], "c": [0.5, 0.53]}).assign(seed=[7, 8, 7, 8])
    found = select(pd.concat([best, others]))
    assert (found.config_id, found.untested) == ("a", ("b", "c"))
    assert "Whether any config is worse cannot be tested" in text(found)
    assert "tied" not in text(found)


def test_two_seeds_are_said_to_be_too_few_for_the_selection_bias() -> None:
    found = select(table({"a": [0.96, 0.95], "b": [0.955, 0.953], "c": [0.95, 0.951]}))
    assert math.isnan(found.selection_bias)
    assert "cannot be estimated from two seeds: run each config with three or more." in text(found)


def test_trials_that_did_not_succeed_are_left_out_and_counted() -> None:
    trials = table({"a": [0.95, math.nan, 0.94], "b": [0.94, 0.93, 0.93], "c": [math.nan] * 3})
    trials.loc[trials["config_id"] == "c", "status"] = ["failed", "diverged", "stopped"]
    found = select(trials)
    assert (found.config_id, found.n, found.num_compared) == ("a", 2, 2)
    assert "4 trials (1 stopped, 1 diverged, 2 failed)" in text(found)
    assert "The selected config has 1 trial that did not succeed." in text(found)


@pytest.mark.parametrize(("others", "expected"), [("b", "The other config is"), ("bc", "Both other configs are")])
def test_ties_with_all_are_said_to_be_so(others: str, expected: str) -> None:
    found = select(table({name: [0.95, 0.95] for name in f"a{others}"}))
    assert f"{expected} statistically tied with it for new images." in found.sentences


def test_configs_that_are_tied_since_some_of_their_runs_collapsed_are_said_to_be() -> None:
    draw = np.random.default_rng(0)
    configs = {name: draw.normal(0.96, 0.005, 3).tolist() for name in "abcdefghij"}
    found = select(table(configs | {"x": [0.91, 0.1126, 0.1126], "y": [0.1126, 0.9, 0.91], "z": [0.1126, 0.09, 0.1]}))
    assert set(found.tied) == {*configs, "x", "y"}
    assert set(found.collapsed) == {"x", "y"}
    assert "2 of these have runs far from the others, as after a collapse: how often that happens takes" in text(found)
    assert not select(table(configs)).collapsed


@pytest.mark.parametrize(("num", "digits"), [(3, 2), (40, 1)])
def test_selection_bias_has_two_digits(num: int, digits: int) -> None:
    found = select(table({str(name): [0.95 - name / 1000] * 2 for name in range(num)}))
    expected = f"expect about {100 * found.selection_bias:.{digits}f} points less on new images (95% "
    assert expected in text(found)
    assert (found.selection_bias >= 0.01) == (digits == 1)
