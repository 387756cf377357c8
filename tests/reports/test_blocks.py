"""Laws of cells as text."""

import math

import pytest

from mnist_sweep.reports.blocks import Cell, cell_text


@pytest.mark.parametrize(
    ("cell", "digits", "text"),
    [
        (None, 2, ""),
        (math.nan, 2, ""),
        ("a", None, "a"),
        (0.12345678, None, "0.123457"),
        (0.5, 2, "0.50"),
        (13706, 0, "13,706"),
        (13706, None, "13706"),
    ],
)
def test_numbers_have_their_digits_and_none_and_nan_are_empty(cell: Cell, digits: int | None, text: str) -> None:
    assert cell_text(cell, digits) == text
