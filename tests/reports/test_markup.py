"""Laws of HTML elements: no text becomes markup, whatever it contains."""

import pytest
from markupsafe import Markup

from mnist_sweep.reports.markup import element, join
from tests.reports.strange_texts import STRANGE, read_html


@pytest.mark.parametrize("text", STRANGE)
def test_text_is_read_as_itself_in_an_element_and_in_an_attribute(text: str) -> None:
    reader = read_html(element("p", text, aria_label=text))
    assert (reader.tags, reader.attributes, reader.text) == (["p"], [("aria-label", text)], text)


def test_elements_stand_in_elements() -> None:
    assert element("p", "a < ", element("b", "c")) == "<p>a &lt; <b>c</b></p>"
    assert isinstance(join(["<"]), Markup)


def test_text_added_to_markup_is_escaped() -> None:
    assert join([Markup("<b>") + "<i>"]) == "<b>&lt;i&gt;"


def test_attributes_can_be_left_out_and_an_image_has_no_end() -> None:
    assert element("img", alt=None, class_="a", tabindex=0) == '<img class="a" tabindex="0">'


@pytest.mark.parametrize("text", ["caf\udce9", "a\x00b", "a\x1b[31mb", "a\x9b31mb", "a\u202eb", "a\u2066b"])
def test_what_html_does_not_allow_is_written_out(text: str) -> None:
    page = element("p", text)
    assert page.encode()
    assert "\\" in page
