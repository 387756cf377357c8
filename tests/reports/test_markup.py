"""Laws of the page's HTML: no text becomes markup, whatever it holds."""

import html
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from mnist_sweep.reports.html import inline
from mnist_sweep.reports.markup import element, join
from mnist_sweep.reports.plots import literal, script_json

STRANGE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "' onload='alert(1)",
    "&lt;b&gt; & <b>",
    "=1+1",
    "]]> <!-- --> <![CDATA[",
    "\u2028\u2029\U0001f600",
]


class Reader(HTMLParser):
    """Notes the elements, the attributes and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(str(page))  # a parser that slices `Markup` would escape it
    return reader


@pytest.mark.parametrize("text", STRANGE)
def test_text_is_read_as_itself_in_an_element_and_in_an_attribute(text: str) -> None:
    reader = read(element("p", text, aria_label=text))
    assert (reader.tags, reader.attributes, reader.text) == (["p"], [("aria-label", text)], text)


@pytest.mark.parametrize("text", STRANGE)
def test_text_between_backquotes_is_code_and_nothing_more(text: str) -> None:
    reader = read(inline(f"say `{text}` now"))
    assert (reader.tags, reader.text) == (["code"], f"say {text} now")


def test_elements_stand_in_elements() -> None:
    assert element("p", "a < ", element("b", "c")) == "<p>a &lt; <b>c</b></p>"
    assert isinstance(join(["<"]), Markup)


def test_text_added_to_markup_is_escaped() -> None:
    assert join([Markup("<b>") + "<i>"]) == "<b>&lt;i&gt;"


def test_attributes_can_be_bare_or_left_out() -> None:
    assert element("input", disabled=True, hidden=False, name=None, class_="a", tabindex=0) == (
        '<input disabled class="a" tabindex="0">'
    )


@pytest.mark.parametrize("text", ["caf\udce9", "a\x00b", "a\x1b[31mb"])
def test_what_html_does_not_allow_is_written_out(text: str) -> None:
    page = element("p", text)
    assert page.encode()
    assert "\\" in page


@pytest.mark.parametrize("text", STRANGE)
def test_json_for_a_script_ends_no_element_and_is_the_same_json(text: str) -> None:
    import json

    written = script_json({"text": text})
    assert json.loads(written) == {"text": text}
    assert not set(written) & set("<>&\u2028\u2029")


@pytest.mark.parametrize("text", STRANGE)
def test_label_of_a_plot_has_no_tag(text: str) -> None:
    assert "<" not in literal(text)
    assert html.unescape(literal(text)) == text
