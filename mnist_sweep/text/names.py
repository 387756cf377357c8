"""Short names of trials: what varies among them, and nothing else."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Flat = Mapping[str, Any]
REQUIRED_PARTS = ("data", "model", "optimizer", "schedule")
PARTS = (*REQUIRED_PARTS, "loss", "objective")  # rows of versions before 0.5 lack the last two, others accuracy
# What tables call results: a field of that name keeps its part's name in front.
METRICS = ("val_accuracy", "val_loss", "test_accuracy", "train_loss")
RESERVED = {"accuracy", "accuracy_low", "accuracy_high", "loss"}  # whose columns `val_<name>`, `test_<name>` are taken
TAKEN = {"trial", "status", "seed", "val", "test", "seconds", "steps", "parameters", "error", "n", *METRICS}


def varying(flats: Iterable[Flat]) -> list[str]:
    """Return the fields that vary among flat configs, in their order, the seed last.

    A field of a part (`optimizer.learning_rate`) varies if it does among trials with the same part, so that an axis of
    whole optimizers is one field and not all their numbers.
    """
    first: dict[str, dict[Any, Any]] = {}
    parts: dict[str, str | None] = {}
    vary = set()
    for flat in flats:
        for name, value in flat.items():
            if name not in first:
                first[name], parts[name] = {}, name.partition(".")[0] if "." in name else None
            if name not in vary:
                part = parts[name]
                seen = first[name].setdefault(part and flat[part], value)
                is_same = value is seen or (type(value) is type(seen) is str and value == seen)
                if not is_same and repr(value) != repr(seen):
                    vary.add(name)
    return sorted((name for name in first if name in vary), key=lambda name: name == "seed")


def label(flat: Flat, names: Iterable[str]) -> str:
    """Return these fields of a flat config as in `filters=8,16 dropout=0.2 adam`; a part shows its value alone."""
    short = short_names([name for name in names if name in flat and (name, flat[name]) != ("changes", [])])
    shown = [_field(name, shortened, flat[name]) for name, shortened in short.items()]
    return " ".join(shown) or value("model", flat["model"])


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return the last part of each dotted name, or the whole name where the last one is not unique or has a meaning."""
    last = {name: name.rpartition(".")[2] for name in names}
    count = Counter(last.values())
    return {name: name if count[short] > 1 or short in TAKEN else short for name, short in last.items()}


def value(name: str, given: Any) -> str:
    """Return a field's JSON value as people write it: short numbers, commas in lists, a class without its module."""
    if name == "changes" and not isinstance(given, str):
        return "; ".join(f"from {step} {label(dict(changed), dict(changed))}" for step, changed in given) or "none"
    if isinstance(given, list):
        return ",".join(value(name, item) for item in given)
    if name in PARTS:
        return str(given).rpartition(":")[2]
    return f"{given:g}" if isinstance(given, float) else str(given)


def _field(name: str, short: str, given: Any) -> str:
    shown = value(name, given)
    return shown if name in (*PARTS, "precision", "changes") else f"{short}={shown}"


def loss_title(flat: Flat) -> str:
    """Return what the loss of a flat config is called, as `cross-entropy`."""
    return "cross-entropy" if flat.get("loss", "cross_entropy") == "cross_entropy" else "loss"


def different_images_note(names: Iterable[str]) -> str:
    """Return a sentence on configs that differ in these fields; none if none may change what they are evaluated on."""
    short = short_names(names)
    of_images = [short[name] for name in short if name.partition(".")[0] == "data" and name != "data.train_size"]
    if not of_images:
        return ""
    return f"The configs differ in {of_images[0]}, so they may not have been measured on the same images."


def natural(name: str) -> tuple[list[str | int], str]:
    """Return a key that sorts names as people do: numbers in them by value, letters of either case alike."""
    parts = re.split(r"([0-9]+)", name)  # every second one is a number
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name
