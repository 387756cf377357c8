"""Texts that are not to become markup, and a reader that shows whether they did."""

from html.parser import HTMLParser

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
    """Collects the elements, the attributes and the text of a page outside of its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._is_silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._is_silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._is_silent = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._is_silent else data

    def values(self, *names: str) -> list[str]:
        """Return the values of the attributes with these names."""
        return [value or "" for name, value in self.attributes if name in names]


def read_html(page: str) -> Reader:
    """Return what an HTML parser sees on a page."""
    reader = Reader()
    reader.feed(str(page))  # a parser that slices `Markup` would escape it
    return reader
