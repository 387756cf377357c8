"""What each hyperparameter does to the validation accuracy, with its uncertainty, in numbers and in plain words.

Means and intervals are those of `anova`, shares of variance those of Optuna's fANOVA (Hutter, Hoos and Leyton-Brown
2014). A trial that failed or diverged has no accuracy: it is counted at its levels and tested there, and never a 0. The
seed is noise and no hyperparameter.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_sweep import anova
from mnist_sweep.errors import LedgerError
from mnist_sweep.frames import HEAD, TAIL
from mnist_sweep.labels import counted, value
from mnist_sweep.rows import Status
from mnist_sweep.stats import CONFIDENCE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

ALPHA = 1 - CONFIDENCE
FEW = 8  # distinct numbers up to which each is a level
MANY = 50  # levels from which on a factor is left out
NUM_GROUPS = 5
PER_GROUP = 5  # settings that a group needs
NUM_PAIRS = 5
FOREST = {"n_trees": 16, "seed": 0}
FOREST_SETTINGS = 300  # drawn at random if there are more: fANOVA's time grows with their square
MIN_SHARE = 0.005  # of an interaction; the spread within groups of numbers may pass for less
UNSET = "none"
ENDED_BADLY = (Status.FAILED.value, Status.DIVERGED.value)
UNKNOWN = anova.Interval(math.nan, math.nan, math.nan)


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factor:
    """A hyperparameter that varies: what an Effect has before anything is known of it.

    Attributes:
        labels: Its levels as people write them.
        codes: Index of the level of each trial, -1 for those that have none: intp `[trials]`.
        of: The part's value that it is a field of, or "" if it is not.
        is_binned: Whether its levels are groups of numbers.
    """

    name: str
    kind: Literal["category", "number"]
    labels: tuple[str, ...]
    codes: "NDArray[np.intp]"
    of: str = ""
    is_binned: bool = False

    @property
    def has_trend(self) -> bool:
        """Whether its levels, all numbers, are enough for a trend that is no plain difference."""
        return self.kind == "number" and len(self.labels) > 2 and UNSET not in self.labels

    @property
    def short(self) -> str:
        """The name in a sentence."""
        names = " + ".join(name.rpartition(".")[2] for name in self.name.partition(" (")[0].split(" + "))
        return f"{names} of {self.of}" if self.of else names

    def among(self, rows: "NDArray[np.bool_]") -> tuple["NDArray[np.intp]", "NDArray[np.intp]"]:
        """Return the levels that some of these rows have, and the rows' codes among them."""
        import numpy as np

        codes = self.codes[rows]
        live = np.unique(codes[codes >= 0])
        return live, np.where(codes >= 0, np.searchsorted(live, codes), -1)


def effects(trials: "pd.DataFrame") -> Effects:
    """Return what the hyperparameters of a table do, which `frames.trials_frame` or `table.read_trials` gives.

    A field of a part (`optimizer.learning_rate`) varies if it does among trials with the same value of the part; if the
    part varies as well, the field has an effect for each value of it.

    Raises:
        LedgerError: The table has no trial.
    """
    if trials.empty:
        raise LedgerError("effects need trials, but the table has none: run the sweep first.")
    ended = (trials["status"].eq(Status.OK.value) & trials["val_accuracy"].notna()).to_numpy(bool)
    factors = _factors(trials)
    usable = [factor for factor in factors if 1 < len(factor.among(ended)[0]) <= MANY]
    design = _design(trials[ended], usable, ended) if usable else None
    model, pairs = anova.analyse(design) if design else (None, [])
    means = [anova.means(model, number) for number in range(len(usable))] if model else []
    shares = _shares(design, [factor.kind for factor in usable]) if design else []
    known = {factor.name: (mean, share) for factor, mean, share in zip(usable, means, shares, strict=True)}
    num_trends = sum(factor.has_trend for factor in usable)
    num_levels = sum(len(factor.labels) for factor in factors)
    found = [
        _effect(
            factor, trials, ended, *known.get(factor.name, (None, None)), num_trends=num_trends, num_levels=num_levels
        )
        for factor in factors
    ]
    together = [_interaction(pair, usable) for pair in pairs]
    return Effects(
        effects=tuple(sorted(found, key=_strength)),
        interactions=tuple(pair for number, pair in enumerate(together) if pair.shown or number < NUM_PAIRS),
        num_trials=int(ended.sum()),
        left_out={str(status): int(num) for status, num in trials["status"][~ended].value_counts().items()},
        notes=tuple(_notes(trials[ended], trials["status"][~ended], factors, design)),
    )


def _design(trials: "pd.DataFrame", factors: Sequence[Factor], rows: "NDArray[np.bool_]") -> anova.Design:
    import numpy as np

    return anova.design(
        trials["val_accuracy"].to_numpy(np.float64),
        np.column_stack([factor.among(rows)[1] for factor in factors]),
        trials["config_id"].factorize()[0],
        trials["seed"].factorize()[0],
        is_sample=any(factor.is_binned for factor in factors),
    )


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


def show(effects: Effects, console: Console) -> None:
    """Print what each hyperparameter does in words, the means of its levels, the interactions shown, and the notes."""
    for effect in effects.effects:
        console.print(Text(effect.sentence, style="" if effect.shown else "dim"), soft_wrap=True)
    for pair in effects.interactions:
        if pair.shown:
            console.print(Text(pair.sentence), soft_wrap=True)
    if effects.effects:
        console.print(_means_table(effects))
    for note in effects.notes:
        console.print(Text(note), soft_wrap=True)


def _strength(effect: Effect) -> tuple[bool, float]:
    return not effect.shown, 0.0 if math.isnan(effect.difference) else -effect.difference


def _means_table(effects: Effects) -> Table:
    table = Table(
        title="mean validation accuracy, and share of its variance",
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for name in ("hyperparameter", "level"):
        table.add_column(name, overflow="fold")
    for name in ("n", "mean", "95% interval", "failed", "diverged", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for effect in effects.effects:
        for number, level in enumerate(effect.levels):
            name, share = (effect.name, effect.share) if number == 0 else ("", None)
            interval = "" if math.isnan(level.low) else f"{level.low:.4f} to {level.high:.4f}"
            mean = "" if math.isnan(level.mean) else f"{level.mean:.4f}"
            counts = [str(level.num_failed or ""), str(level.num_diverged or "")]
            table.add_row(
                Text(name),
                Text(level.value),
                str(level.n),
                mean,
                interval,
                *counts,
                f"{share:.0%}" if share is not None else "",
            )
    return table


def _factors(trials: "pd.DataFrame") -> list[Factor]:
    """Return what varies in a table; columns that only change together are one factor."""
    import numpy as np

    columns = [str(name) for name in trials if name not in HEAD | TAIL]
    many = sum(_is_number(trials[name]) and trials[name].nunique() > FEW for name in columns)
    num_groups = max(2, min(NUM_GROUPS, trials["config_id"].nunique() // (PER_GROUP * max(many, 1))))
    found = []
    for name in columns:
        part = name.partition(".")[0]
        if part == name or part not in trials or trials[part].nunique() == 1:
            found.append(_factor(trials, name, np.ones(len(trials), bool), num_groups))
            continue
        for given in trials[part].unique():
            factor = _factor(trials, name, trials[part].eq(given).to_numpy(bool), num_groups)
            found.append(replace(factor, name=f"{name} ({value(part, given)})", of=value(part, given)))
    return _joined([factor for factor in found if len(factor.labels) > 1])


def _factor(trials: "pd.DataFrame", name: str, rows: "NDArray[np.bool_]", num_groups: int) -> Factor:
    import numpy as np
    import pandas as pd

    values = trials[name].where(rows)
    if is_number := _is_number(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        distinct = np.unique(numbers[~np.isnan(numbers)])
        if is_binned := len(distinct) > FEW:
            groups = pd.qcut(numbers, num_groups, labels=False, duplicates="drop")
            codes = np.nan_to_num(groups, nan=-1).astype(np.intp)
            ends = [(numbers[codes == group].min(), numbers[codes == group].max()) for group in range(codes.max() + 1)]
            labels = [" to ".join(f"{end:.3g}" if abs(end) < 1000 else f"{end:.0f}" for end in pair) for pair in ends]
        else:
            codes = np.where(np.isnan(numbers), -1, np.searchsorted(distinct, numbers))
            labels = [value(name, number) for number in distinct.astype(values.dtype.name.lower())]
    else:
        codes, found = values.factorize()
        labels, is_binned = [_label(name, text) for text in found], False
    # What a version knows and a trial does not have is None; what an older version does not know is no level.
    has = values.groupby(trials["version"], dropna=False).transform("count").gt(0).to_numpy(bool)
    if (unset := has & rows & values.isna().to_numpy(bool)).any():
        codes, labels = np.where(unset, len(labels), codes), [*labels, UNSET]
    return Factor(
        name=name, kind="number" if is_number else "category", labels=tuple(labels), codes=codes, is_binned=is_binned
    )


def _is_number(values: "pd.Series[Any]") -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(values) and not is_bool_dtype(values)


def _label(name: str, cell: Any) -> str:
    try:
        return value(name, json.loads(cell) if str(cell).startswith("[") else cell)
    except ValueError:
        return str(cell)


def _joined(factors: Sequence[Factor]) -> list[Factor]:
    joined: list[Factor] = []
    for factor in factors:
        for number, other in enumerate(joined):
            if _change_together(other, factor):
                joined[number] = _both(other, factor)
                break
        else:
            joined.append(factor)
    return joined


def _change_together(a: Factor, b: Factor) -> bool:
    """Return whether the levels of two factors imply each other, or within one part those of one the other's."""
    import numpy as np

    nums = [len(np.unique(factor.codes)) for factor in (a, b)]
    num_both = len(np.unique(a.codes * (len(b.labels) + 1) + b.codes))
    same_part = (
        a.of == b.of and a.name.partition(".")[0] == b.name.partition(".")[0] and not (a.is_binned or b.is_binned)
    )
    return num_both == (max(nums) if same_part else min(nums)) and (same_part or nums[0] == nums[1])


def _both(a: Factor, b: Factor) -> Factor:
    import numpy as np

    has = (a.codes >= 0) & (b.codes >= 0)
    found, inverse = np.unique(np.stack([a.codes, b.codes])[:, has], axis=1, return_inverse=True)
    codes = np.full(len(has), -1)
    codes[has] = inverse
    names = [factor.name.partition(" (")[0] for factor in (a, b)]
    name = " + ".join(names) + (f" ({a.of})" if a.of else "")
    labels = tuple(f"{a.labels[one]} + {b.labels[other]}" for one, other in found.T)
    return replace(a, name=name, kind="category", labels=labels, codes=codes, is_binned=a.is_binned or b.is_binned)


def _shares(design: anova.Design, kinds: Sequence[str]) -> list[float | None]:
    """Return the share of the variance between settings of each factor, among the settings that have it."""
    import numpy as np

    means, has = design.accuracy.mean(axis=1), design.codes >= 0
    places, forest_of = np.unique(has, axis=1, return_inverse=True)
    limit = FOREST_SETTINGS // max(1, sum(not rows.all() for rows in places.T))
    shares: list[float | None] = [None] * len(kinds)
    for number, rows in enumerate(places.T):
        inside = [
            factor for factor in range(len(kinds)) if has[rows, factor].all() and np.ptp(design.codes[rows, factor]) > 0
        ]
        importances = _fanova(
            means[rows],
            design.codes[np.ix_(rows, inside)],
            [kinds[factor] for factor in inside],
            FOREST_SETTINGS if rows.all() else limit,
        )
        for factor, share in zip(inside, importances, strict=True):
            if forest_of[factor] == number:
                shares[factor] = share
    return shares


def _fanova(
    means: "NDArray[np.float64]", codes: "NDArray[np.intp]", kinds: Sequence[str], limit: int
) -> list[float | None]:
    import numpy as np
    import optuna

    rows = np.random.default_rng(0).permutation(len(means))[:limit]
    if np.ptp(means[rows]) < anova.RESOLUTION:
        return [None] * len(kinds)
    nums = codes.max(axis=0) + 1
    distributions: dict[str, Any] = {
        str(factor): optuna.distributions.IntDistribution(0, num - 1)
        if kind == "number"
        else optuna.distributions.CategoricalDistribution(range(num))
        for factor, (kind, num) in enumerate(zip(kinds, nums, strict=True))
    }
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would log that it made a study
    study = optuna.create_study(direction="maximize")
    optuna.logging.set_verbosity(verbosity)
    values = [dict(zip(distributions, map(int, codes[row]), strict=True)) for row in rows]
    study.add_trials(
        optuna.trial.create_trial(params=params, distributions=distributions, value=float(means[row]))
        for row, params in zip(rows, values, strict=True)
    )
    found = optuna.importance.FanovaImportanceEvaluator(**FOREST).evaluate(study)
    return [min(float(found[name]), 1.0) for name in distributions]


def _effect(
    factor: Factor,
    trials: "pd.DataFrame",
    ended: "NDArray[np.bool_]",
    means: anova.Means | None,
    share: float | None,
    *,
    num_trends: int,
    num_levels: int,
) -> Effect:
    import numpy as np

    num = len(factor.labels)
    live = factor.among(ended)[0].tolist()
    intervals = dict(zip(live, means.levels, strict=True)) if means else {}
    badly = {kind: trials["status"].eq(kind).to_numpy(bool) for kind in ENDED_BADLY}
    counts = [np.bincount(factor.codes[rows & (factor.codes >= 0)], minlength=num) for rows in (ended, *badly.values())]
    levels = tuple(
        Level(
            value=label,
            n=n,
            **intervals.get(number, UNKNOWN)._asdict(),
            num_failed=num_failed,
            num_diverged=num_diverged,
        )
        for number, (label, n, num_failed, num_diverged) in enumerate(
            zip(factor.labels, *(c.tolist() for c in counts), strict=True)
        )
    )
    difference, low, high = means.difference if means else UNKNOWN
    trend = means.slope if means and factor.has_trend and means.p * num_trends < ALPHA else 0.0
    said = [_said(factor, [factor.labels[number] for number in live], means, trend)]
    setting = trials["config_id"].factorize()[0]
    for kind, rows in badly.items():
        said += _failures(factor, kind, rows, setting, num_tests=num_levels * len(badly))
    return Effect(
        name=factor.name,
        kind=factor.kind,
        levels=levels,
        share=share,
        difference=difference,
        low=low,
        high=high,
        shown=low > 0,
        sentence="; ".join(said),
    )


def _said(factor: Factor, labels: Sequence[str], means: anova.Means | None, trend: float) -> str:
    """Return what a factor does in plain words.

    Args:
        factor: The factor.
        labels: Its levels with trials that ended well.
        means: Their means, or None if they are not compared.
        trend: Slope of the means over the levels, 0 if none is shown.
    """
    name = factor.short
    if means is None:
        one = f"only {labels[0]} has trials that ended well" if labels else "no trial ended well"
        return f"{name}: not compared, since {one if len(labels) < 2 else f'{len(labels)} values are too many'}"
    difference, low, high = means.difference
    if math.isnan(difference):
        return f"{name}: cannot be told apart from other hyperparameters that change with it"
    ends = f"{labels[means.best]} over {labels[means.worst]}"
    if math.isnan(low):
        return f"{name} {ends}: +{_points(difference)} points, but too few settings for an interval"
    interval = f"95% interval {_points(low, high - low)} to {_points(high, high - low)}"
    slope = f"accuracy {'rises' if trend > 0 else 'falls'} as it rises"
    if low > 0:
        of = f", best and worst of {len(labels)}" if len(labels) > 2 else ""
        ending = f"; {slope}" if trend else ""
        return f"{name} {ends}: +{_points(difference, high - low)} points, {interval}{of}{ending}"
    if trend:
        return f"{name}: {slope}, though no two levels are shown to differ ({ends}: {interval} points)"
    return f"{name}: no effect shown {_range(factor, labels)} ({ends}: {interval} points)"


def _range(factor: Factor, labels: Sequence[str]) -> str:
    if factor.kind == "category" and len(labels) > 2:
        return f"among {len(labels)} values"
    first, last = labels[0], labels[-1]
    if factor.is_binned:
        first, last = first.partition(" to ")[0], last.rpartition(" to ")[2]
    return f"between {first} and {last}"


def _points(accuracy: float, width: float = 1.0) -> str:
    """Return a difference of accuracies in points, as exactly as an interval of this width allows."""
    return f"{100 * accuracy + 0.0:.{1 if width > 0.004 else 2}f}"


def _failures(
    factor: Factor, kind: str, bad: "NDArray[np.bool_]", setting: "NDArray[np.intp]", *, num_tests: int
) -> Iterator[str]:
    """Yield a sentence for each level that ends badly more often than the others, corrected for the number of tests.

    A setting counts once, as its seeds may share their fate, unless a level has too few settings to show anything.
    """
    import numpy as np
    from scipy.stats import fisher_exact

    levels = range(len(factor.labels))
    _, first = np.unique(setting, return_index=True)
    by_setting = factor.codes[first], np.bincount(setting, bad) > 0
    enough = min(int((by_setting[0] == level).sum()) for level in levels) >= PER_GROUP
    codes, badly = by_setting if enough else (factor.codes, bad)
    for level in levels:
        here, others = badly[codes == level], badly[(codes >= 0) & (codes != level)]
        table = [[int(part.sum()), int((~part).sum())] for part in (here, others)]
        if here.any() and fisher_exact(table, alternative="greater").pvalue * num_tests < ALPHA:
            trials, rest = bad[factor.codes == level], bad[(factor.codes >= 0) & (factor.codes != level)]
            counts = (
                f"{trials.sum():,} of {counted(len(trials), 'trial')}, the others in {rest.sum():,} of {len(rest):,}"
            )
            yield f"{factor.labels[level]} {kind} in {counts}"


def _interaction(pair: anova.Pair, factors: Sequence[Factor]) -> Interaction:
    a, b = (factors[number] for number in pair.factors)
    sentence = f"{a.short} and {b.short}: no interaction shown"
    if shown := pair.p < ALPHA and pair.share >= MIN_SHARE:
        sentence = f"{a.short} and {b.short}: what one does depends on the other ({pair.share:.0%} of the variance)"
    return Interaction(names=(a.name, b.name), share=pair.share, shown=shown, sentence=sentence)


def _notes(
    trials: "pd.DataFrame", left_out: "pd.Series[str]", factors: Sequence[Factor], design: anova.Design | None
) -> Iterator[str]:
    """Yield what a reader must know of these trials, which ended well, of the status of the others, and of the rest."""
    if not factors:
        yield "No hyperparameter varies among these trials."
    if binned := [factor.short for factor in factors if factor.is_binned]:
        yield f"Compared in groups of about as many trials each, since they take many values: {', '.join(binned)}."
    for factor in factors:
        if " + " in factor.name:
            yield f"{factor.short} change only together: their effects cannot be told apart."
    if len(left_out):
        counts = ", ".join(f"{num:,} {status}" for status, num in left_out.value_counts().items())
        yield f"The means are of {counted(len(trials), 'trial')} that ended well; left out: {counts}."
    repeated = trials.groupby("config_id")["val_accuracy"].var(ddof=1).dropna()
    if len(repeated):
        scatter = _points(math.sqrt(repeated.mean()), 0)
        yield f"Seeds are noise: trials of one setting have a standard deviation of {scatter} points."
    elif len(trials):
        yield "Each setting has one seed, so what a seed does may be taken for an effect: run --seeds 5 to see it."
    if len(repeated) and design and design.accuracy.shape[1] == 1:
        yield "Not all settings have the same seeds: each counts once, by the mean of its trials."
    if design and design.accuracy.shape[1] == 2:
        yield "Two seeds say little of how an effect varies between seeds, so the intervals are wide: run --seeds 5."
