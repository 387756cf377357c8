"""HTML elements, in which any text that is not `markupsafe.Markup` is escaped."""

import re
from collections.abc import Iterable

from markupsafe import Markup

VOID = {"img", "meta", "input"}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def element(tag: str, *children: str, **attributes: str | int | bool | None) -> Markup:
    """Return an element; children that are not `Markup` are escaped.

    Names of attributes have `_` for `-`, and a trailing `_` is dropped (`class_`). None and False omit an attribute,
    True writes it without a value.
    """
    start = Markup("").join(_attribute(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    content = Markup("<%s%s>") % (tag, start)
    return content if tag in VOID else Markup("%s%s</%s>") % (content, join(children), tag)


def join(children: Iterable[str]) -> Markup:
    """Concatenate texts; those that are not `Markup` are escaped."""
    return Markup("").join(child if isinstance(child, Markup) else clean(child) for child in children)


def clean(text: str) -> str:
    """Return text with lone surrogates, control characters and what reorders a line written as escapes."""
    text = text.encode(errors="backslashreplace").decode()
    return text if text.isprintable() else CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def _attribute(name: str, value: str | int | bool | None) -> Markup:
    if value is None or value is False:
        return Markup("")
    return Markup(" %s") % name if value is True else Markup(' %s="%s"') % (name, clean(str(value)))
