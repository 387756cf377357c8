"""Laws of what trials are judged by: how values and differences are written, and which way is better."""

import math

import pytest

from mnist_sweep.trials.value_format import ACCURACY, Measure

SHARE_TO_MINIMIZE = Measure("error_rate", "minimize")
PIXELS = Measure("rmse", "minimize", "px")
PLAIN = Measure("kappa", unit="")


def test_shares_are_written_in_percent_and_their_differences_in_points() -> None:
    assert (ACCURACY.text(0.9625), ACCURACY.difference(0.0125), ACCURACY.delta(0.0125, signed=True)) == (
        "96.25%",
        "1.25 points",
        "+1.25",
    )
    assert ACCURACY.interval(0.5, 0.75) == "95% interval 50.00% to 75.00%"
    assert ACCURACY.interval(-0.02, 1.015) == "95% interval 0.00% to 100.00%"
    assert ACCURACY.delta_interval(-0.01, 0.02) == "95% interval -1.00 to 2.00"


def test_other_values_keep_their_unit() -> None:
    assert (PIXELS.text(1.23456), PIXELS.difference(-0.01234, signed=True)) == ("1.235 px", "-0.0123 px")
    assert (PLAIN.text(0.5), PLAIN.difference(0.25)) == ("0.5", "0.25")
    assert PIXELS.interval(1.0, 2.5) == "95% interval 1 to 2.5 px"
    assert PIXELS.delta_interval(-1.0, 0.5) == "95% interval -1 to 0.5"


def test_cells_of_tables_have_four_decimals_unless_these_say_too_little_or_too_much() -> None:
    size = Measure("size", "minimize", "B")
    assert [Measure().cell(value) for value in (0.9625, 0.0001)] == ["0.9625", "0.0001"]
    assert [size.cell(value) for value in (0.0, 2.5, 1037031.85, 2e-7)] == ["0.0000", "2.5000", "1,037,032", "2e-07"]


def test_large_values_are_written_without_an_exponent() -> None:
    assert (PIXELS.text(123456.7), PIXELS.interval(-98765, 1e6)) == (
        "123,457 px",
        "95% interval -98,765 to 1,000,000 px",
    )
    assert (PIXELS.delta(1234.5), PIXELS.delta(1234.5, signed=True)) == ("1,234", "+1,234")
    assert (PIXELS.delta_interval(-99999, 1e20), PIXELS.delta(0.0, signed=True)) == (
        "95% interval -99,999 to 1e+20",
        "0",
    )


@pytest.mark.parametrize("measure", [ACCURACY, PIXELS])
def test_what_is_unknown_has_no_number(measure: Measure) -> None:
    assert (measure.text(math.nan), measure.delta(math.nan)) == ("-", "-")
    assert measure.interval(math.nan, 1.0) == measure.delta_interval(1.0, math.nan) == "no interval"


@pytest.mark.parametrize(
    ("measure", "better", "worst", "limits"),
    [
        (ACCURACY, (0.9, 0.8), 0.0, (0.0, 1.0)),
        (SHARE_TO_MINIMIZE, (0.1, 0.2), 1.0, (-1.0, 0.0)),
        (PIXELS, (1.0, 2.0), None, (-math.inf, math.inf)),
        (PLAIN, (2.0, 1.0), None, (-math.inf, math.inf)),
    ],
)
def test_more_is_better_in_scores(
    measure: Measure, better: tuple[float, float], worst: float | None, limits: tuple[float, float]
) -> None:
    first, second = map(measure.score, better)
    assert first > second
    assert measure.score(first) == better[0]
    assert (measure.worst, measure.score_limits) == (worst, limits)
    assert measure.mode == ("max" if measure.direction == "maximize" else "min")


def test_ends_of_scores_become_ends_of_values_within_their_range() -> None:
    assert PIXELS.flipped(-3.0, -1.0) == (1.0, 3.0)
    assert SHARE_TO_MINIMIZE.clipped(-0.1, 1.2) == ACCURACY.clipped(-0.1, 1.2) == (0.0, 1.0)
    assert PIXELS.clipped(-0.1, 1.2) == (-0.1, 1.2)


def test_names_are_columns_and_words() -> None:
    assert (ACCURACY.val, ACCURACY.test, ACCURACY.title) == ("val_accuracy", "test_accuracy", "accuracy")
    assert (Measure("macro_f1").title, PIXELS.title, SHARE_TO_MINIMIZE.title) == ("macro F1", "RMSE", "error rate")


@pytest.mark.parametrize(
    ("measure", "values", "edge"),
    [
        (ACCURACY, [0.1, 0.87, 0.88, 0.9], 0.82),
        (PIXELS, [9.0, 2.0, 3.0], 6.0),
        (ACCURACY, [0.8, 0.87, 0.88, 0.9], None),
        (ACCURACY, [0.1, 0.9, 0.9], None),
        (ACCURACY, [0.1, 0.1, 0.88, 0.89, 0.9], None),
        (ACCURACY, [], None),
    ],
)
def test_a_plot_ends_before_few_values_that_are_far_worse(
    measure: Measure, values: list[float], edge: float | None
) -> None:
    found = measure.edge(values)
    assert found == (edge if edge is None else pytest.approx(edge))
    assert [measure.no_worse(value, found) for value in values] == [
        found if found and n == 0 else value for n, value in enumerate(values)
    ]
