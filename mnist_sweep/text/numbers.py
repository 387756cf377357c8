"""Numbers in sentences and tables: shares, differences and intervals, counts, sizes and durations."""

import math
import re

NO_FIGURE = "-"
SHARE = "share"  # the unit of values in [0, 1]: they are written in percent, their differences in points
LARGEST = 1e15  # that is written without an exponent
SECONDS = {"s": 1, "min": 60, "h": 3600}
UNITS = ("B", "kB", "MB", "GB", "TB")


def percent(share: float) -> str:
    """Return a share in [0, 1] as `96.25%`, or a dash for none."""
    return NO_FIGURE if math.isnan(share) else f"{100 * share:.2f}%"


def points(difference: float, *, signed: bool = False) -> str:
    """Return a difference of shares as `1.25`, with its sign always in front if `signed`, or a dash for none."""
    if math.isnan(difference):
        return NO_FIGURE
    rounded = round(100 * difference, 2) + 0.0  # adding 0 turns -0.0 into 0.0
    return f"{rounded:+.2f}" if signed and rounded else f"{rounded:.2f}"


def in_digits(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with so many significant digits, as `0.913` or `+1.2`, or a large one whole, as `123,457`."""
    sign = "+" if signed else ""
    text = f"{value:{sign}.{digits}g}"
    return f"{value:{sign},.0f}" if "e+" in text and abs(value) < LARGEST else text


def probability(p: float) -> str:
    """Return a p-value as `p = 0.042`, as a bound if it is very small, or that there is none."""
    if math.isnan(p):
        return "no test"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as `1 trial` or `1,000 trials`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Return a number of bytes as `640 B`, `1.2 MB` or `12 GB`."""
    amount, unit = float(number), 0
    while amount >= 999.5 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.2g} {UNITS[unit]}" if unit and amount < 10 else f"{amount:.0f} {UNITS[unit]}"


def duration(seconds: float) -> str:
    """Return a duration as `0.42 s`, `17 s`, `5 min`, `5 min 3 s` or `2 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    parts = (hours, "h"), (minutes_left, "min"), (0 if hours else rest, "s")
    return " ".join(f"{number:,} {unit}" for number, unit in parts if number)


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration such as `90s`, `5 min` or `1.5h`; None if it is none."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *(s|min|h)", text.strip())
    return float(found[1]) * SECONDS[found[2]] if found else None


def clock(seconds: float) -> str:
    """Return a duration as a clock shows it, `0:42` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
