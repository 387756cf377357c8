"""Short names of trials: what varies among them, and nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

Flat = Mapping[str, Any]
PARTS = ("data", "model", "optimizer", "schedule")


def varying(flats: Iterable[Flat]) -> list[str]:
    """Return the fields that vary among flat configs, in their order, the seed last.

    A field of a part (`optimizer.learning_rate`) varies if it does among trials with the same part, so that an axis of
    whole optimizers is one field and not all their numbers.
    """
    first: dict[str, dict[Any, Any]] = {}
    vary = set()
    for flat in flats:
        for name, value in flat.items():
            part = name.partition(".")[0] if "." in name else None
            seen = first.setdefault(name, {}).setdefault(part and flat[part], value)
            if name not in vary and value is not seen and repr(value) != repr(seen):
                vary.add(name)
    return sorted((name for name in first if name in vary), key=lambda name: name == "seed")


def label(flat: Flat, names: Iterable[str]) -> str:
    """Return these fields of a flat config as in `filters=8,16 dropout=0.2 adam`; a part shows its value alone."""
    shown = [_field(name, flat[name]) for name in names if name in flat and (name, flat[name]) != ("changes", [])]
    return " ".join(shown) or value("model", flat["model"])


def value(name: str, given: Any) -> str:
    """Return a field's JSON value as people write it: short numbers, commas in lists, a class without its module."""
    if name == "changes" and not isinstance(given, str):
        return "; ".join(f"from {step} {label(dict(changed), dict(changed))}" for step, changed in given) or "none"
    if isinstance(given, list):
        return ",".join(value(name, item) for item in given)
    if name in PARTS:
        return str(given).rpartition(":")[2]
    return f"{given:g}" if isinstance(given, float) else str(given)


def _field(name: str, given: Any) -> str:
    shown = value(name, given)
    return shown if name in (*PARTS, "precision", "changes") else f"{name.rpartition('.')[2]}={shown}"


def different_images_note(names: Iterable[str]) -> str:
    """Return a sentence on configs that differ in these fields; none if none may change what they are evaluated on."""
    of_images = [name for name in names if name.partition(".")[0] == "data" and name != "data.train_size"]
    if not of_images:
        return ""
    return f"The configs differ in {of_images[0]}, so they may not have been measured on the same images."
