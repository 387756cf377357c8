"""Laws of answers under objectives other than accuracy: values that are mirrored or in another unit mean the same."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from mnist_sweep import Adam, TrialConfig, grid, read_trials, repeat
from mnist_sweep.analysis.comparison import compare
from mnist_sweep.analysis.comparison_wording import IMAGE_VALUES, NOT_KEPT, SEEDS, SEEDS_AND_IMAGES, THESE_IMAGES
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.analysis.folder_status import folder_status
from mnist_sweep.analysis.judgement import verdict
from mnist_sweep.analysis.next_run_budget import next_runs
from mnist_sweep.analysis.selection import select
from mnist_sweep.analysis.sweep_diff import diff
from mnist_sweep.analysis.tuning_curve import expected_best_curve, sentence
from mnist_sweep.errors import ConfigError, IncomparableError, LedgerError
from mnist_sweep.optim.image_contributions import standard_error
from mnist_sweep.reports.writer import write_report
from mnist_sweep.results import predictions
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.trials.value_format import Measure
from tests.conftest import MakeRow

MakeFolder = Callable[[Any], Path]


@dataclasses.dataclass(frozen=True)
class Kappa:
    """A share of which more is better."""

    unit: ClassVar[str] = "share"

    def compute(self, labels: Any, outputs: Any) -> float:
        return 0.5


@dataclasses.dataclass(frozen=True)
class ErrorRate(Kappa):
    """A share of which less is better."""

    direction: ClassVar[str] = "minimize"


@dataclasses.dataclass(frozen=True)
class Distance(Kappa):
    """A length."""

    direction: ClassVar[str] = "minimize"
    unit: ClassVar[str] = "px"


OF_SCORE: dict[Any, Callable[[Any], Any]] = {
    None: lambda score: score,
    Kappa(): lambda score: score,
    ErrorRate(): lambda score: 1 - score,
    Distance(): lambda score: 50 * (1 - score),
}
SCALES = {None: 1.0, Kappa(): 1.0, ErrorRate(): 1.0, Distance(): 50.0}
OTHERS = [objective for objective in OF_SCORE if objective]
TRIALS = repeat(
    grid(TrialConfig(), {"model.dropout": [0.0, 0.2, 0.4], "optimizer.learning_rate": [0.01, 0.02, 0.04, 0.08]}),
    seeds=4,
)


def row(trial: TrialConfig, objective: Any, make_row: MakeRow) -> TrialRow:
    """Return the row of a trial with a planted score, as the objective has it."""
    place = f"{trial.model}{trial.optimizer}{trial.seed}"
    noise = np.random.default_rng([*place.encode()]).normal(0, 0.004)
    assert isinstance(trial.optimizer, Adam)
    score = 0.9 + 0.02 * np.log2(trial.optimizer.learning_rate / 0.01) - 0.005 * trial.model.dropout + noise  # type: ignore[union-attr]
    on_val, on_test = (float(OF_SCORE[objective](one)) for one in (score, score - 0.01))
    common: dict[str, Any] = {
        "val_loss": 0.3,
        "train_loss": 0.2,
        "num_test": 300,
        "steps": 100,
        "seconds_total": 1.0 + trial.seed,
    }
    common |= {"data_digest": "data", "code_digest": "code"}
    if objective is None:
        return make_row(trial, val_accuracy=on_val, test_accuracy=on_test, history=(), **common)
    judged = dataclasses.replace(trial, objective=objective)
    points = [
        Evaluation(step, 0.5, 0.5, 0.5, 0.25, 0.1, 0.5, OF_SCORE[objective](score - lag))
        for step, lag in ((50, 0.1), (100, 0))
    ]
    values = {"val_objective": on_val, "test_objective": on_test, "val_accuracy": 0.25, "test_accuracy": 0.25}
    return make_row(judged, objective=dataclasses.asdict(judged.measure), history=tuple(points), **values, **common)


@pytest.fixture
def make_folder(tmp_path: Path, make_row: MakeRow) -> MakeFolder:
    """Folders of the same sweep, judged by an objective; None is accuracy."""

    def make(objective: Any) -> Path:
        folder = tmp_path / type(objective).__name__
        ledger = Ledger(folder)
        ledger.open()
        rows = [row(trial, objective, make_row) for trial in TRIALS]
        for one in rows:
            ledger.commit(one)
        write_tables(folder, rows)
        return folder

    return make


def places(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Return what tells a config from others, by its id."""
    rows = Ledger(folder).rows().values()
    return {one.config_id: (one.config["model.dropout"], one.config["optimizer.learning_rate"]) for one in rows}


@pytest.mark.parametrize("objective", OTHERS)
def test_the_same_config_is_selected_with_the_same_ties_and_bias(objective: Any, make_folder: MakeFolder) -> None:
    folder, plain = make_folder(objective), make_folder(None)
    found, expected, scale = select(folder), select(plain), SCALES[objective]
    assert found.objective == TrialConfig(objective=objective).measure
    assert [places(folder)[name] for name in found.tied] == [places(plain)[name] for name in expected.tied]
    assert found.val_mean == pytest.approx(OF_SCORE[objective](expected.val_mean))
    assert found.selection_bias == pytest.approx(scale * expected.selection_bias)
    ends = sorted(OF_SCORE[objective](end) for end in (expected.val_low, expected.val_high))
    assert [found.val_low, found.val_high] == pytest.approx(ends)
    assert np.isnan([found.val_new_low, found.test_new_high]).all()
    assert "accurac" not in str(found)
    assert select(read_trials(folder)).sentences == found.sentences


@pytest.mark.parametrize("objective", OTHERS)
def test_effects_have_the_same_size_and_significance(objective: Any, make_folder: MakeFolder) -> None:
    found, expected = (effects(make_folder(one)) for one in (objective, None))
    for one, other in zip(found.effects, expected.effects, strict=True):
        assert (one.name, one.significant) == (other.name, other.significant)
        numbers = one.difference, one.low, one.high
        assert numbers == pytest.approx(
            [SCALES[objective] * x for x in (other.difference, other.low, other.high)], abs=1e-4
        )
        means = [OF_SCORE[objective](level.mean) for level in other.levels]
        assert [level.mean for level in one.levels] == pytest.approx(means)
        assert all(level.low < level.mean < level.high for level in one.levels)
    slope = found.effects[0].sentence
    assert ("falls as it rises" in slope) == (found.objective.direction == "minimize")
    assert "accurac" not in str(found)


@pytest.mark.parametrize("objective", OTHERS)
def test_pairs_are_compared_over_seeds(objective: Any, make_folder: MakeFolder) -> None:
    folder, plain = make_folder(objective), make_folder(None)
    by_place = {place: name for name, place in places(folder).items()}
    worse, better = by_place[0.0, 0.01], by_place[0.0, 0.08]
    of_plain = {place: name for name, place in places(plain).items()}
    found = compare(folder, worse, better)
    expected = compare(plain, of_plain[0.0, 0.01], of_plain[0.0, 0.08])
    assert found.method == SEEDS
    assert found.sentence.startswith(f"{better} (learning_rate=0.08) is significantly better than {worse}")
    assert found.val.difference.pvalue == pytest.approx(expected.val.difference.pvalue)
    assert (THESE_IMAGES in found.notes, NOT_KEPT in expected.notes) == (True, True)
    judged = verdict(folder, worse, better, within=0.1)
    assert (judged.outcome, judged.better, judged.objective) == ("better", better, found.objective)
    assert judged.sentence == found.sentence
    assert "accurac" not in f"{found}{judged}"
    single = [name for name, one in Ledger(folder).rows().items() if one.config["seed"] == 0][:2]
    with pytest.raises(IncomparableError, match=r"no image has its own [a-z ]+: compare two configs"):
        compare(folder, *single)


@pytest.mark.parametrize("objective", OTHERS)
def test_budgets_status_and_proposals_follow_the_objective(objective: Any, make_folder: MakeFolder) -> None:
    folder, plain = make_folder(objective), make_folder(None)
    curve, expected = expected_best_curve(folder), expected_best_curve(plain)
    assert curve["expected_best"].to_numpy() == pytest.approx(OF_SCORE[objective](expected["expected_best"].to_numpy()))
    assert (curve["low"].dropna() <= curve["high"].dropna()).all()
    assert "accurac" not in sentence(read_trials(folder))
    rows = [*Ledger(folder).rows().values()]
    status = folder_status(rows, folder)
    assert status.objective == rows[0].measure
    best = [places(folder)[one.config_id] for one in status.best]
    assert best == [places(plain)[one.config_id] for one in folder_status([*Ledger(plain).rows().values()], plain).best]
    assert next_runs(folder, within=0.001 * SCALES[objective]).runs
    same = diff(folder, folder)
    assert same.sentence.endswith(f"Those in both have the same mean validation {rows[0].measure.title}.")


@pytest.mark.parametrize("objective", OTHERS)
def test_the_report_names_nothing_else(objective: Any, make_folder: MakeFolder) -> None:
    text = write_report(make_folder(objective), format="md").read_text(encoding="utf-8")
    title = TrialConfig(objective=objective).measure.title
    assert re.search(rf"it has the best (mean )?validation {title}", text)
    assert f"Validation {title} against" in text
    assert "accura" not in text


def test_values_that_may_be_taken_for_rounding_are_noted(make_row: MakeRow) -> None:
    rows = [row(trial, Distance(), make_row) for trial in TRIALS]
    small = [dataclasses.replace(one, val_objective=(one.val_objective or 0) * 1e-9) for one in rows]
    for answer in (select, effects):
        note = "The values of distance are at most 5.3e-09: give it a smaller unit"
        assert note in str(dataclasses.asdict(answer(trials_frame(small))))
        assert "smaller unit" not in str(dataclasses.asdict(answer(trials_frame(rows))))


def test_values_that_are_compared_and_may_be_taken_for_rounding_are_noted(make_row: MakeRow, tmp_path: Path) -> None:
    Ledger(tmp_path).open()
    for trial in TRIALS:
        one = row(trial, Distance(), make_row)
        Ledger(tmp_path).commit(dataclasses.replace(one, val_objective=(one.val_objective or 0) * 1e-9))
    configs = [*dict.fromkeys(read.config_id for read in Ledger(tmp_path).rows().values())]
    for found in (compare(tmp_path, *configs[:2]), verdict(tmp_path, *configs[:2], within=1)):
        assert any(note.startswith("The values of distance are at most ") for note in found.notes)


def test_a_table_without_the_values_that_trials_are_judged_by_is_refused(make_folder: MakeFolder) -> None:
    with pytest.raises(LedgerError, match="lacks the columns val_distance"):
        select(read_trials(make_folder(Distance())).drop(columns="val_distance"))


def test_different_objectives_are_never_mixed(make_folder: MakeFolder, make_row: MakeRow) -> None:
    folder, other = make_folder(Kappa()), make_folder(Distance())
    with pytest.raises(IncomparableError, match="judged by kappa and distance, which cannot be compared"):
        diff(folder, other)
    for trial in TRIALS[:3]:
        Ledger(folder).commit(row(trial, ErrorRate(), make_row))
        Ledger(folder).commit(row(trial, None, make_row))
    found = select(folder)
    assert found.objective == Measure("kappa")
    assert found.num_compared == 12
    assert any("6 of 54 rows are of another kind and left out: they are judged by" in one for one in found.sentences)
    write_tables(folder, Ledger(folder).rows().values())
    assert select(read_trials(folder)).sentences == found.sentences
    a, b = (
        next(one for one in Ledger(folder).rows().values() if one.measure.name == name)
        for name in ("kappa", "accuracy")
    )
    with pytest.raises(IncomparableError, match="cannot be paired"):
        compare(folder, a.config_id, b.config_id)


@pytest.mark.parametrize(
    ("objective", "within", "message"),
    [
        (Distance(), None, "`within` (`--within`) has no default for distance: state the largest difference"),
        (Distance(), 0.0, "but got within=0.0"),
        (Distance(), -1.0, "in the unit of distance"),
        (Distance(), float("nan"), "in the unit of distance"),
        (Distance(), float("inf"), "in the unit of distance"),
        (ErrorRate(), 0.5, "0 < within <= 0.1"),
    ],
)
def test_a_margin_has_the_unit_of_the_objective(
    objective: Any, within: float | None, message: str, make_folder: MakeFolder
) -> None:
    folder = make_folder(objective)
    a, b, *_ = places(folder)
    for ask in (lambda: verdict(folder, a, b, within=within), lambda: next_runs(folder, within=within)):
        with pytest.raises(ConfigError) as raised:
            ask()
        assert message in str(raised.value)


def keep_values(folder: Path, spread: float) -> None:
    """Keep values of 400 validation and 300 test images for each trial, with the means that the rows have."""
    noise = np.random.default_rng(0).normal(0, spread, 400)
    for one in Ledger(folder).rows().values():
        own = noise + np.random.default_rng([*one.trial_id.encode()]).normal(0, spread, 400)
        values = {split: (own - own.mean())[:num] for split, num in (("val", 400), ("test", 300))}
        values = {split: given - given.mean() + getattr(one, split) for split, given in values.items()}
        errors: dict[str, Any] = {f"{split}_objective_error": standard_error(given) for split, given in values.items()}
        labels = Predictions(np.arange(400) % 2, np.arange(300) % 2)
        predictions.write_labels(folder, predictions.data_id(one.config), labels)
        kept = labels._replace(val_values=values["val"], test_values=values["test"])
        predictions.write(folder, one.trial_id, kept)
        Ledger(folder).commit(dataclasses.replace(one, **errors))


@pytest.mark.parametrize("objective", [Kappa(), Distance()])
def test_values_of_images_make_statements_on_new_images(objective: Any, make_folder: MakeFolder) -> None:
    folder, scale = make_folder(objective), SCALES[objective]
    before = select(folder)
    by_place = {place: name for name, place in places(folder).items()}
    worse, better = by_place[0.0, 0.01], by_place[0.0, 0.08]
    keep_values(folder, 0.05 * scale)
    found, method = compare(folder, worse, better), SEEDS_AND_IMAGES
    assert (found.method, "for new images" in found.sentence, found.notes) == (method, True, ())
    judged = verdict(folder, worse, better, within=0.01 * scale)
    assert (judged.outcome, judged.better, judged.scope) == ("better", better, "new images")
    near = verdict(folder, by_place[0.2, 0.08], better, within=0.001 * scale)
    assert (near.outcome, near.seeds_needed is not None) == ("undecided", True)
    single = [name for name, one in Ledger(folder).rows().items() if one.config_id in (worse, better)][::4]
    assert compare(folder, *single).method == IMAGE_VALUES
    after = select(folder)
    assert (after.val_low, after.val_high) == pytest.approx((before.val_low, before.val_high))
    assert after.val_new_low < after.val_low < after.val_high < after.val_new_high
    assert "for these validation images, " in str(after)
    assert "for new images" in str(after)
    assert "accura" not in write_report(folder, format="md").read_text(encoding="utf-8")
