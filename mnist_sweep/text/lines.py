"""Text that fits on one line of a terminal, an error or a table: whitespace, control characters, length, lists."""

from collections.abc import Sequence

MAX_LENGTH = 200


def one_line(value: object) -> str:
    """Return the text of a value with every run of whitespace, line breaks included, as one space."""
    return " ".join(str(value).split())


def printable(text: str) -> str:
    """Escape non-printable characters, which could control a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shortened(text: str) -> str:
    """Escape non-printable characters, and cut the text after 200 characters."""
    escaped = printable(text[:MAX_LENGTH])
    return escaped if len(text) <= MAX_LENGTH else f"{escaped}…"


def first_few(items: Sequence[object], num: int, separator: str = ", ") -> str:
    """Return the first of a list of items, and how many more there are, as `a, b, 12 more`."""
    more = [f"{len(items) - num:,} more"] if len(items) > num else []
    return separator.join([*map(str, items[:num]), *more])


def listed(items: Sequence[str]) -> str:
    """Return items as `a`, `a and b`, or `a, b and c`."""
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last
