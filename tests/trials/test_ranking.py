"""Laws of the ranking: it is the selection's, and the median seed stands for its config."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep import select
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.ranking import by_config, selected_first
from mnist_sweep.trials.row import Status, TrialRow


def row(config: str, seed: int, val_accuracy: float | None, **options: Any) -> TrialRow:
    given: dict[str, Any] = {"status": Status.OK, "val_loss": 1.0, "test_accuracy": 0.5, "num_test": 40}
    flat = to_flat(TrialConfig(seed=seed))
    names = {"trial_id": f"{config}-{seed}", "config_id": config, "config": flat}
    return TrialRow(**(names | given | {"val_accuracy": val_accuracy} | options))


def test_a_config_is_ranked_by_its_mean_and_represented_by_its_median_seed() -> None:
    lucky = [row("a", seed, accuracy) for seed, accuracy in enumerate((0.95, 0.8, 0.7))]
    steady = [row("b", seed, accuracy) for seed, accuracy in enumerate((0.84, 0.85, 0.86))]
    first, second = selected_first(by_config([*lucky, *steady]).values())
    assert first.val == pytest.approx(0.85)
    assert (first.config_id, first.test) == ("b", 0.5)
    assert (first.median_seed.trial_id, second.median_seed.trial_id) == ("b-1", "a-1")


def test_a_config_that_a_race_has_dropped_comes_last_whatever_its_mean() -> None:
    dropped, steady, single = [row("a", 0, 0.9), row("a", 1, 0.9)], [row("b", 0, 0.8), row("b", 1, 0.8)], row("c", 0, 1)
    results = by_config([*dropped, *steady, single]).values()
    assert [one.config_id for one in selected_first(results, {"a"})] == ["b", "c", "a"]


def test_values_of_any_size_are_ranked_and_those_that_differ_by_rounding_are_equal() -> None:
    lower = {"objective": {"name": "distance", "direction": "minimize", "unit": "m"}, "test_objective": 1.0}
    rows = [row(name, 0, 0.5, val_objective=value, **lower) for name, value in (("a", 3e-15), ("b", 2e-15), ("c", 1.0))]
    assert [one.config_id for one in selected_first(by_config(rows).values())] == ["b", "a", "c"]
    assert select(trials_frame(rows)).config_id == "b"
    alike = [row("b", seed, value, val_loss=0.1) for seed, value in enumerate((0.1, 0.2, 0.3))]
    results = by_config([*alike, *(row("a", seed, 0.2, val_loss=0.1) for seed in range(3))]).values()
    assert [one.config_id for one in selected_first(results)] == ["a", "b"]


def test_losses_whose_sum_overflows_have_a_mean() -> None:
    (one,) = by_config([row("a", seed, 0.9, val_loss=1.5e308) for seed in range(3)]).values()
    assert one.val_loss == pytest.approx(1.5e308)


def test_of_two_seeds_in_the_middle_the_lower_is_the_median() -> None:
    result = by_config([row("a", seed, accuracy) for seed, accuracy in enumerate((0.9, 0.8, 0.7, 0.6))])["a"]
    assert result.median_seed.trial_id == "a-2"


def test_the_nearest_of_some_trials_stands_in_for_the_median_seed() -> None:
    result = by_config([row("a", seed, accuracy) for seed, accuracy in enumerate((0.9, 0.8, 0.7))])["a"]
    for trial_ids, nearest in (({"a-0", "a-1"}, "a-1"), ({"a-0", "b-1"}, "a-0")):
        found = result.nearest_to_median(trial_ids)
        assert found is not None
        assert found.trial_id == nearest
    assert result.nearest_to_median({"b-0"}) is None


def test_trials_without_success_count_for_nothing() -> None:
    rows = [row("a", 0, None, status=Status.FAILED), row("b", 0, 0.9, status=Status.STOPPED), row("c", 0, None)]
    assert by_config(rows) == {}
    assert selected_first([]) == []


ACCURACIES = st.integers(0, 6).map(lambda number: number / 6)
CONFIGS = st.lists(st.lists(st.tuples(ACCURACIES, st.sampled_from((0.5, 1.0))), min_size=1, max_size=4), min_size=1)
Configs = list[list[tuple[float, float]]]


def is_selected(configs: Configs) -> bool:
    """Return whether the first config of a sweep, given accuracies and losses of its seeds, is the selected one."""
    rows = [
        row(f"{number:012}", seed, accuracy, val_loss=loss)
        for number, seeds in enumerate(configs)
        for seed, (accuracy, loss) in enumerate(seeds)
    ]
    return selected_first(by_config(rows).values())[0].config_id == select(trials_frame(rows)).config_id


@pytest.mark.parametrize(
    "configs",
    [
        [
            [(0.1, 1.0), (0.2, 1.0), (0.3, 1.0)],
            [(0.3, 1.0), (0.2, 1.0), (0.1, 1.0)],
            [(0.2, 0.5)],
        ],  # equal but for rounding
        [[(0.9, 1.0)], [(0.5, 1.0), (0.4, 1.0)], [(0.3, 1.0), (0.2, 1.0)]],  # one lucky seed
    ],
)
def test_the_first_is_the_one_that_select_selects(configs: Configs) -> None:
    assert is_selected(configs)


@pytest.mark.slow
@settings(deadline=None)
@given(CONFIGS)
def test_the_first_of_any_sweep_is_the_one_that_select_selects(configs: Configs) -> None:
    assert is_selected(configs)
