"""A race as a value and in sentences: who remains, who is out and by whom, the answer, and its limits."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mnist_sweep.search.race import End, Known, Race, Round, value_of
from mnist_sweep.search.race_forecast import Forecast, forecast
from mnist_sweep.search.race_images import DISAGREEMENT, smallest_difference, stated_difference
from mnist_sweep.statistics.intervals import share_upper_limit
from mnist_sweep.statistics.race_evidence import fewest_seeds
from mnist_sweep.text.lines import listed
from mnist_sweep.text.names import label, varying
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import Measure

COLLAPSED_SHARE = 0.5  # of a setting's median accuracy; a run below has collapsed
MAX_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingState:
    """A setting of a race.

    Attributes:
        config_id: Id of its config.
        label: What tells it from the others.
        val: Mean value of its runs on validation; NaN if none has one.
        num_seeds: Its runs that the decisions depend on.
        num_collapsed: Those that diverged, or whose accuracy, where it was measured, is below half of its median.
        collapsed_below: Upper 95% limit of the share of such runs, in (0, 1].
        remains: Whether it is not out.
        rival: Id of the config that it is worse than by the strongest evidence; None if it remains or has no value.
        state: That it remains, why it gets no more seeds, or why it is out, in words.
    """

    config_id: str
    label: str
    val: float
    num_seeds: int
    num_collapsed: int
    collapsed_below: float
    remains: bool
    rival: str | None
    state: str

    @property
    def collapsed(self) -> str:
        """Its collapsed runs, and what their share is below with 95% confidence, in words."""
        return f"{self.num_collapsed} of {self.num_seeds} (below {math.ceil(100 * self.collapsed_below)}%)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceSummary:
    """The state of a race.

    Attributes:
        known: When it ends.
        objective: What its trials are judged by.
        end: Why it has ended: `one` remains, all that do are `within` the difference, only more `images` could help, or
            no `seeds` are left; or None.
        rounds: The state after each seed.
        num_trials: Trials that have rows.
        max_trials: Trials with all seeds of all settings.
        settings: Those that remain, the best first, and then those that are out, the last one first.
        sentences: The answer, to quote, and what it does not hold for.
        forecast: How it may go on; None if it has ended, or before two seeds.
        smallest_difference: About the least difference that these images can ever show for new images, above 0; NaN
            where what images contribute was not kept, or is unknown, for two seeds of two configs.
    """

    known: Known
    objective: Measure
    end: End | None
    rounds: tuple[Round, ...]
    num_trials: int
    max_trials: int
    settings: tuple[SettingState, ...]
    sentences: tuple[str, ...]
    forecast: Forecast | None
    smallest_difference: float

    @property
    def remaining(self) -> tuple[str, ...]:
        """Ids of the configs that remain, the best first."""
        return tuple(one.config_id for one in self.settings if one.remains)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Ids of the configs that are out, which is known better than their means, the last one first."""
        return tuple(one.config_id for one in self.settings if not one.remains)


def summary(race: Race, num_workers: int = 1) -> RaceSummary:
    """Return the state of a race as a value, and how it may go on with so many trials at a time."""
    names, smallest = labels(race), smallest_difference(race)
    found = [_setting(race, name, names) for name in race.settings]
    score = race.measure.score
    remaining = sorted((one for one in found if one.remains), key=lambda one: (-score(one.val), one.config_id))
    order = {name: place for place, name in enumerate(race.departures)}
    gone = sorted((one for one in found if not one.remains), key=lambda one: -order[one.config_id])
    return RaceSummary(
        known=race.known,
        objective=race.measure,
        end=race.end,
        rounds=tuple(race.rounds),
        num_trials=len(race.rows),
        max_trials=race.max_trials,
        settings=(*remaining, *gone),
        sentences=tuple(_sentences(race, remaining, smallest)),
        forecast=forecast(race, num_workers),
        smallest_difference=smallest,
    )


def opening(race: Race) -> list[str]:
    """Return what the race does, and what it cannot, in lines."""
    known = race.known
    does = (
        f"a race of {counted(len(race.settings), 'config')}: seeds are added, at most {known.max_seeds} each, "
        f"until all that remain are within {_within(race)} of each other"
    )
    lines = [does, *_images(race, smallest_difference(race))]
    if known.assume == "any" and (least := _fewest_seeds(race)) > known.max_seeds:
        lines.append(f"for runs of any shape, about {least:,} seeds show a lead of {_within(race)}")
    return lines


def _images(race: Race, smallest: float, more: str = "") -> list[str]:
    """Return what these images can ever show for new ones, in a line; in none before that is known."""
    measure, pairs = race.measure, "the best configs"
    if math.isnan(smallest) and not measure.is_accuracy:
        has_none = any(row.val_objective_error is None for row in race.rows.values() if not math.isnan(value_of(row)))
        return [f"for new images, nothing is known: no image has its own {measure.title}"] * has_none
    if math.isnan(smallest):
        smallest = stated_difference(race)
        pairs = f"configs that classify {100 * DISAGREEMENT:g}% of them differently"
    shown = f"{counted(race.num_val, 'validation image')} can show no difference below about"
    return [f"for new images, {shown} {measure.difference(smallest)} between {pairs}{more}"]


def _fewest_seeds(race: Race) -> int:
    """Return about how many seeds show a lead that matters for runs of any shape."""
    return fewest_seeds(race.known.within, (len(race.settings) - 1) / race.known.error)


def news(race: Race, settings: Iterable[str]) -> list[str]:
    """Return a line for each of these settings: why it is out or gets no more seeds, and after how many."""
    names = labels(race)
    return [f"{names[name]} is {_state(race, name, names)}" for name in settings]


def labels(race: Race) -> dict[str, str]:
    """Return what tells each setting from the others, by its id; the id itself if it has no row."""
    flats = {row.config_id: row.config for row in race.rows.values()}
    names = [name for name in varying(flats.values()) if name != "seed"]
    return {name: label(flats[name], names) if name in flats else name for name in race.settings}


def _setting(race: Race, setting: str, names: Mapping[str, str]) -> SettingState:
    rows, gone = race.taken(setting), race.departures.get(setting)
    ended = [row for row in rows if not math.isnan(value_of(row))]
    accuracies = [row.val_accuracy for row in ended if row.val_accuracy is not None]
    low = COLLAPSED_SHARE * statistics.median(accuracies) if accuracies else 0.0
    num_diverged = sum(row.status is Status.DIVERGED for row in rows)
    num_collapsed = num_diverged + sum(accuracy < low for accuracy in accuracies)
    return SettingState(
        config_id=setting,
        label=names[setting],
        val=math.fsum(map(value_of, ended)) / len(ended) if ended else math.nan,
        num_seeds=len(rows),
        num_collapsed=num_collapsed,
        collapsed_below=share_upper_limit(num_collapsed, sum(row.status is not Status.FAILED for row in rows)),
        remains=gone is None,
        rival=gone.rival if gone else None,
        state=_state(race, setting, names),
    )


def _state(race: Race, setting: str, names: Mapping[str, str]) -> str:
    gone = race.departures.get(setting)
    if gone is None and setting in race.closed and race.end in (None, "seeds"):
        return f"within {_within(race)} of all others: no more seeds"
    if gone is None:
        return "remains"
    after, lead = f"out after {counted(gone.num_seeds, 'seed')}", race.measure.difference(gone.lead)
    return f"{after}: {lead} worse than {names[gone.rival]}" if gone.rival else f"{after}: no run gave a value"


def _sentences(race: Race, remaining: Sequence[SettingState], smallest: float) -> list[str]:
    if not race.rows:
        return ["No trial of the race has finished."]
    if all(math.isnan(value_of(row)) for row in race.rows.values()):
        return [f"No run gave a value, so nothing is known of any config; {counted(len(race.rows), 'trial')}."]
    shown = [f"{one.label} ({race.measure.text(one.val)})" for one in remaining[:MAX_NAMED]]
    more = [f"{len(remaining) - MAX_NAMED:,} more"] * (len(remaining) > MAX_NAMED)
    saved = f" instead of {race.max_trials:,}" * (len(race.rows) < race.max_trials)
    spent = f"{counted(len(race.rows), 'trial')}{saved}"
    remain = "remains" if len(remaining) == 1 else "remain"
    head = f"Of {counted(len(race.settings), 'config')}, {len(remaining)} {remain}{_verdict(race)}"
    return [f"{head}: {listed([*shown, *more])}; {spent}.", *_limits(race, remaining, smallest)]


def _verdict(race: Race) -> str:
    known, distance = race.known, race.rounds[-1].distance if race.rounds else math.inf
    holds = f"for {known.images} images (error at most {100 * known.error:g}%)"
    within, shown = _within(race), "" if math.isinf(distance) else f", but within {race.measure.delta(distance)},"
    undecided = f", not shown to be within {within} of each other{shown} {holds}"
    match race.end:
        case "one":
            return f" as the best {holds}"
        case "within":
            return f" within {within} of each other {holds}"
        case "images":
            return f", and only more images, not more seeds, can tell them apart {holds}"
        case "seeds":
            return f" after all {known.max_seeds} seeds{undecided}"
        case None:
            return f" after {counted(len(race.rounds), 'seed')} so far{undecided}"


def _limits(race: Race, remaining: Sequence[SettingState], smallest: float) -> list[str]:
    """Return what the answer does not say: of runs unlike those seen, and of other images."""
    if not all(one.num_seeds for one in remaining):
        return []
    fell = [f"{one.label} {one.collapsed}" for one in remaining if one.num_collapsed]
    most = math.ceil(100 * max(one.collapsed_below for one in remaining))
    runs = f"collapsed runs: {listed(fell)}" if fell else f"none collapsed, so that less than {most}% of a config's do"
    images = ", not for new images" if race.known.images == "these" else ""
    if race.known.assume == "any":
        holds = f"This holds whatever other runs may do ({runs}){images}."
    else:
        holds = f"This holds for runs such as those seen ({runs}){images}."
        if race.measure.is_share:
            lead = f"a lead of {_within(race)} for runs of any shape (`--assume any`)"
            holds += f" About {_fewest_seeds(race):,} seeds would show {lead}."
    of_images = _images(race, smallest, ", with any number of seeds")
    return [holds, *(f"{about[0].upper()}{about[1:]}." for about in of_images)]


def _within(race: Race) -> str:
    within = race.known.within
    if race.measure.is_share:
        return f"{100 * within:g} point{'s' * (within != 0.01)}"
    return f"{within:g} {race.measure.unit}".rstrip()
