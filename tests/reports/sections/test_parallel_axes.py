"""Laws of the axes of parallel coordinates: heights are to scale or evenly spaced, and ticks never overlap."""

from collections.abc import Sequence

import pytest

from mnist_sweep.reports.sections.parallel_axes import MISSING, hyperparameter_axis, natural_key, value_axis


def test_many_numbers_lie_to_scale_and_widely_spread_ones_on_a_logarithmic_scale() -> None:
    even = hyperparameter_axis("x", "x", [float(number) for number in range(11)])
    assert [even.height(float(number)) for number in (0, 5, 10)] == [0, 0.5, 1]
    rates = [10.0 ** (power / 4) for power in range(-16, 1)]
    assert hyperparameter_axis("x", "x", rates).height(10.0**-2) == pytest.approx(0.5)


@pytest.mark.parametrize("accuracies", [[0.1, 0.8967, 0.88, 0.8733], [0.1, *(0.9 + n / 1000 for n in range(20))]])
def test_no_tick_of_an_axis_covers_another_and_the_best_has_one(accuracies: Sequence[float]) -> None:
    ticks = value_axis("val accuracy", accuracies).ticks
    assert [text for _, text in ticks] == ["0.1000", f"{max(accuracies):.4f}"]


def test_few_values_lie_evenly_in_their_order() -> None:
    axis = hyperparameter_axis("x", "x", [[16, 32], [8, 16], [100, 2]])
    assert [axis.height(given) for given in ([8, 16], [16, 32], [100, 2])] == [0, 0.5, 1]
    assert [text for _, text in axis.ticks] == ["8,16", "16,32", "100,2"]


def test_digits_of_other_scripts_are_text_among_texts() -> None:
    assert sorted(["\u0663", "b10", "b9"], key=natural_key) == ["b9", "b10", "\u0663"]


def test_missing_setting_lies_below_all_others() -> None:
    axis = hyperparameter_axis("x", "x", [0.1, None, 0.2])
    assert axis.height(None) == MISSING < min(axis.height(0.1), axis.height(0.2))
    assert (MISSING, "none") in axis.ticks
