"""The vertical axes of parallel coordinates: where on it a value lies, and where its marks are."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnist_sweep.text.names import value

MAX_LEVELS = 8
MAX_TEXT = 14
MISSING = -0.1
LOG_FROM = 30.0
APART = 0.05  # two marks, of the height of an axis


class Axis(NamedTuple):
    """One vertical axis.

    Attributes:
        title: Its heading.
        places: Height of each value that occurs, in [0, 1], by the value's JSON; MISSING for none.
        ticks: Heights and texts of its marks.
    """

    title: str
    places: Mapping[str, float]
    ticks: Sequence[tuple[float, str]]

    def place(self, given: Any) -> float:
        """Return the height of a value."""
        return self.places[json.dumps(given)]


def of_setting(title: str, name: str, values: Sequence[Any]) -> Axis:
    """Return the axis of a field of the config: few values evenly apart, many numbers by their size."""
    present = {json.dumps(given): given for given in values if given is not None}
    numeric = all(isinstance(given, int | float) and not isinstance(given, bool) for given in present.values())
    if numeric and len(present) > MAX_LEVELS:
        places = _by_size(present)
    else:
        places = _even(sorted(present, key=present.__getitem__ if numeric else natural))
    missing = [(MISSING, "none")] if None in values else []
    texts = {place: _short(value(name, present[text])) for text, place in places.items()}
    return Axis(title, {**places, "null": MISSING}, [*missing, *_ticks(texts)])


def of_accuracy(title: str, accuracies: Sequence[float]) -> Axis:
    """Return an axis of accuracies, by their size."""
    places = _by_size({json.dumps(accuracy): accuracy for accuracy in accuracies})
    return Axis(title, places, _ticks({place: f"{json.loads(text):.4f}" for text, place in places.items()}))


def natural(text: str) -> list[str | int]:
    """Return what texts are ordered by, so that `[8, 16]` comes before `[16, 32]`."""
    return [int(part) if part.isascii() and part.isdecimal() else part for part in re.split(r"([0-9]+)", text)]


def _by_size(present: Mapping[str, Any]) -> dict[str, float]:
    """Return the heights of numbers, logarithmic if they span more than LOG_FROM."""
    low, high = min(present.values()), max(present.values())
    if low == high:
        return _even([*present])
    scale = math.log if low > 0 and high / low > LOG_FROM else float
    return {text: (scale(given) - scale(low)) / (scale(high) - scale(low)) for text, given in present.items()}


def _even(ordered: Sequence[str]) -> dict[str, float]:
    return {text: 0.5 if len(ordered) == 1 else index / (len(ordered) - 1) for index, text in enumerate(ordered)}


def _ticks(texts: Mapping[float, str]) -> list[tuple[float, str]]:
    """Return marks at all heights if they are few, else at five about evenly apart; none that would cover another."""
    places = sorted(texts)
    if len(places) > MAX_LEVELS:
        places = sorted({min(places, key=lambda place: abs(place - mark / 4)) for mark in range(5)})
    shown: list[float] = []
    for place in [places[-1], *places[:-1]]:
        if all(abs(place - other) >= APART for other in shown):
            shown.append(place)
    return [(place, texts[place]) for place in sorted(shown)]


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
