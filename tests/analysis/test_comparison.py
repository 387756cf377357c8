"""Laws of the comparison of two trials or configs: what is paired with what, what is concluded, and what is refused."""

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mnist_sweep import MNIST, Digits, TrialConfig
from mnist_sweep.analysis.comparison import (
    BY_BOTH,
    BY_IMAGES,
    BY_SEEDS,
    NOT_KEPT,
    ONE_SEED,
    TWO_SEEDS,
    Comparison,
    compare,
    show,
)
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import predictions
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.statistics.paired_tests import Counts, newcombe_interval
from mnist_sweep.trials.row import Status, TrialRow

Refused = Callable[..., AbstractContextManager[None]]
MakeRow = Callable[..., TrialRow]
Wrong = Sequence[int]
LABELS = Predictions(np.arange(300, dtype=np.uint8) % 10, np.arange(200, dtype=np.uint8) % 10)


class Folder:
    """A results folder to which trials are added that are wrong about certain images."""

    def __init__(self, path: Path, make_row: MakeRow) -> None:
        self.path = path
        self.ledger = Ledger(path)
        self.ledger.open()
        self.make_row = make_row

    def add(
        self, config: TrialConfig, val: Wrong = (), test: Wrong = (), *, kept: bool = True, **given: Any
    ) -> TrialRow:
        shares = {"val_accuracy": 1 - len(val) / 300, "test_accuracy": 1 - len(test) / 200}
        row = self.make_row(config, **({"num_test": 200} | shares | given))
        self.ledger.commit(row)
        if kept:
            predicted = LABELS._replace(val=wrong(LABELS.val, val), test=wrong(LABELS.test, test))
            predictions.write(self.path, row.trial_id, predicted)
            predictions.write_labels(self.path, predictions.data_id(row.config), LABELS)
        return row


def wrong(labels: Any, places: Wrong) -> Any:
    changed = labels.copy()
    changed[list(places)] = (changed[list(places)] + 1) % 10
    return changed


@pytest.fixture
def results(tmp_path: Path, make_row: MakeRow) -> Folder:
    return Folder(tmp_path / "results", make_row)


def shown(comparison: Comparison, width: int = 120) -> str:
    out = io.StringIO()
    show(comparison, Console(file=out, width=width))
    return out.getvalue()


A, B = TrialConfig(num_steps=7), TrialConfig(num_steps=8)


def test_two_trials_are_compared_image_by_image(results: Folder) -> None:
    a = results.add(A, val=[1, 2, 3], test=[5])
    b = results.add(B, val=[3, 10, 11, 12, 13, 14, 15, 16, 17], test=[5])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert (found.a, found.b, found.seeds, found.method) == (a.trial_id, b.trial_id, ((0, 0),), BY_IMAGES)
    assert found.val.only_a == (10, 11, 12, 13, 14, 15, 16, 17)
    assert found.val.only_b == (1, 2)
    assert found.val.difference.mean == pytest.approx(6 / 300)
    assert found.val.mcnemar == (found.val.difference.p,)
    assert found.val.difference.p == pytest.approx(0.109375)  # 2 of 10, two sides: 112 / 1024
    assert (found.test.only_a, found.test.only_b, found.test.difference.p) == ((), (), 1)
    assert ONE_SEED in found.notes


def test_a_real_difference_is_said_with_the_better_one_first(results: Folder) -> None:
    a, b = results.add(A, val=range(40), test=range(30)), results.add(B, val=range(5))
    found = compare(results.path, a.trial_id, b.trial_id)
    assert found.val.shown
    low, high = newcombe_interval(Counts(both=260, only_a=35, only_b=0, neither=5))
    assert found.sentence.startswith(
        f"{b.trial_id} is better than {a.trial_id}: +11.67 points "
        f"(95% interval {100 * low:.2f} to {100 * high:.2f}, p < 0.0001) on validation, +15.00 points"
    )
    turned = compare(results.path, b.trial_id, a.trial_id)
    assert turned.sentence == found.sentence
    assert turned.val.difference == pytest.approx(found.val.difference.turned())


def test_no_difference_is_said_with_what_would_show_one(results: Folder) -> None:
    a, b = results.add(A, val=[1, 2, 3, 4]), results.add(B, val=[5, 6])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert not found.val.shown
    assert found.sentence.startswith(f"No difference shown between {a.trial_id} and {b.trial_id}: -0.67 points")
    needed = found.val.difference.images
    assert needed is not None
    assert needed > 300
    assert f"about {needed:,} validation images would be needed." in found.sentence


def test_equal_trials_need_nothing(results: Folder) -> None:
    a, b = results.add(A, val=[1]), results.add(B, val=[1])
    found = compare(results.path, a.trial_id, b.trial_id)
    assert "No difference shown" in found.sentence
    assert "needed" not in found.sentence
    assert found.val.difference.low < 0 < found.val.difference.high


def test_configs_are_compared_over_seeds_and_images(results: Folder) -> None:
    for seed in range(4):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=[0, 50 + seed])
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=[0, *range(10, 35), 100 + seed])
    found = compare(results.path, a.config_id, b.config_id)
    assert (found.a, found.seeds) == (a.config_id, ((0, 0), (1, 1), (2, 2), (3, 3)))
    assert (found.method, found.notes) == (BY_BOTH, ())
    assert found.val.only_a == tuple(range(10, 35))
    assert found.val.only_b == ()
    assert len(found.val.mcnemar) == 4
    assert found.val.shown
    assert found.val.accuracy_a - found.val.accuracy_b == pytest.approx(found.val.difference.mean) == 25 / 300


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
    assert (found.seeds, found.method) == (((0, 0),), BY_IMAGES)


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
    assert (found.method, found.val.num_images, found.val.only_a) == (BY_SEEDS, None, ())
    assert NOT_KEPT in found.notes
    assert found.val.shown
    assert found.val.difference.mean == pytest.approx(30 / 300)


def test_without_predictions_other_images_are_said(results: Folder) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(seed=seed), val=range(seed + 1), kept=False)
        b = results.add(TrialConfig(data=Digits(val_size=299), seed=seed), val=range(30 + 2 * seed), kept=False)
    assert "differ in data.val_size" in " ".join(compare(results.path, a.config_id, b.config_id).notes)


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
    with refused(LedgerError, a.config_id, b.config_id, "share no seed", "single trials"):
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


def test_what_is_shown_holds_the_figures_the_conclusion_and_the_images(results: Folder) -> None:
    for seed in range(3):
        a = results.add(TrialConfig(num_steps=7, seed=seed), val=[0, 1 + seed])
        b = results.add(TrialConfig(num_steps=8, seed=seed), val=range(100, 130), test=[7])
    found = compare(results.path, a.config_id, b.config_id)
    seen = shown(found)
    assert found.sentence in seen
    assert found.method in seen
    assert "99.33%" in seen
    assert "seed 0 p < 0.0001, seed 1 p < 0.0001, seed 2 p < 0.0001" in seen
    assert f"validation images that only {a.config_id} has right (30): 100, 101" in seen
    assert "10 more" in seen
    assert f"validation images that only {b.config_id} has right (1): 0" in seen
    assert f"test images that only {a.config_id} has right (1): 7" in seen


def test_ids_are_never_cut(results: Folder) -> None:
    a, b = results.add(A, val=[1]), results.add(B, val=[2])
    lines = shown(compare(results.path, a.trial_id, b.trial_id), width=50).splitlines()
    assert lines[1].startswith(f"{a.trial_id} ")
    assert lines[2].startswith(f"{b.trial_id} ")
