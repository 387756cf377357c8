"""HTML elements, in which any text that is not `markupsafe.Markup` is escaped."""

from collections.abc import Iterable

from markupsafe import Markup

VOID = {"img", "meta", "input"}


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
    """Return text with lone surrogates and control characters, which HTML does not allow, written as escapes."""
    text = text.encode(errors="backslashreplace").decode()
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" or ord(char) >= 32 else f"\\x{ord(char):02x}" for char in text)


def _attribute(name: str, value: str | int | bool | None) -> Markup:
    if value is None or value is False:
        return Markup("")
    return Markup(" %s") % name if value is True else Markup(' %s="%s"') % (name, clean(str(value)))
