"""HTML elements, in which any text that is not `markupsafe.Markup` is escaped."""

import re
from collections.abc import Iterable

from markupsafe import Markup

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def element(tag: str, *children: str, **attributes: str | int | None) -> Markup:
    """Return an element; children that are not `Markup` are escaped.

    Names of attributes have `_` for `-`, and a trailing `_` is dropped (`class_`). None omits an attribute.
    """
    start = Markup("<%s") % tag
    for name, value in attributes.items():
        if value is not None:
            start += Markup(' %s="%s"') % (name.rstrip("_").replace("_", "-"), clean(str(value)))
    return start + Markup(">") if tag == "img" else Markup("%s>%s</%s>") % (start, join(children), tag)


def join(children: Iterable[str]) -> Markup:
    """Concatenate texts; those that are not `Markup` are escaped."""
    return Markup("").join(child if isinstance(child, Markup) else clean(child) for child in children)


def clean(text: str) -> str:
    """Return text with lone surrogates, control characters and what reorders a line written as escapes."""
    text = text.encode(errors="backslashreplace").decode()
    return text if text.isprintable() else CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
