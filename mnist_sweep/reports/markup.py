"""HTML that is safe by its type: whatever text is not `Markup` is escaped when it becomes part of an element."""

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already; made by `element` and `join` alone, so that no text of a user becomes one."""

    __slots__ = ()


VOID = {"img", "meta", "input"}


def element(tag: str, *children: str, **attributes: str | int | bool | None) -> Markup:
    """Return an element; children that are not `Markup` are escaped.

    Args:
        tag: Its name.
        children: What stands in it.
        attributes: By their names, `_` for `-` and none at the end (`class_`); None and False leave one out, True gives
            one without a value.
    """
    parts = "".join(_attribute(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    return Markup(f"<{tag}{parts}>" if tag in VOID else f"<{tag}{parts}>{join(children)}</{tag}>")


def join(children: Iterable[str]) -> Markup:
    """Return texts one after the other; those that are not `Markup` are escaped."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(clean(child)) for child in children))


def clean(text: str) -> str:
    """Return text with bytes that are no Unicode and characters that HTML does not allow written out."""
    text = text.encode(errors="backslashreplace").decode()
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" or ord(char) >= 32 else f"\\x{ord(char):02x}" for char in text)


def _attribute(name: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(clean(str(value)))}"'
