"""Durations and lists as sentences have them."""

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Return a duration as `0.42 s`, `17 s`, `5 min 3 s` or `2 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def listed(items: Sequence[str]) -> str:
    """Return items as `a`, `a and b`, or `a, b and c`."""
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last
