"""Laws of the difference between two sweeps: what is matched, what is called a difference, and how it is shown."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mnist_sweep import CNN, Softmax, TrialConfig, read_trials
from mnist_sweep.analysis.sweep_diff import NO_SEED, ONE_SEED, THESE_IMAGES, diff
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.trials.row import Status
from tests.analysis.tables import sweep, two_sweeps
from tests.conftest import MakeRow

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quickstart"


def test_configs_are_in_one_the_other_or_both() -> None:
    found = diff(sweep({"a": [0.9], "b": [0.9], "c": [0.9]}), sweep({"c": [0.8], "d": [0.8]}))
    assert (found.only_a, found.only_b) == (("a", "b"), ("d",))
    assert [change.config_id for change in found.changes] == ["c"]
    assert found.sentence.startswith("1 config in both sweeps, 2 only in the first, 1 only in the second.")
    mean = "mean difference -10.00 points"
    assert repr(found) == f"<SweepDiff of val_accuracy: 1 config in both, 2 and 1 in one; {mean}>"


def test_difference_is_paired_over_the_seeds_that_ended_well_in_both() -> None:
    a, b = [0.90, 0.95, math.nan, 0.80, 0.99], [0.91, 0.955, 0.99, 0.825]
    (change,) = diff(sweep({"x": a}), sweep({"x": b})).changes
    expected = stats.ttest_1samp([0.01, 0.005, 0.025], 0).confidence_interval()
    assert change.n == 3
    assert (change.mean_a, change.mean_b) == pytest.approx((np.mean([0.9, 0.95, 0.8]), np.mean([0.91, 0.955, 0.825])))
    assert change.difference == pytest.approx(change.mean_b - change.mean_a)
    assert (change.low, change.high) == pytest.approx((expected.low, expected.high))


def test_the_same_sweep_twice_has_no_difference() -> None:
    trials = read_trials(REFERENCE)
    found = diff(trials, trials)
    assert (found.mean, len(found.changes)) == (0, 40)
    assert math.isnan(found.low)
    assert found.sentence.endswith("Those in both have the same mean validation accuracy.")
    assert found.notes == ()


def test_one_common_seed_has_a_difference_and_no_interval() -> None:
    found = diff(sweep({"x": [0.9], "y": [0.8]}), sweep({"x": [0.95], "y": [0.9]}))
    assert [(change.config_id, change.n) for change in found.changes] == [("y", 1), ("x", 1)]
    assert all(math.isnan(change.low) and not change.significant for change in found.changes)
    assert found.mean == pytest.approx(0.075)


def test_no_common_seed_has_no_difference() -> None:
    found = diff(sweep({"x": [0.9, math.nan]}), sweep({"x": [math.nan, 0.9]}))
    assert (found.changes[0].n, found.changes[0].significant) == (0, False)
    assert math.isnan(found.changes[0].difference)
    assert math.isnan(found.mean)


def test_seeds_that_all_differ_by_the_same_amount_leave_nothing_to_judge_by() -> None:
    (change,) = diff(sweep({"x": [0.97, 0.93, 0.95]}), sweep({"x": [0.96, 0.92, 0.94]})).changes
    assert not change.significant
    assert math.isnan(change.low)


def test_intervals_hold_in_95_percent_and_equal_sweeps_differ_in_at_most_5() -> None:
    draw, held, false, over_all = np.random.default_rng(0), [], [], []
    for _ in range(200):
        found = diff(*two_sweeps(draw, np.zeros(10)))
        held += [change.low <= 0 <= change.high for change in found.changes]
        false.append(any(change.significant for change in found.changes))
        over_all.append(found.low <= 0 <= found.high)
    assert 0.93 <= np.mean(held) <= 0.97
    assert np.mean(over_all) >= 0.93
    assert np.mean(false) <= 0.05


@pytest.mark.parametrize("num_missing", [0, 5])
def test_what_seeds_do_to_all_configs_alike_is_no_difference_of_the_sweeps(num_missing: int) -> None:
    draw, held = np.random.default_rng(0), []
    for _ in range(100):
        noise = draw.normal(0, 0.004, (2, 1, 3)) + draw.normal(0, 0.004, (2, 12, 3))
        noise.reshape(2, -1)[:, draw.permutation(36)[:num_missing]] = math.nan
        a, b = (sweep({chr(97 + at): 0.9 + one for at, one in enumerate(table)}) for table in noise)
        found = diff(a, b)
        held.append(found.low <= 0 <= found.high)
    assert np.mean(held) >= 0.88


def test_one_seed_that_configs_share_has_no_interval_and_seeds_of_their_own_have() -> None:
    a, b = (sweep({"a": [0.9, 0.91], "b": [0.8, 0.8], "c": [0.7, 0.7]}) for _ in range(2))
    b["val_accuracy"] += [0.01, 0.02, 0.01, 0.03, 0.02, 0.01]
    assert math.isnan(diff(*(one[one["seed"] == 0] for one in (a, b))).low)
    own = [one.assign(seed=range(6)) for one in (a, b)]
    means = [0.015, 0.02, 0.015]
    assert diff(*own).high == pytest.approx(stats.ttest_1samp(means, 0).confidence_interval().high)


def test_of_a_single_config_the_seeds_decide() -> None:
    found = diff(sweep({"a": [0.90, 0.91, 0.92]}), sweep({"a": [0.95, 0.955, 0.97]}))
    assert (found.low, found.high) == pytest.approx(found.changes[0][6:8])
    assert "In it, the second differs from the first by +4.83 points" in found.sentence
    assert found.sentence.endswith(
        ": significant. Config by config, 1 of 1 differs significantly (false discovery rate 5%)."
    )
    assert diff(*[sweep({"a": [0.9, 0.9]})] * 2).sentence.endswith("It has the same mean validation accuracy.")


def test_real_changes_are_found_and_come_first() -> None:
    true = np.array([0.0, 0.03, 0.0, -0.04, 0.0, 0.0])
    found = diff(*two_sweeps(np.random.default_rng(1), true))
    assert [change.config_id for change in found.changes[:2]] == ["d", "b"]
    assert [change.significant for change in found.changes] == [True, True, False, False, False, False]
    assert "2 of 6 differ significantly (false discovery rate 5%)." in found.sentence


def test_change_of_all_configs_is_a_difference() -> None:
    found = diff(*two_sweeps(np.random.default_rng(2), np.full(8, 0.01)))
    assert found.low < 0.01 < found.high
    assert "the second differs from the first by +" in found.sentence
    assert "): significant." in found.sentence


def test_configs_that_all_change_by_the_same_amount_leave_nothing_to_judge_by() -> None:
    found = diff(sweep({"a": [0.9], "b": [0.8]}), sweep({"a": [0.9 + 1 / 300], "b": [0.8 + 1 / 300]}))
    assert math.isnan(found.low)
    assert "(no interval): not testable." in found.sentence


def test_labels_say_what_sets_configs_apart() -> None:
    found = diff(sweep({"a": [0.9], "b": [0.9]}), sweep({"a": [0.8], "c": [0.9]}))
    assert found.changes[0].label == "units=97"


def test_numbers_that_change_in_training_and_lists_are_written_as_people_write_them(make_row: MakeRow) -> None:
    later = (5, (("optimizer.learning_rate", 0.01),))
    configs = [TrialConfig(model=CNN(filters=filters), changes=(later,)) for filters in ((8, 16), (16, 32))]
    a = [make_row(config, val_accuracy=0.9) for config in (TrialConfig(), *configs)]
    b = [make_row(config, val_accuracy=0.8) for config in configs]
    labels = {change.label for change in diff(trials_frame(a), trials_frame(b)).changes}
    assert labels == {f"filters={filters} from 5 learning_rate=0.01" for filters in ("8,16", "16,32")}


def test_frames_of_real_rows_are_compared(make_row: MakeRow) -> None:
    configs = [TrialConfig(num_steps=step, seed=seed) for step in (5, 6) for seed in range(3)]
    a = [make_row(config, val_accuracy=0.9) for config in configs] + [make_row(TrialConfig(model=Softmax()))]
    b = [make_row(config, val_accuracy=0.9 + 0.01 * config.seed) for config in configs]
    b += [make_row(TrialConfig(num_steps=9), status=Status.FAILED)]
    found = diff(trials_frame(a), trials_frame(b))
    assert ([change.n for change in found.changes], len(found.only_a), len(found.only_b)) == ([3, 3], 1, 1)
    assert found.mean == pytest.approx(0.01)
    assert {change.label for change in found.changes} == {"cnn num_steps=5", "cnn num_steps=6"}


def test_no_interval_goes_beyond_what_accuracies_can_differ_by() -> None:
    found = diff(sweep({"a": [0.1, 0.1], "b": [0.5, 0.5]}), sweep({"a": [0.9, 0.2], "b": [0.5, 0.5]}))
    assert (found.low, found.high) == (-1, 1)
    assert (found.changes[0].low, found.changes[0].high) == (-1, 1)


def test_printed_it_is_its_conclusion_and_its_notes() -> None:
    found = diff(sweep({"a": [0.9]}), sweep({"a": [0.8]}))
    assert str(found).splitlines() == [found.sentence, *found.notes]


def test_notebook_shows_the_conclusion_and_the_changes() -> None:
    page = diff(sweep({"<": [0.9]}), sweep({"<": [0.8]}))._repr_html_()
    assert "1 config in both" in page
    assert "<td>&lt;</td>" in page


def test_seeds_that_are_missing_are_noted() -> None:
    one = diff(sweep({"x": [0.9], "y": [0.8]}), sweep({"x": [0.95], "y": [0.8]}))
    none = diff(sweep({"x": [0.9, math.nan]}), sweep({"x": [math.nan, 0.9]}))
    assert (one.notes, none.notes) == ((ONE_SEED,), (NO_SEED,))
    assert diff(*two_sweeps(np.random.default_rng(0), np.zeros(3))).notes == (THESE_IMAGES,)
