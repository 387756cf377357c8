"""The answer, for a first look: the config to use, whether it is better than the next, three numbers, one picture."""

import math
from collections.abc import Sequence

from mnist_sweep.analysis.selection_wording import ONE_SEED, OVER_SEEDS, Selection, ties
from mnist_sweep.reports.blocks import Block, Facts, Plot, Section, columns_of
from mnist_sweep.reports.plotly_figures import BLUE
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections.config_intervals import Group, interval_figure, interval_table, intervals_of
from mnist_sweep.results import runs
from mnist_sweep.text.names import label
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.trials.ranking import ConfigResult
from mnist_sweep.trials.row import status_counts

KEY, TITLE = "best-config", "Which config should I use?"
NOTHING = "No trial succeeded, so there is no best config. “Did anything fail?” lists the causes."
MAX_DRAWN = 10
APART, LEFT_OUT, MAYBE = "worse", "left out", "may be the best"
DOTS, ONE_SEED_EACH = "Dots are means over seeds.", "Each dot is one trial."
HOLLOW = " Full ones may be the best, hollow circles are worse."
CHOSEN = " Only the interval of the first config allows for its being the best of {:,}."
BARS = " Configs are compared seed by seed, so the bars of two may overlap although they differ."


def section(results: Results) -> Section:
    """Return the answer in two sentences, with three numbers and the picture of the best configs."""
    if not results.good:
        facts = [_cost(results), next_step(results)]
        return Section(key=KEY, title=TITLE, finding=NOTHING, blocks=[Facts(facts=facts, large=True)])
    selection, _ = results.analysis
    facts = [_on_new_images(results, selection), _cost(results), next_step(results)]
    blocks: list[Block] = [Facts(facts=facts, large=True), _picture(results, selection)]
    return Section(
        key=KEY, title=TITLE, finding=f"{_answer(results, selection)} {results.guessing}".rstrip(), blocks=blocks
    )


def _answer(results: Results, selection: Selection) -> str:
    """Return which config is the best, and whether it is better than the second."""
    measure, race, (best, *others) = results.measure, results.race, results.configs
    val, test = measure.text(selection.val_mean), measure.text(selection.test_mean)
    reaches = f"{val}." if math.isnan(selection.test_mean) else f"{val}, and reaches {test} on test."
    is_raced = race is not None and best.config_id in race.remaining
    several = " with several successful seeds" if selection.left_out else ""
    if selection.num_compared == 1:
        has_failed = len(results.configs) < results.num_configs
        kept = " that remains" if is_raced else several or (" that succeeded" if has_failed else "")
        first = (
            f"Use `{_label(results, best)}`, the only config{kept}. It has a validation {measure.title} of {reaches}"
        )
    else:
        of = f"of {selection.num_compared:,} configs{' that remain' if is_raced else several}"
        first = f"Use `{_label(results, best)}`: {of} it has the best validation {measure.title}, {reaches}"
    if race and is_raced:
        return f"{first} {race.sentences[0]}"
    if selection.num_compared == 1:
        return first
    second, said = others[0], ties(selection)
    name = f"the second, `{_label(results, second)}` ({measure.text(second.val)})"
    if selection.method == ONE_SEED:
        noise = "with one seed each, the noise from seed to seed is unknown, too"
        return f"{first} Whether it is better than {name}, is unknown: {noise}."
    if second.config_id in selection.tied:
        return f"{first} It is not known to be better than {name}: {said[0].lower()}{said[1:]}"
    all_others = len(selection.tied) == 1 < selection.num_compared - 1
    rest = f" and than all others{several}" if all_others else ""
    more = f" {said}" if len(selection.tied) > 1 else ""
    return f"{first} It is significantly better than {name},{rest} {selection.scope}.{more}"


def _label(results: Results, config: ConfigResult) -> str:
    return label(config.rows[0].config, results.hyperparameters).replace("`", "'")  # it is shown as code


def _on_new_images(results: Results, selection: Selection) -> tuple[str, str]:
    """Return the value on test, which no selection inflates, with its interval for new images as far as it is known."""
    measure, row = results.measure, results.configs[0].rows[0]
    mean = measure.text(selection.test_mean)
    images = f"{row.num_test:,} test images" if row.num_test else "test images"
    if math.isnan(selection.test_new_low):
        ends = measure.interval(selection.test_low, selection.test_high)
        return f"test {measure.title}", f"{mean} ({ends}; {counted(selection.n, 'seed')}, on these {images})"
    ends = measure.interval(selection.test_new_low, selection.test_new_high)
    trained = f"{selection.n} seeds" if selection.n > 1 else "one trained model"
    return (
        f"{measure.title} on new images",
        f"{mean} ({ends}; {trained}, on {images} that played no part in the choice)",
    )


def _cost(results: Results) -> tuple[str, str]:
    seconds = sum(row.seconds_total or 0.0 for row in results.rows)
    trials = f"{counted(len(results.rows), 'trial')}: {status_counts(results.rows)}"
    num_timed = sum(row.seconds_total is not None for row in results.rows)
    each = f"{duration(seconds / max(1, num_timed))} each"
    if records := runs.read(results.folder):
        wall, ran = sum(run.seconds for run in records), counted(len(records), "run")
        return "cost", f"{duration(wall)} ({trials}; {ran}, {duration(seconds)} of trials, {each})"
    return "cost", f"{duration(seconds)} of trials ({trials}; {each})"


def next_step(results: Results) -> tuple[str, str]:
    """Return what to try next, in a few words."""
    term, proposed = "what to try next", results.proposed.runs
    if proposed:
        *before, main = sorted(proposed, key=lambda run: run.kind != "finish")  # what is missing answers no question
        return term, f"{main.task} ({main.cost}{''.join(f'; first {run.task}' for run in before)})"
    if not results.good or results.race:
        return term, "see the race" if results.good else "see the failures"
    if results.num_configs == 1:
        return term, "other configs"
    if len(results.candidates) > 1 and results.analysis[0].method == ONE_SEED:
        return term, "several seeds of the best configs, in a sweep of their own"
    if len(results.candidates) > 1 and not results.measure.is_share:
        return term, "more seeds, if a smaller difference matters"
    return term, "nothing more with these configs"


def _picture(results: Results, selection: Selection) -> Plot:
    """Return the best configs with their values on validation and test, and both intervals."""
    measure, configs = results.measure, results.configs[:MAX_DRAWN]
    means = intervals_of(results.trials, [config.config_id for config in configs], selection)
    states = [_state(results, selection, config) for config in configs]
    labels = [_label(results, config) for config in configs]
    dots = DOTS if any(len(one.rows) > 1 for one in configs) else ONE_SEED_EACH
    chosen = CHOSEN.format(selection.num_compared) if selection.allows_for_choice else ""
    first = f", first {MAX_DRAWN} of {len(results.configs):,}" if len(results.configs) > MAX_DRAWN else ""
    columns = columns_of("config", "hyperparameters", "state", ("seeds", 0))
    cells = zip([one.config_id for one in configs], labels, states, [len(one.rows) for one in configs], strict=True)
    return Plot(
        title=f"Configs by validation {measure.title}{first}",
        finding=dots + HOLLOW * (APART in states) + chosen + BARS * (selection.method == OVER_SEEDS),
        figure=interval_figure(measure, labels, means, _groups(states)),
        table=interval_table(measure, columns, cells, means),
    )


def _state(results: Results, selection: Selection, config: ConfigResult) -> str:
    """Return what is known of a config beside the best one."""
    if results.race and config.config_id in (*results.race.remaining, *results.race.dropped):
        return "remains" if config.config_id in results.race.remaining else APART
    if config.config_id == selection.config_id:
        return "best"
    if config.config_id in selection.untested:
        return "untested"
    if config.config_id in selection.left_out:
        return LEFT_OUT
    return "tied" if config.config_id in selection.tied else APART


def _groups(states: Sequence[str]) -> list[Group]:
    """Return the configs that may be the best, are worse, or are not compared for lack of seeds, with their markers."""
    shown = [state if state in (APART, LEFT_OUT) else MAYBE for state in states]
    symbols = {MAYBE: "circle", APART: "circle-open", LEFT_OUT: "square-open"}
    style = {"color": BLUE, "size": 10, "line": {"color": BLUE, "width": 2}}
    return [
        Group(
            f"validation, {name}", [place for place, one in enumerate(shown) if one == name], style | {"symbol": symbol}
        )
        for name, symbol in symbols.items()
    ]
