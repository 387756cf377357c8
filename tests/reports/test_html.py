"""Laws of the HTML page: text stays text, sections are linked, and long tables are whole in its data."""

import json
import re

import pytest

from mnist_sweep.reports.blocks import Block, Column, Command, Facts, Image, Images, Paragraph, Section, Table
from mnist_sweep.reports.html import FIRST_ROWS, content_security_policy, inline, render
from tests.reports.strange_texts import STRANGE, read_html

TABLE = Table(
    caption="All",
    columns=[Column(title="trial", name="trial_id"), Column(title="x", numeric=True, digits=2)],
    rows=[[f"t{number}", number / 3] for number in range(60)],
    interactive=True,
)


@pytest.mark.parametrize("text", STRANGE)
def test_text_between_backquotes_is_code_and_nothing_more(text: str) -> None:
    reader = read_html(inline(f"say `{text}` now"))
    assert (reader.tags, reader.text) == (["code"], f"say {text} now")


def test_words_from_right_to_left_leave_what_is_beside_them_in_place() -> None:
    assert inline("cat as كتابة بخط (1)") == "cat as <bdi>كتابة بخط</bdi> (1)"


def test_policy_allows_the_given_scripts_by_their_digests_and_no_network() -> None:
    policy = content_security_policy(["", "x"])
    assert "default-src 'none'" in policy
    assert "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='" in policy  # of nothing
    assert len(re.findall("sha256-", policy)) == 2
    assert "http:" not in policy


ANSWER = Section(key="answer", title="The answer", finding="")


def test_sections_after_the_first_are_linked_by_their_keys_and_folded() -> None:
    blocks: list[Block] = [Paragraph(text="words"), TABLE]
    page = render(
        "Sweep", "today", [ANSWER, Section(key="pareto-front", title="Why?", finding="`a` < b", blocks=blocks)]
    )
    assert '<a href="#pareto-front">Pareto front</a>' in page
    assert 'href="#answer"' not in page
    assert '<section id="pareto-front" aria-labelledby="pareto-front-title">' in page
    assert '<p class="finding"><code>a</code> &lt; b</p><details class="fold">' in "".join(page.splitlines())
    assert "<summary>Pareto front: 1 table</summary>" in page


def test_interactive_table_shows_its_first_rows_and_has_all_in_its_data() -> None:
    page = render("Sweep", "", [Section(key="trials", title="Trials", finding="", blocks=[TABLE])])
    assert page.count('scope="row"') == FIRST_ROWS
    (data,) = re.findall(r'<script type="application/json" id="rows-table0">(.*?)</script>', page)
    assert json.loads(data)["cells"] == [[row[0] for row in TABLE.rows], [float(f"{row[1]:.6g}") for row in TABLE.rows]]
    assert json.loads(data)["columns"][0] == {"title": "trial", "name": "trial_id", "numeric": False, "digits": None}


def test_every_kind_of_block_is_an_element() -> None:
    blocks: list[Block] = [
        Paragraph(text="words"),
        Command(text="mnist-sweep x"),
        Facts(facts=[("trials", "40 (40 ok)")], large=True),
        Facts(facts=[("device", "CPU (3 rows), GPU (1 row)")]),
        Images(caption="mistakes", images=[Image(png=b"png", caption="4 as 9")]),
    ]
    reader = read_html(render("Sweep", "", [Section(key="x", title="X", finding="", blocks=blocks)]))
    assert "CPU (3 rows), GPU (1 row)" in reader.text
    assert {"p", "pre", "dl", "small", "img"} <= set(reader.tags)
    assert ("alt", "4 as 9") in reader.attributes
    assert ("src", "data:image/png;base64,cG5n") in reader.attributes
