"""Laws of the Markdown report: text stays text, and long tables are cut and say so."""

import pytest

from mnist_sweep.reports.blocks import Block, Column, Command, Facts, Image, Images, Section, Table
from mnist_sweep.reports.markdown import MAX_ROWS, inline, render


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a*b_c_", r"a\*b_c\_"),
        ("snake_case", "snake_case"),
        ("<b> [x](y) a|b", r"\<b\> \[x\](y) a\|b"),
        ("run `a_*` now", "run `a_*` now"),
        ("two\nlines", "two lines"),
        ("@team", "@\u200bteam"),
        ("a\x1bb", r"a\\x1bb"),
    ],
)
def test_text_is_shown_as_it_is(text: str, markdown: str) -> None:
    assert inline(text) == markdown


def test_long_table_is_cut_and_counted() -> None:
    table = Table(caption="All", columns=[Column(title="n", numeric=True)], rows=[[n] for n in range(MAX_ROWS + 1)])
    text = render("x", [Section(key="x", title="X", finding="", blocks=[table])])
    assert f"All, first {MAX_ROWS} of {MAX_ROWS + 1} rows:\n\n| n |\n| ---: |\n| 0 |" in text
    assert f"| {MAX_ROWS} |" not in text


def test_blocks_follow_each_other_under_their_heading() -> None:
    blocks: list[Block] = [
        Facts(facts=[("a", "1")]),
        Command(text="run x"),
        Images(caption="y", images=[Image(png=b"", caption="z")]),
    ]
    text = render("Sweep", [Section(key="x", title="X", finding="Found.", blocks=blocks)])
    assert text == "# Sweep\n\n## X\n\nFound.\n\n- a: 1\n\n    run x\n\n- z\n"
