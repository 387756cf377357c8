"""Laws of what a notebook shows: everything is escaped, and a long table is cut."""

import pandas as pd

from mnist_sweep.analysis.html_repr import MAX_ROWS, html_repr


def test_sentences_columns_and_cells_are_escaped() -> None:
    page = html_repr(["<script>a & b</script>"], pd.DataFrame({"<b>": ["<i>"]}))
    assert "&lt;script&gt;a &amp; b&lt;/script&gt;" in page
    assert not [tag for tag in ("<script>", "<b>", "<i>") if tag in page]


def test_numbers_are_short_and_unknown_ones_are_empty() -> None:
    page = html_repr([], pd.DataFrame({"mean": [0.97333333, float("nan")]}))
    assert "<td>0.9733</td>" in page
    assert "nan" not in page.lower()


def test_long_table_is_cut() -> None:
    assert html_repr([], pd.DataFrame({"n": range(10 * MAX_ROWS)})).count("<tr") < 2 * MAX_ROWS
