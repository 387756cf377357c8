"""The vertical axes of parallel coordinates: the heights of values and the ticks."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnist_sweep.text.names import value
from mnist_sweep.trials.row import TrialRow

MAX_LEVELS = 8
MAX_TEXT = 40
MISSING = -0.1
MIN_LOG_RATIO = 30.0
MIN_GAP = 0.05  # between two ticks, as a share of the height of an axis


class Axis(NamedTuple):
    """One vertical axis: the height of each value by its JSON, in [0, 1] or MISSING for None, and its ticks."""

    title: str
    heights: Mapping[str, float]
    ticks: Sequence[tuple[float, str]]

    def height(self, given: Any) -> float:
        """Return the height of a value."""
        return self.heights[json.dumps(given)]


def hyperparameter_axis(title: str, name: str, values: Sequence[Any]) -> Axis:
    """Return the axis of a hyperparameter: few values evenly spaced, many numbers to scale."""
    present = {json.dumps(given): given for given in values if given is not None}
    numeric = all(isinstance(given, int | float) and not isinstance(given, bool) for given in present.values())
    if numeric and len(present) > MAX_LEVELS:
        heights = _to_scale(present)
    else:
        heights = _even(sorted(present, key=present.__getitem__ if numeric else natural_key))
    missing = [(MISSING, "none")] if None in values else []
    texts = {height: value(name, present[text]) for text, height in heights.items()}
    texts = {height: text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…" for height, text in texts.items()}
    return Axis(title, {**heights, "null": MISSING}, [*missing, *_ticks(texts)])


def value_axis(title: str, values: Sequence[float]) -> Axis:
    """Return the axis of the values on validation, to scale."""
    heights = _to_scale({json.dumps(one): one for one in values})
    return Axis(title, heights, _ticks({height: f"{json.loads(text):.4f}" for text, height in heights.items()}))


def values_tried(rows: Sequence[TrialRow], name: str, *, counts: bool = False) -> str:
    """Return the values of a field among trials in words, or the range of many numbers; "" if no trial has it."""
    values = [row.config[name] for row in rows if row.config.get(name) is not None]
    number = Counter(value(name, given) for given in values)
    if len(number) > MAX_LEVELS and all(isinstance(given, int | float) for given in values):
        return f"{value(name, min(values))} to {value(name, max(values))}"
    ordered = [text for text, _ in number.most_common()] if counts else sorted(number, key=natural_key)
    shown = [f"{text} ({number[text]})" if counts else text for text in ordered[:MAX_LEVELS]]
    return "; ".join(shown) + (f"; and {len(ordered) - MAX_LEVELS} more" if len(ordered) > MAX_LEVELS else "")


def natural_key(text: str) -> list[str | int]:
    """Return a sort key by which `[8, 16]` comes before `[16, 32]`."""
    return [int(part) if part.isascii() and part.isdecimal() else part for part in re.split(r"([0-9]+)", text)]


def _to_scale(present: Mapping[str, Any]) -> dict[str, float]:
    """Return the heights of numbers, logarithmic if their ratio exceeds MIN_LOG_RATIO."""
    low, high = min(present.values()), max(present.values())
    if low == high:
        return _even([*present])
    scale = math.log if low > 0 and high / low > MIN_LOG_RATIO else float
    return {text: (scale(given) - scale(low)) / (scale(high) - scale(low)) for text, given in present.items()}


def _even(ordered: Sequence[str]) -> dict[str, float]:
    return {text: 0.5 if len(ordered) == 1 else index / (len(ordered) - 1) for index, text in enumerate(ordered)}


def _ticks(texts: Mapping[float, str]) -> list[tuple[float, str]]:
    """Return ticks at all heights if they are few, else at about five evenly spaced; none that would cover another."""
    heights = sorted(texts)
    if len(heights) > MAX_LEVELS:
        heights = sorted({min(heights, key=lambda height: abs(height - tick / 4)) for tick in range(5)})
    shown: list[float] = []
    for height in [heights[-1], *heights[:-1]]:
        if all(abs(height - other) >= MIN_GAP for other in shown):
            shown.append(height)
    return [(height, texts[height]) for height in sorted(shown)]
