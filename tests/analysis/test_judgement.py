"""Laws of the judgement on two configs: what is better, equivalent or undecided, and what would decide it."""

import math
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep import MNIST, TrialConfig, config_id, verdict
from mnist_sweep.analysis import judgement
from mnist_sweep.analysis.comparison_wording import WITHIN
from mnist_sweep.analysis.judgement import margin_of
from mnist_sweep.errors import ConfigError, IncomparableError, LedgerError
from mnist_sweep.results import predictions
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import ACCURACY, Measure
from tests.analysis.folders import Folder
from tests.conftest import MakeRow, Refused


@pytest.fixture
def results(tmp_path: Path, make_row: MakeRow) -> Folder:
    return Folder(tmp_path / "results", make_row)


def trial(steps: int, seed: int = 0) -> TrialConfig:
    return TrialConfig(num_steps=steps, seed=seed)


def add_seeds(results: Folder, num: int, *, a: int, b: int, kept: bool = True) -> tuple[str, str]:
    """Add two configs that are wrong about `a` and `b` images, more with some seeds; return their ids."""
    for seed in range(num):
        one = results.add(trial(7, seed), val=range(a + seed % 2), kept=kept)
        other = results.add(trial(8, seed), val=range(b + seed % 3), kept=kept)
    return one.config_id, other.config_id


def test_a_significant_difference_names_the_better_one_in_either_order(results: Folder) -> None:
    a, b = add_seeds(results, 4, a=10, b=50)
    found, turned = verdict(results.path, a, b), verdict(results.path, b, a)
    assert (found.outcome, found.better, found.scope, found.num_seeds) == ("better", a, "new images", 4)
    assert (turned.outcome, turned.better) == ("better", a)
    assert found.new_images is not None
    assert found.these_images is not None
    assert found.new_images.low > 0 < found.these_images.low
    assert (found.reason, found.seeds_needed, found.images_needed) == ("", None, None)
    assert str(found).startswith(f"{a} (num_steps=7) is significantly better than {b} (num_steps=8) for new images: ")
    assert repr(found) == f"<Verdict on {a} and {b}: better, {a}>"


@pytest.mark.parametrize("kept", [True, False])
def test_configs_of_two_folders_are_judged_as_those_of_one(tmp_path: Path, make_row: MakeRow, kept: bool) -> None:
    both, first, second = (Folder(tmp_path / name, make_row) for name in ("both", "first", "second"))
    a, b = add_seeds(both, 4, a=10, b=12, kept=kept)
    add_seeds(first, 4, a=10, b=0, kept=kept)
    add_seeds(second, 4, a=0, b=12, kept=kept)
    assert verdict(first.path, a, b, other=second.path) == verdict(both.path, a, b)


def test_configs_of_two_folders_with_other_images_are_not_judged(tmp_path: Path, make_row: MakeRow) -> None:
    first, second = (Folder(tmp_path / name, make_row) for name in ("first", "second"))
    a, b = (add_seeds(folder, 3, a=0, b=0)[place] for place, folder in enumerate((first, second)))
    row = next(iter(second.ledger.rows().values()))
    path = predictions.path_of(second.path, f"labels-{predictions.data_id(row.config)}")
    path.unlink()
    other = predictions.read_labels(first.path, predictions.data_id(row.config))
    predictions.write_labels(second.path, predictions.data_id(row.config), other._replace(val=other.val[::-1]))
    found = verdict(first.path, a, b, other=second.path)
    assert (found.outcome, "were evaluated on different images" in found.reason) == ("undecided", True)


def test_equivalence_is_shown_and_not_only_the_absence_of_a_difference(results: Folder) -> None:
    a, b = add_seeds(results, 6, a=10, b=10, kept=False)
    wide, narrow = verdict(results.path, a, b, within=0.02), verdict(results.path, a, b, within=0.001)
    assert (wide.outcome, wide.scope, wide.better, wide.new_images) == ("equivalent", "these images", None, None)
    assert (narrow.outcome, narrow.reason) == ("undecided", "the interval holds 0 and reaches beyond 0.10 points")
    assert wide.these_images == narrow.these_images
    assert narrow.seeds_needed is not None
    assert narrow.seeds_needed > 6
    assert f"About {narrow.seeds_needed:,} seeds would decide it." in narrow.sentence


def test_as_many_seeds_as_are_needed_decide(results: Folder) -> None:
    add_seeds(results, 4, a=10, b=10, kept=False)
    a, b = (results.make_row(trial(steps)).config_id for steps in (7, 8))
    needed = verdict(results.path, a, b, within=0.004).seeds_needed
    assert needed is not None
    add_seeds(results, 2 * needed, a=10, b=10, kept=False)
    assert verdict(results.path, a, b, within=0.004).outcome != "undecided"


def test_where_seeds_cannot_decide_images_can(results: Folder) -> None:
    for seed in range(5):
        a, b = results.add(trial(7, seed), val=[1, 2, 3]), results.add(trial(8, seed), val=[7, 8])
    found = verdict(results.path, a.config_id, b.config_id)
    assert (found.outcome, found.seeds_needed) == ("undecided", None)
    assert found.images_needed is not None
    assert found.images_needed > 300


def test_two_seeds_are_too_few_whatever_they_show(results: Folder) -> None:
    a, b = add_seeds(results, 2, a=10, b=90)
    found = verdict(results.path, a, b)
    assert (found.outcome, found.num_seeds, found.seeds_needed) == ("undecided", 2, 3)
    assert "two seeds" in found.reason
    assert found.new_images is not None
    assert (found.images_needed, found.sentence.endswith("About 3 seeds would decide it.")) == (None, True)


@pytest.mark.parametrize("kept", [True, False])
def test_one_seed_decides_nothing_about_configs(results: Folder, kept: bool) -> None:
    a, b = results.add(trial(7), val=range(90), kept=kept), results.add(trial(8), kept=kept)
    found = verdict(results.path, a.config_id, b.config_id)
    assert (found.outcome, found.num_seeds, found.seeds_needed, found.scope) == ("undecided", 1, 3, None)
    assert (found.these_images, found.new_images) == (None, None)
    assert "one seed" in str(found)


def test_two_trained_models_are_judged_by_their_images(results: Folder) -> None:
    a, b = results.add(trial(7), val=range(90)), results.add(trial(8), val=range(10))
    found = verdict(results.path, a.trial_id, b.trial_id)
    assert (found.outcome, found.better, found.scope, found.these_images) == ("better", b.trial_id, "new images", None)
    near = results.add(trial(9), val=range(11))
    found = verdict(results.path, b.trial_id, near.trial_id)
    assert (found.outcome, found.seeds_needed) == ("undecided", None)
    assert found.images_needed is not None
    assert verdict(results.path, b.trial_id, near.trial_id, within=0.1).outcome == "equivalent"


def test_undecided_by_the_p_value_alone_does_not_claim_that_the_interval_holds_0(results: Folder) -> None:
    a, b = results.add(trial(7), val=range(5)), results.add(trial(8))
    found = verdict(results.path, a.trial_id, b.trial_id)
    assert found.new_images is not None
    assert found.new_images.high < 0
    assert found.reason == "it is not significant, and the interval reaches beyond 0.50 points"


def test_images_needed_are_more_than_there_are(results: Folder) -> None:
    ids = [results.add(trial(steps), val=val).trial_id for steps, val in ((7, range(10)), (8, range(4, 10)))]
    seen = verdict(results.path, *ids, within=0.1).new_images
    assert seen is not None
    found = verdict(results.path, *ids, within=0.99 * max(-seen.low, seen.high))
    assert (found.outcome, found.images_needed) == ("undecided", 301)


def test_without_variance_over_seeds_only_more_seeds_are_asked_for(results: Folder) -> None:
    for seed in range(3):
        a, b = (results.add(trial(steps, seed), val=range(steps), kept=False) for steps in (7, 8))
    assert verdict(results.path, a.config_id, b.config_id).sentence.endswith("It takes more seeds.")


def test_rows_that_cannot_be_compared_leave_it_undecided(results: Folder) -> None:
    good = results.add(trial(7, 1))
    failed = results.add(trial(8), status=Status.FAILED, error="no luck", val_accuracy=None, test_accuracy=None)
    other = results.add(TrialConfig(num_steps=9, data=MNIST(), seed=1), kept=False)
    unkept, apart = results.add(trial(10), kept=False), [results.add(trial(11, seed)) for seed in (5, 6)]
    reasons = {
        failed.config_id: "no luck",
        other.trial_id: "different data sets",
        unkept.trial_id: "not kept",
        apart[0].config_id: "share no seed",
    }
    for name, reason in reasons.items():
        found = verdict(results.path, good.trial_id if "-" in name else good.config_id, name, within=0.02)
        assert (found.outcome, found.better, found.num_seeds, found.within) == ("undecided", None, 0, 0.02)
        assert reason in found.reason, name
    for within in (0, -0.01, math.nan, math.inf):
        with pytest.raises(ConfigError, match="0 < within"):
            verdict(results.path, good.config_id, failed.config_id, within=within)
    with pytest.raises(ConfigError, match="`within is a number` must hold, but got within='1'"):
        verdict(results.path, good.config_id, failed.config_id, within="1")  # type: ignore[arg-type]


def test_seeds_that_differ_by_one_amount_leave_no_test(results: Folder) -> None:
    for seed in range(4):
        a = results.add(trial(7, seed), val=range(seed), kept=False)
        b = results.add(trial(8, seed), val=range(seed + 30), kept=False)
    found = verdict(results.path, a.config_id, b.config_id)
    assert (found.outcome, found.seeds_needed) == ("undecided", None)
    assert "no variance" in found.reason


def wrong(results: Folder) -> dict[str, tuple[str, str]]:
    a, b = add_seeds(results, 3, a=1, b=2)
    return {
        "unknown": (a, "ffffffffffff"),
        "of no seed": (a, f"{b}-9"),
        "too short": (a, b[:3]),
        "empty": ("", b),
        "the same": (a, a),
        "the same, as a prefix": (a, a[:6]),
        "a config and its own trial": (a, f"{a}-0"),
        "the same trial": (f"{a}-1", f"{a}-1"),
        "a path": ("../rows", b),
        "a pattern": (f"{a[:6]}*", b),
        "upper case": (a.upper(), b),
        "seed in words": (f"{a}-one", b),
    }


@pytest.mark.parametrize("case", range(12))
def test_a_wrong_name_is_refused(results: Folder, refused: Refused, case: int) -> None:
    a, b = list(wrong(results).values())[case]
    with refused(LedgerError, *(name for name in (a, b) if len(name) > 40)):
        verdict(results.path, a, b)


def test_an_ambiguous_prefix_is_refused(results: Folder) -> None:
    seen: dict[str, TrialConfig] = {}
    trials = (trial(steps) for steps in range(1, 5000))
    one, other = next((seen[key], new) for new in trials if seen.setdefault(key := config_id(new)[:4], new) is not new)
    results.add(one)
    last = results.add(other)
    with pytest.raises(LedgerError, match="is the prefix of several ids"):
        verdict(results.path, last.config_id[:4], last.config_id)


def test_shares_have_a_default_margin_and_may_be_given_in_points() -> None:
    assert margin_of(None, ACCURACY) == WITHIN
    assert margin_of(1, ACCURACY, in_points=True) == margin_of(0.01, ACCURACY)
    assert margin_of(2.5, Measure("rmse", "minimize", "px")) == 2.5


@pytest.mark.parametrize("within", [0, -0.01, 0.5, 1, math.nan, math.inf])
def test_a_margin_that_is_none_or_no_share_is_refused(results: Folder, within: float) -> None:
    a, b = add_seeds(results, 3, a=1, b=2)
    with pytest.raises(ConfigError, match=r"0 < within <= 0\.1"):
        verdict(results.path, a, b, within=within)


def test_no_rows_and_damaged_files_are_refused(results: Folder, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="holds no rows"):
        verdict(tmp_path / "none", "aaaa", "bbbb")
    a, b = add_seeds(results, 3, a=1, b=2)
    predictions.path_of(results.path, f"{a}-0").write_bytes(b"no archive")
    with pytest.raises(LedgerError, match="damaged") as raised:
        verdict(results.path, a, b)
    assert not isinstance(raised.value, IncomparableError)


@pytest.mark.slow
def test_equal_configs_are_rarely_called_better(results: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = add_seeds(results, 3, a=1, b=1)
    draw, num = np.random.default_rng(0), 300
    called = 0
    for _ in range(num):
        easy = draw.normal(1.8, 1, 300)
        of_config, of_seed = draw.normal(0, 0.5, (1, 2, 300)), draw.normal(0, 0.1, (3, 2, 1))
        right = easy + of_config + of_seed + draw.normal(0, 0.5, (3, 2, 300)) > 0
        sides = [predictions.ImageValues(right[:, side], right[:, side, :200]) for side in (0, 1)]
        monkeypatch.setattr(predictions, "paired_values", lambda _, sides=sides: sides)
        called += judgement.verdict(results.path, a, b).outcome == "better"
    assert called / num <= 0.08
