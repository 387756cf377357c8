"""The result of selecting a config by validation, and its wording: what to expect, what is tied, what was left out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_sweep.text.html_fragments import html_repr
from mnist_sweep.text.names import different_images_note
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    import pandas as pd

OVER_SEEDS = (
    "Each config is compared with the best over the seeds they share; the standard error uses the variance pooled over "
    "all configs, or that of the pair's own differences where it is larger. The critical value is simulated for "
    "configs that are equal on average but whose variances differ by as much as the data allow, so that any of them is "
    "called worse in at most 5% of sweeps (Wright and Simon 2003; Berger and Boos 1994). A config whose lag over three "
    "seeds or more is 40 standard errors by the pair's own differences is worse even if a few other configs vary more. "
    "No interval accounts for a collapse so rare that these seeds do not show it."
)
OVER_IMAGES = (
    "Tukey's range test on the validation accuracies with binomial standard errors, at the 5% level over all pairs of "
    "configs (Tukey 1953; Hayter 1984)."
)
ONE_SEED = "No test: the best config has one seed."
UNTESTABLE = "No test: no config shares two seeds with the best, or none varies and the number of images is unknown."
ONE_CONFIG = "No test: there is only one config to select."
SMALL_BIAS = 0.00005
SMALL_SHARE = 0.005  # of the width of its interval, where differences have no scale of their own
WITH_ONE_SEED = (
    "With one seed, its lead cannot be distinguished from seed-to-seed noise: run each config with several seeds, for "
    "example `--seeds 3`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The config with the best mean value on validation over its seeds.

    A number that is unknown is NaN.

    Attributes:
        config_id: The selected config.
        n: Its seeds that succeeded.
        val_mean: Its mean value on validation.
        val_low, val_high: Ends of the 95% interval of that mean for these validation images: the t-interval over seeds.
            With one seed, or several with equal values, which leave no variance to estimate: that for new images.
        val_new_low, val_new_high: Ends of the 95% interval for new images, over seeds and images: no narrower than
            Wilson's, which it is for equal accuracies. With one seed it is that of the trained model, and allows for
            its being the best of several by accuracy. NaN where it is unknown: if the number of validation images is,
            or images have no values of their own under an objective.
        test_mean: Its mean value on test.
        test_low, test_high, test_new_low, test_new_high: Ends of its 95% intervals, as on validation.
        num_compared: Configs that it was selected from, itself included.
        selection_bias: By how much its value on validation is expected to look better than that with other seeds, or on
            other images where its seeds are all alike, because it was selected by it; NaN with one seed or two, or
            where a run lies far from the others of its config.
        selection_bias_low, selection_bias_high: Ends of its 95% interval, clipped so that a possible value remains.
        tied: Configs that are statistically tied with it (not significantly worse at the 5% level), best first; the
            first one is itself. The untested ones are among them.
        untested: Configs that share fewer than two seeds with it, so that they cannot be compared with it.
        collapsed: Tied configs of which some runs lie far from the others, as after a collapse.
        left_out: Configs that it was not compared with, having one successful seed where most have several.
        method: The statistical test behind `tied`, its correction and its source.
        sentences: The result in words.
        objective: What it was selected by.
    """

    config_id: str
    n: int
    val_mean: float
    val_low: float
    val_high: float
    val_new_low: float
    val_new_high: float
    test_mean: float
    test_low: float
    test_high: float
    test_new_low: float
    test_new_high: float
    num_compared: int
    selection_bias: float
    selection_bias_low: float
    selection_bias_high: float
    tied: tuple[str, ...]
    untested: tuple[str, ...]
    collapsed: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    method: str
    sentences: tuple[str, ...]
    objective: Measure = ACCURACY

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def __repr__(self) -> str:
        ties = f"{len(self.tied) - len(self.untested):,} of {self.num_compared:,} tied"
        untested = f", {len(self.untested):,} untested" if self.untested else ""
        values = f"validation {self.objective.text(self.val_mean)}, test {self.objective.text(self.test_mean)}"
        return f"<Selection of {self.config_id}: {values}; {ties}{untested}>"

    def _repr_html_(self) -> str:
        val = "validation", self.val_mean, self.val_low, self.val_high, self.val_new_low, self.val_new_high
        test = "test", self.test_mean, self.test_low, self.test_high, self.test_new_low, self.test_new_high
        ends = [f"{end} for {images} images" for images in ("these", "new") for end in ("low", "high")]
        return html_repr(self.sentences, ["split", "mean", *ends], [val, test])

    @property
    def scope(self) -> str:
        """What the test behind `tied` holds for, in words."""
        return "for new images" if self.method == OVER_IMAGES else "for these validation images"

    @property
    def allows_for_choice(self) -> bool:
        """Whether the interval on validation is known, and allows for its being the best of several."""
        return self.method == ONE_SEED and self.objective.is_accuracy and not math.isnan(self.val_low)

    @property
    def intervals(self) -> tuple[str, str]:
        """The 95% intervals on validation and on test in words, with what each of them is for."""
        val = self.val_low, self.val_high, self.val_new_low, self.val_new_high
        test = self.test_low, self.test_high, self.test_new_low, self.test_new_high
        on_val = _intervals(*val, of="these validation images", n=self.n, measure=self.objective)
        if self.allows_for_choice:
            on_val += f", the best of {self.num_compared:,}"
        return on_val, _intervals(*test, of="these test images", n=self.n, measure=self.objective)


def sentences(found: Selection, trials: "pd.DataFrame", good: "pd.DataFrame", *, num_dropped: int) -> Iterator[str]:
    """Yield the sentences of a selection, given all trials, the good ones, and how many configs a race has dropped."""
    yield from _result(found)
    if note := different_images_note(str(name) for name in good if good[name].nunique(dropna=False) > 1):
        yield note
    bad = trials.drop(good.index)
    if len(bad):
        counts = bad["status"].value_counts()
        statuses = [f"{counts[name]:,} {name}" for name in map(str, Status) if name in counts]
        yield f"Left out because they did not succeed: {counted(len(bad), 'trial')} ({', '.join(statuses)})."
    if of_best := int((bad["config_id"] == found.config_id).sum()):
        yield f"The selected config has {counted(of_best, 'trial')} that did not succeed."
    if found.left_out:
        alone = counted(len(found.left_out), "config")
        yield f"Left out for having one successful seed where most have several: {alone}."
    if num_dropped:
        yield f"Left out, since worse in the race: {counted(num_dropped, 'config')}."


def _result(found: Selection) -> Iterator[str]:
    """Yield the selected config, its values, what to expect on new data, and its ties."""
    seeds, measure, title = counted(found.n, "seed"), found.objective, found.objective.title
    val, test = (f"{measure.text(mean)} " for mean in (found.val_mean, found.test_mean))
    on_val, on_test = found.intervals
    yield f"Selected by validation {title} from {counted(found.num_compared, 'config')}: {found.config_id} ({seeds})."
    yield f"Validation {title} {val}({on_val}); test {title}, which played no part in the selection, {test}({on_test})."
    if found.num_compared == 1:
        return
    if found.method == ONE_SEED:
        yield WITH_ONE_SEED
        return
    yield _selection_bias(found)
    yield ties(found)


def _selection_bias(found: Selection) -> str:
    measure, title = found.objective, found.objective.title
    inflate, less = ("inflate", "less") if measure.sign > 0 else ("lower", "more")
    new = "on new images" if found.method == OVER_IMAGES else "on these validation images with new seeds like these"
    if math.isnan(found.selection_bias):
        why = " from two seeds: run each config with three or more" if found.n == 2 else ""
        if found.method == OVER_SEEDS and found.n > 2:
            why = ": a run of one of the tied configs lies far from that config's others, as after a collapse"
        return f"How much selection {inflate}s its validation {title} cannot be estimated{why}."
    ends = measure.delta_interval(found.selection_bias_low, found.selection_bias_high)
    width = found.selection_bias_high - found.selection_bias_low
    if found.selection_bias < (SMALL_BIAS if measure.is_share else SMALL_SHARE * width):
        if len(found.tied) == 1:
            return f"Its lead is so clear that selection did not {inflate} its {title}: expect about the same {new}."
        have = f"{inflate.rstrip('e')}ed"
        return f"The selection is not expected to have {have} its {title}: expect about the same {new} ({ends})."
    about = measure.difference(found.selection_bias)
    if measure.is_share:
        about = f"{100 * found.selection_bias:.{1 if found.selection_bias >= 0.01 else 2}f} points"
    best = f"The best of {found.num_compared:,} configs tends to look better than it is"
    return f"{best}: expect about {about} {less} {new} ({ends})."


def ties(found: Selection) -> str:
    """Return how many of the other configs are statistically tied with the selected one, and how many are untested."""
    untested, others = len(found.untested), found.num_compared - 1
    ties, scope = len(found.tied) - 1 - untested, found.scope
    if untested == others:
        return "Whether any config is worse cannot be tested: run each with the same seeds, for example `--seeds 3`."
    share = "shares" if untested == 1 else "share"
    rest = f"; {untested:,} that {share} fewer than two seeds with it cannot be tested" if untested else ""
    if not ties:
        all_of = "the other config" if others == 1 else f"each of the {others:,} other configs"
        worse = f"{others - untested:,} of the {others:,} other configs" if untested else all_of
        return f"It is significantly better than {worse} {scope}{rest}."
    if ties == others:
        few = {1: "The other config is", 2: "Both other configs are"}
        tied = few.get(others, f"All {others:,} other configs are")
    else:
        tied = f"{ties:,} of the {others:,} other configs {'is' if ties == 1 else 'are'}"
    return f"{tied} statistically tied with it {scope}{rest}.{_collapses(found)}"


def _collapses(found: Selection) -> str:
    """Return why configs that seem much worse are tied: some of their runs collapsed."""
    num = len({*found.collapsed} - {found.config_id})
    few = f"{num:,} of these {'has' if num == 1 else 'have'} runs far from the others, as after a collapse"
    return f" {few}: how often that happens takes more seeds to tell." if num else ""


def _intervals(low: float, high: float, new_low: float, new_high: float, *, of: str, n: int, measure: Measure) -> str:
    if math.isnan(new_low) and (n == 1 or math.isnan(low)):
        return measure.interval(new_low, new_high)
    new = f"{measure.interval(new_low, new_high).removeprefix('95% interval ')} for new images"
    if n == 1:
        return f"95% interval {new}, given this trained model"
    if (low, high) == (new_low, new_high):
        return f"95% interval {new}"
    return f"{measure.interval(low, high)} for {of}{'' if math.isnan(new_low) else f', {new}'}"
