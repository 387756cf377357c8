"""Laws of numbers in sentences: per cent for shares, points for differences, and never `nan` or `-0.00`."""

import math

import pytest

from mnist_sweep.text.numbers import (
    clock,
    counted,
    duration,
    in_digits,
    percent,
    points,
    probability,
    seconds_of,
    size,
)


@pytest.mark.parametrize(("share", "shown"), [(0.9625, "96.25%"), (1.0, "100.00%"), (0.0, "0.00%"), (math.nan, "-")])
def test_shares_are_per_cent(share: float, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("difference", "plain", "signed"),
    [
        (0.0125, "1.25", "+1.25"),
        (-0.0125, "-1.25", "-1.25"),
        (-1e-9, "0.00", "0.00"),
        (0, "0.00", "0.00"),
        (math.nan, "-", "-"),
    ],
)
def test_differences_are_points_and_nothing_has_no_sign(difference: float, plain: str, signed: str) -> None:
    assert (points(difference), points(difference, signed=True)) == (plain, signed)


@pytest.mark.parametrize(
    ("p", "shown"),
    [(1e-7, "p < 0.0001"), (0.00123, "p = 0.0012"), (0.0499, "p = 0.05"), (0.4567, "p = 0.46"), (math.nan, "no test")],
)
def test_p_values_are_short(p: float, shown: str) -> None:
    assert probability(p) == shown


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.012345, 3, "0.0123"),
        (999.6, 3, "1,000"),
        (-1234567.8, 4, "-1,234,568"),
        (1e-9, 3, "1e-09"),
        (2e16, 3, "2e+16"),
    ],
)
def test_large_numbers_are_whole_and_small_ones_have_their_digits(value: float, digits: int, shown: str) -> None:
    assert in_digits(value, digits) == shown


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(number, "trial") for number in (0, 1, 2, 1000)] == [
        "0 trials",
        "1 trial",
        "2 trials",
        "1,000 trials",
    ]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1234, "1.2 kB"), (12_345_678, "12 MB"), (10**16, "10000 TB")]
)
def test_sizes_have_the_largest_unit_that_fits(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4234, "0.42 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (17.2, "17 s"),
        (303, "5 min 3 s"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
    ],
)
def test_durations_are_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (61.4, "1:01"), (3599.6, "1:00:00"), (36000, "10:00:00")])
def test_durations_read_as_on_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1.5 min", 90), (" 2h ", 7200), ("0s", 0), ("90", None), ("1h30", None), ("-1s", None), ("", None)],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds
