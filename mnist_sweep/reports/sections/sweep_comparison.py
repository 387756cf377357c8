"""Two sweeps side by side: which one has the better config, what each found, and what differs between them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnist_sweep.analysis.judgement import Verdict, verdict
from mnist_sweep.analysis.sweep_diff import SweepDiff, diff
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.blocks import Block, Cell, Facts, Paragraph, Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE
from mnist_sweep.reports.report_data import Results, values_tried
from mnist_sweep.reports.sections.config_intervals import Group, interval_figure, interval_table, intervals_of
from mnist_sweep.statistics.paired_tests import AccuracyDifference
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.trials.row import status_counts
from mnist_sweep.trials.value_format import Measure

TITLE = "Which sweep has the better config?"
MAX_DRAWN = 5  # configs of each sweep
MAX_CHANGES = 100
NOT_KEPT = "not all predictions were kept"
SAME = "Both sweeps select the same config, `{}`: “{}” compares its results."
IN_BOTH = "What differs for configs in both?"
READING = "The {} best configs of each sweep by validation. Bars of two configs may overlap although they differ."
CHOSEN = " With one seed each, the interval of the selected config allows for its being the best."
SELECTED = (
    "Each was selected by validation, which flatters the best of many (here {} and {} configs).",
    " The difference on test, which played no part in either choice, is free of that.",
)


class SweepComparison(NamedTuple):
    """Two sweeps, the difference of them, and the judgement on their selected configs, None if both select the same."""

    sides: tuple[Results, Results]
    found: SweepDiff
    judged: Verdict | None

    @property
    def names(self) -> list[str]:
        """The names of both folders, or their paths if these have one name."""
        folders = [side.folder for side in self.sides]
        names = [folder.resolve().name for folder in folders]
        return names if names[0] != names[1] else [*map(str, folders)]


def compare_sweeps(one: Results, other: Results, *, within: float | None = None) -> SweepComparison:
    """Compare two sweeps and their selected configs, given the margin of `verdict`, in points.

    Raises:
        IncomparableError: They are judged by different objectives.
        ConfigError: `within` is out of range, or lacking.
        LedgerError: No trial of one succeeded, or both are one folder; or predictions are damaged.
    """
    if one.folder.resolve() == other.folder.resolve():
        raise LedgerError(f"a sweep is compared with another one, but both folders are {one.folder}: pass two.")
    for side in (one, other):
        if not side.good:
            ways = f"`mnist-sweep status {side.folder}` shows the causes"
            raise LedgerError(f"no trial in {side.folder} succeeded, so that there is no config to compare: {ways}.")
    found = diff(one.folder, other.folder)
    best = [side.analysis[0].config_id for side in (one, other)]
    judged = None
    if best[0] != best[1]:
        judged = verdict(one.folder, *best, other=other.folder, within=within, in_points=True)
    return SweepComparison((one, other), found, judged)


def sections(compared: SweepComparison) -> list[Section]:
    """Return the answer with its picture, both sweeps' own answers, the configs in both, and the settings."""
    return [_answer(compared), _side_by_side(compared), _in_both(compared), _settings(compared)]


def _answer(compared: SweepComparison) -> Section:
    judged, sides = compared.judged, compared.sides
    blocks: list[Block] = []
    if judged is None:
        finding = SAME.format(compared.found.labels[sides[0].analysis[0].config_id], IN_BOTH)
    else:
        names = dict(zip((judged.a, judged.b), compared.names, strict=True))
        select = [f"{name} selects `{compared.found.labels[best]}` ({best})" for best, name in names.items()]
        better = f"{names[judged.better]} has the better config. " if judged.better else ""
        finding = f"{better}{', '.join(select)}. {judged.sentence}"
        if judged.these_images or judged.test:
            blocks.append(Facts(facts=_differences(judged, compared.found.objective), large=True))
    blocks.append(_picture(compared))
    if judged is not None:
        numbers = [f"{side.analysis[0].num_compared:,}" for side in sides]
        selected = SELECTED[0].format(*numbers) + SELECTED[1] * (judged.test is not None)
        blocks += [Paragraph(text=text) for text in (selected, *judged.notes)]
    return Section(key="better-config", title=TITLE, finding=finding, blocks=blocks)


def _differences(judged: Verdict, measure: Measure) -> list[tuple[str, str]]:
    """Return the difference of the selected configs, the first minus the second, or why it is unknown."""

    def text(found: AccuracyDifference | None, reason: str) -> str:
        if found is None:
            return f"unknown ({reason})"
        ends = measure.delta_interval(found.low, found.high)
        return f"{measure.difference(found.mean, signed=True)} ({ends}; first minus second)"

    of_test = "on test, new images" if judged.new_images else "on test, these images"
    return [
        ("difference on these validation images", text(judged.these_images, judged.reason)),
        ("difference on new images", text(judged.new_images, NOT_KEPT if judged.these_images else judged.reason)),
        (f"difference {of_test}", text(judged.test, judged.reason)),
    ]


def _picture(compared: SweepComparison) -> Plot:
    drawn, found, measure = [], compared.found, compared.found.objective
    for place, side in enumerate(compared.sides):
        ids = [config.config_id for config in side.configs[:MAX_DRAWN]]
        means_of = zip(ids, intervals_of(side.trials, ids, side.analysis[0]), strict=True)
        drawn += [(place, name, means) for name, means in means_of]
    drawn.sort(key=lambda one: -measure.score(one[2]["val_mean"]))
    labels = [f"{compared.names[place]}: {found.labels[name]}" for place, name, _ in drawn]
    markers = {"color": BLUE, "size": 10}, {"color": BLUE, "size": 10, "symbol": "square-open", "line": {"width": 2}}
    groups = [
        Group(f"validation, {which}", [at for at, one in enumerate(drawn) if one[0] == place], marker)
        for place, (which, marker) in enumerate(zip(("first", "second"), markers, strict=True))
    ]
    cells = [[compared.names[place], name, found.labels[name]] for place, name, _ in drawn]
    columns, all_means = columns_of("sweep", "config", "hyperparameters"), [means for *_, means in drawn]
    return Plot(
        title=f"The best configs of both by validation {measure.title}",
        finding=READING.format(MAX_DRAWN) + CHOSEN * any(side.analysis[0].allows_for_choice for side in compared.sides),
        figure=interval_figure(measure, labels, all_means, groups),
        table=interval_table(measure, columns, cells, all_means),
    )


def _side_by_side(compared: SweepComparison) -> Section:
    sides, measure = [_facts(side, compared.found.labels) for side in compared.sides], compared.found.objective
    rows = [[term, first[term], second[term]] for first, second in [sides] for term in first]
    columns = columns_of(
        "", *(f"{which}: {name}" for which, name in zip(("first", "second"), compared.names, strict=True))
    )
    found = "; ".join(
        f"{name} has {counted(len(of.rows), 'trial')} ({side['trials']}), which took {side['time of trials']}"
        for name, of, side in zip(compared.names, compared.sides, sides, strict=True)
    )
    table = Table(caption=f"The answers of both by validation {measure.title}", columns=columns, rows=rows)
    return Section(key="both-answers", title="What did each sweep find?", finding=f"{found}.", blocks=[table])


def _facts(side: Results, labels: Mapping[str, str]) -> dict[str, str]:
    selection, measure = side.analysis[0], side.measure
    seconds = sum(row.seconds_total or 0.0 for row in side.rows)
    return {
        "selected config": selection.config_id,
        "hyperparameters": labels[selection.config_id],
        "validation": f"{measure.text(selection.val_mean)} ({selection.intervals[0]})",
        "test": f"{measure.text(selection.test_mean)} ({selection.intervals[1]})",
        "its seeds": str(selection.n),
        "configs": f"{selection.num_compared:,}",
        "trials": status_counts(side.rows),
        "time of trials": duration(seconds),
    }


def _in_both(compared: SweepComparison) -> Section:
    found, measure = compared.found, compared.found.objective
    changes = [change for change in found.changes if change.n][:MAX_CHANGES]
    unit = f", {measure.delta_unit}" if measure.delta_unit else ""
    numbers = ("seeds", 0), ("first", 4), ("second", 4), (f"second minus first{unit}", None)
    columns = columns_of("config", "hyperparameters", *numbers, "95% interval", "significant")
    rows: list[Sequence[Cell]] = []
    for change in changes:
        ends = measure.delta_interval(change.low, change.high).removeprefix("95% interval ")
        delta = measure.delta(change.difference, signed=True)
        said = "yes" if change.significant else "no"
        rows.append((change.config_id, change.label, change.n, change.mean_a, change.mean_b, delta, ends, said))
    blocks: list[Block] = [
        Table(caption="Configs in both, largest difference first", columns=columns, rows=rows)
    ] * bool(rows)
    blocks += [Paragraph(text=note) for note in found.notes]
    return Section(key="configs-in-both", title=IN_BOTH, finding=found.sentence, blocks=blocks)


def _settings(compared: SweepComparison) -> Section:
    of_both = [side.rows for side in compared.sides]
    names = dict.fromkeys(name for rows in of_both for row in rows for name in row.config)
    tried = [[name, *(values_tried(rows, name) or "none" for rows in of_both)] for name in names]
    differing = [row for row in tried if row[1] != row[2]]
    finding = (
        f"They differ in {counted(len(differing), 'setting')}." if differing else "Both tried the same values of each."
    )
    table = Table(caption="Values tried", columns=columns_of("setting", *compared.names), rows=differing)
    return Section(
        key="settings", title="What differs in their settings?", finding=finding, blocks=[table] * bool(differing)
    )
