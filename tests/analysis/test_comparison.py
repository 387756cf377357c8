"""Laws of the comparison of two trials or configs: what is paired with what, what is concluded, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from mnist_sweep import MNIST, Digits, TrialConfig
from mnist_sweep.analysis.comparison import compare, over_images, over_seeds
from mnist_sweep.analysis.comparison_wording import IMAGES, NOT_KEPT, ONE_SEED, SEEDS, SEEDS_AND_IMAGES, TWO_SEEDS
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import predictions
from mnist_sweep.statistics.paired_tests import mcnemar, newcombe_interval
from mnist_sweep.trials.row import Status
from tests.analysis.folders import LABELS, Folder
from tests.conftest import MakeRow, Refused

A, B = TrialConfig(num_steps=7), TrialConfig(num_steps=8)


@pytest.fixture
def results(tmp_path: Path, make_row: MakeRow) -> Folder:
    return Folder(tmp_path / "results", make_row)


def test_two_trials_are_compared_image_by_image(results: Folder) -> None:
    a = results.add(A, val=[1, 2, 3], test=[5])
    b = results.add(B, val=[3, 10, 11, 12, 13, 14, 15, 16, 17], test=[5])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert (found.a, found.b, found.seeds, found.method) == (a.trial_id, b.trial_id, ((0, 0),), IMAGES)
    assert found.val.only_a == (10, 11, 12, 13, 14, 15, 16, 17)
    assert found.val.only_b == (1, 2)
    assert found.val.difference.mean == pytest.approx(6 / 300)
    assert found.val.mcnemar == (found.val.difference.pvalue,)
    assert found.val.difference.pvalue == pytest.approx(0.109375)  # 2 of 10, two sides: 112 / 1024
    assert (found.test.only_a, found.test.only_b, found.test.difference.pvalue) == ((), (), 1)
    assert ONE_SEED in found.notes


def test_significant_difference_names_the_better_one_first(results: Folder) -> None:
    a, b = results.add(A, val=range(40), test=range(30)), results.add(B, val=range(5))
    found = compare(results.path, a.trial_id, b.trial_id)
    assert found.val.significant
    low, high = newcombe_interval(both=260, only_a=35, only_b=0, neither=5)
    assert found.sentence.startswith(
        f"{b.trial_id} (num_steps=8) is significantly better than {a.trial_id} (num_steps=7) for new images: "
        f"+11.67 points (95% interval {100 * low:.2f} to {100 * high:.2f}, p < 0.0001) on validation, +15.00 points"
    )
    turned = compare(results.path, b.trial_id, a.trial_id)
    assert turned.sentence == found.sentence
    assert turned.val.difference == pytest.approx(found.val.difference.reversed())


def test_tie_says_how_many_images_would_detect_its_difference(results: Folder) -> None:
    a, b = results.add(A, val=[1, 2, 3, 4]), results.add(B, val=[5, 6])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert not found.val.significant
    names = f"{a.trial_id} (num_steps=7) and {b.trial_id} (num_steps=8)"
    assert found.sentence.startswith(f"{names} are statistically tied for new images: -0.67 points")
    needed = found.val.difference.images_needed
    assert needed is not None
    assert needed > 300
    assert f"would take about {needed:,} validation images to detect (with 80% power)." in found.sentence


def test_equal_trials_need_nothing(results: Folder) -> None:
    a, b = results.add(A, val=[1]), results.add(B, val=[1])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert "statistically tied" in found.sentence
    assert "to detect" not in found.sentence
    assert found.val.difference.low < 0 < found.val.difference.high


def test_configs_are_compared_over_seeds_and_images(results: Folder) -> None:
    for seed in range(4):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=[0, 50 + seed])
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=[0, *range(10, 35), 100 + seed])
    found = compare(results.path, a.config_id, b.config_id)
    assert (found.a, found.seeds) == (a.config_id, ((0, 0), (1, 1), (2, 2), (3, 3)))
    assert (found.method, found.notes) == (SEEDS_AND_IMAGES, ())
    assert found.val.only_a == tuple(range(10, 35))
    assert found.val.only_b == ()
    assert len(found.val.mcnemar) == len(found.val.by_seed) == 4
    assert (found.label_a, found.label_b) == ("num_steps=7", "num_steps=8")
    assert found.val.significant
    assert found.val.mean_a - found.val.mean_b == pytest.approx(found.val.difference.mean) == 25 / 300


def test_seeds_that_only_one_has_are_left_out(results: Folder) -> None:
    for seed in range(3):
        results.add(TrialConfig(num_steps=7, seed=seed), val=[seed])
        results.add(TrialConfig(num_steps=8, seed=seed + 1), val=[9])
    a, b = (results.make_row(config).config_id for config in (A, B))
    found = compare(results.path, a, b)
    assert found.seeds == ((1, 1), (2, 2))
    assert TWO_SEEDS in found.notes


def test_config_with_one_common_seed_is_compared_by_its_images(results: Folder) -> None:
    a = results.add(A, val=[1])
    for seed in range(3):
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=[2, 3])
    found = compare(results.path, a.config_id, b.config_id)
    assert (found.seeds, found.method) == (((0, 0),), IMAGES)
    models = f"{a.trial_id} (num_steps=7) and {b.config_id}-0 (num_steps=8)"
    assert found.sentence.startswith(f"{models} are statistically tied"), "of their configs nothing is known"


def test_single_trials_need_not_share_a_seed(results: Folder) -> None:
    results.add(TrialConfig(num_steps=7, seed=1))
    a, b = results.add(A, val=[1]), results.add(TrialConfig(num_steps=7, seed=2), val=[2])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert found.seeds == ((0, 2),)


@pytest.mark.parametrize("kept", [0, 1])
def test_without_all_predictions_seeds_decide_and_it_is_said(results: Folder, kept: int) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=range(seed + 1), kept=seed < kept)
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=range(30 + 2 * seed), kept=False)
    found = compare(results.path, a.config_id, b.config_id)
    assert (found.method, found.val.num_images, found.val.only_a) == (SEEDS, None, ())
    assert NOT_KEPT in found.notes
    assert found.val.significant
    assert found.val.difference.mean == pytest.approx(30 / 300)


@pytest.mark.parametrize("kept", [False, True])
def test_an_image_more_in_one_seed_is_no_proof_that_seeds_vary_more(results: Folder, kept: bool) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=range(10), kept=kept)
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=range(10 + (seed == 2)), kept=kept)
    assert "vary more than" not in " ".join(compare(results.path, a.config_id, b.config_id).notes)


def test_without_predictions_other_images_are_said(results: Folder) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(seed=seed), val=range(seed + 1), kept=False)
        b = results.add(TrialConfig(data=Digits(val_size=299), seed=seed), val=range(30 + 2 * seed), kept=False)
    assert "differ in val_size" in " ".join(compare(results.path, a.config_id, b.config_id).notes)


def test_single_trial_without_predictions_is_refused_with_the_way_out(results: Folder, refused: Refused) -> None:
    a, b = results.add(A, kept=False), results.add(B)
    with refused(LedgerError, f"predictions of trial {a.trial_id}", "rows", "next run"):
        compare(results.path, a.trial_id, b.trial_id)


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED, Status.STOPPED])
def test_trial_without_accuracies_is_refused_with_its_cause(
    results: Folder, refused: Refused, make_row: MakeRow, status: Status
) -> None:
    a, b = results.add(A), make_row(B, status=status, error="ValueError: no luck")
    results.ledger.commit(b)
    with refused(LedgerError, b.trial_id, status.value, "no luck"):
        compare(results.path, a.trial_id, b.trial_id)


def test_seeds_that_did_not_end_well_are_left_out(results: Folder, make_row: MakeRow) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=[seed])
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=[9])
    results.ledger.commit(make_row(TrialConfig(num_steps=8, seed=3), status=Status.FAILED))
    results.add(TrialConfig(num_steps=7, seed=3))
    assert len(compare(results.path, a.config_id, b.config_id).seeds) == 3


def test_configs_without_a_common_seed_are_refused(results: Folder, refused: Refused) -> None:
    for seed in range(2):
        a = results.add(TrialConfig(num_steps=7, seed=seed))
        b = results.add(TrialConfig(num_steps=8, seed=seed + 2))
    with refused(
        LedgerError, a.config_id, b.config_id, "share no seed", "the same seeds, or compare two single trials"
    ):
        compare(results.path, a.config_id, b.config_id)


@pytest.mark.parametrize("other", ["trial_id", "config_id"])
def test_a_trial_is_not_compared_with_itself(results: Folder, refused: Refused, other: str) -> None:
    results.add(TrialConfig(num_steps=7, seed=1))
    a = results.add(A)
    with refused(LedgerError, a.trial_id, "with itself"):
        compare(results.path, a.trial_id, getattr(a, other))


def test_other_data_sets_are_refused(results: Folder, refused: Refused) -> None:
    a, b = results.add(A), results.add(TrialConfig(data=MNIST()))
    with refused(LedgerError, a.trial_id, b.trial_id, "different data sets"):
        compare(results.path, a.trial_id, b.trial_id)


def test_other_images_of_a_data_set_are_refused(results: Folder, refused: Refused) -> None:
    a, b = results.add(A), results.add(TrialConfig(data=Digits(val_size=299)), kept=False)
    predictions.write(results.path, b.trial_id, LABELS)
    other = LABELS._replace(val=LABELS.val[::-1])
    predictions.write_labels(results.path, predictions.data_id(b.config), other)
    with refused(LedgerError, a.trial_id, b.trial_id, "different images"):
        compare(results.path, a.trial_id, b.trial_id)


def test_data_that_differ_in_training_images_alone_are_compared(results: Folder) -> None:
    a, b = results.add(A, val=[1]), results.add(TrialConfig(data=Digits(val_size=299)), val=[2])
    assert compare(results.path, a.trial_id, b.trial_id).val.num_images == 300


def test_predictions_of_another_run_are_refused(results: Folder, refused: Refused) -> None:
    a, b = results.add(A, val=[1], val_accuracy=0.9), results.add(B)
    with refused(LedgerError, str(predictions.path_of(results.path, a.trial_id)), "does not give", "next run"):
        compare(results.path, a.trial_id, b.trial_id)


def test_damaged_predictions_are_named(results: Folder, refused: Refused) -> None:
    a, b = results.add(A), results.add(B)
    predictions.path_of(results.path, a.trial_id).write_bytes(b"half")
    with refused(LedgerError, f"{a.trial_id}.npz", "damaged"):
        compare(results.path, a.trial_id, b.trial_id)


def test_unknown_and_ambiguous_names_are_refused_through_to_the_command(results: Folder, refused: Refused) -> None:
    a = results.add(A)
    with refused(LedgerError, "no trial or config", "zzzz", a.config_id):
        compare(results.path, a.trial_id, "zzzz")


def test_images_of_several_seeds_are_listed_where_one_is_ahead_in_half_of_them() -> None:
    a, b = np.zeros((4, 6), np.bool_), np.zeros((4, 6), np.bool_)
    a[:2, 0] = a[:1, 1] = b[:3, 2] = True
    found = over_images("test", a, b)
    assert (found.only_a, found.only_b, found.num_images) == ((0,), (2,), 6)
    assert found.mcnemar == (mcnemar(2, 1), mcnemar(1, 1), mcnemar(0, 1), mcnemar(0, 0))
    assert found.difference.mean == pytest.approx(found.mean_a - found.mean_b) == 0


def test_seeds_alone_know_no_images() -> None:
    found = over_seeds("validation", [0.9, 0.92, 0.91], [0.8, 0.81, 0.83])
    assert (found.num_images, found.mcnemar, found.only_a, found.only_b) == (None, (), (), ())
    assert found.difference.mean == pytest.approx(0.91 - 2.44 / 3)
