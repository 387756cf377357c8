"""The effects of hyperparameters as plain values, and as a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mnist_sweep.text.html_fragments import html_repr
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A value of a hyperparameter, or a bin of values.

    Attributes:
        value: Its name, formatted.
        n: Trials that succeeded.
        mean: Marginal mean of their values on validation over the other hyperparameters; NaN if unknown.
        low, high: Ends of the mean's 95% interval; NaN where there is none.
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
    """The effect of a hyperparameter.

    Attributes:
        name: Its column, with the part it depends on in brackets; columns that always change together are joined by
            ` + `.
        title: Its name in tables and sentences, as everywhere else: `dropout`, or `learning_rate of adam`.
        kind: Whether its levels are ordered by a number.
        levels: In the order of their numbers, or of the table.
        share: Share of the variance between settings that it explains by itself, in [0, 1]; of a part's number among
            the settings of that part; None if unknown.
        difference: By how much the mean of the best level is better than that of the worst; NaN if unknown.
        low, high: Ends of its 95% interval, which holds for all pairs of levels at once.
        significant: Whether the interval is above 0, and the p-value significant at the 3% level over all
            hyperparameters (Holm 1979): of simulated sweeps without any effect, at most 5% then have one that is on
            data that is not ideal. With one seed for each config, what it does to a level looks like an effect.
        sentence: The effect in words.
    """

    name: str
    title: str = field(repr=False)
    kind: Literal["category", "number"]
    levels: tuple[Level, ...] = field(repr=False)
    share: float | None
    difference: float
    low: float
    high: float
    significant: bool
    sentence: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Whether the effect of a hyperparameter depends on another.

    Attributes:
        names: The names of the two effects.
        share: Share of the variance between settings that the two explain beyond their own effects, in [0, 1].
        significant: Whether the F-test is significant at the 5% level, corrected for the number of pairs, and the share
            is at least 0.5%.
        sentence: The interaction in words.
    """

    names: tuple[str, str]
    share: float | None
    significant: bool
    sentence: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The effects of all hyperparameters that vary among trials.

    Attributes:
        effects: One for each hyperparameter, the strongest first.
        interactions: The significant ones, and the clearest others up to five in all.
        num_trials: Trials with a value on validation, which all means are of.
        left_out: Number of other trials by status.
        notes: What limits these results, in words.
        objective: What trials are judged by.
    """

    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    num_trials: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    objective: Measure = ACCURACY

    @property
    def sentences(self) -> tuple[str, ...]:
        """The effects and the significant interactions in words."""
        interactions = (pair.sentence for pair in self.interactions if pair.significant)
        return (*(effect.sentence for effect in self.effects), *interactions)

    def __str__(self) -> str:
        return "\n".join((*self.sentences, *self.notes))

    def __repr__(self) -> str:
        significant = ", ".join(effect.title for effect in self.effects if effect.significant) or "none"
        number, trials = counted(len(self.effects), "hyperparameter"), counted(self.num_trials, "trial")
        return f"<Effects of {number} over {trials}; significant: {significant}>"

    def to_frame(self) -> "pd.DataFrame":
        """Return one line for each level: name, level, n, mean, low, high, share, sentence."""
        import pandas as pd

        lines = [
            (effect.name, level.value, level.n, level.mean, level.low, level.high, effect.share, effect.sentence)
            for effect in self.effects
            for level in effect.levels
        ]
        numbers = dict.fromkeys(("mean", "low", "high", "share"), "float64")
        dtypes = {"name": "str", "level": "str", "n": "int64"} | numbers | {"sentence": "str"}
        return pd.DataFrame(lines, columns=[*dtypes]).astype(dtypes)

    def _repr_html_(self) -> str:
        frame = self.to_frame().drop(columns="sentence")
        return html_repr((*self.sentences, *self.notes), frame.columns, frame.itertuples(index=False))
