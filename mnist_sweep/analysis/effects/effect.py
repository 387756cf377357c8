"""What was found of the effects of hyperparameters: plain values, and a table of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A value of a hyperparameter, or a group of values.

    Attributes:
        value: As people write it.
        n: Trials that ended well.
        mean: Their validation accuracy, averaged over the other hyperparameters, in [0, 1]; NaN where it is unknown.
        low: Lower end of the mean's 95% interval; NaN where there is none.
        high: Upper end.
        num_failed: Trials that failed.
        num_diverged: Trials that diverged.
    """

    value: str
    n: int
    mean: float
    low: float
    high: float
    num_failed: int
    num_diverged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a hyperparameter does.

    Attributes:
        name: Its column, with the part it depends on in brackets; columns that only change together, joined by ` + `.
        kind: Whether its levels are ordered by a number.
        levels: In the order of their numbers, or of the table.
        share: Of the variance between settings, what it explains by itself, in [0, 1]; of a part's number among the
            settings of that part; None where it is unknown.
        difference: Best level minus worst, in accuracy; NaN where it is unknown.
        low: Lower end of its 95% interval, which holds for all pairs of levels at once.
        high: Upper end.
        shown: Whether the interval is above 0.
        sentence: All this in plain words.
    """

    name: str
    kind: Literal["category", "number"]
    levels: tuple[Level, ...]
    share: float | None
    difference: float
    low: float
    high: float
    shown: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Whether what a hyperparameter does depends on another.

    Attributes:
        names: The two effects' names.
        share: Of the variance between settings, what the two explain beyond their own effects, in [0, 1].
        shown: Whether the F-test shows it, corrected for the number of pairs, and the share is at least 0.5%.
        sentence: All this in plain words.
    """

    names: tuple[str, str]
    share: float | None
    shown: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What the hyperparameters of a table do.

    Attributes:
        effects: One for each hyperparameter, the strongest first.
        interactions: Those that are shown, and the clearest others up to five in all.
        num_trials: Trials with an accuracy, which all means are of.
        left_out: Other trials by status.
        notes: What a reader must know, in plain words.
    """

    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    num_trials: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...]


def effects_frame(effects: Effects) -> "pd.DataFrame":
    """Return one line for each level: name, level, n, mean, low, high, share, sentence."""
    import pandas as pd

    lines = [
        (effect.name, level.value, level.n, level.mean, level.low, level.high, effect.share, effect.sentence)
        for effect in effects.effects
        for level in effect.levels
    ]
    dtypes = {"name": "str", "level": "str", "n": "int64"} | dict.fromkeys(("mean", "low", "high", "share"), "float64")
    return pd.DataFrame(lines, columns=[*dtypes, "sentence"]).astype(dtypes | {"sentence": "str"})
