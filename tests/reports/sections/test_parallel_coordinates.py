"""Laws of parallel coordinates: every trial is a line, what the best share is found, and no tick covers another."""

import itertools
from collections.abc import Sequence

import pytest

from mnist_sweep import CNN, Adam, Momentum, TrialConfig, grid, repeat
from mnist_sweep.reports.blocks import Plot
from mnist_sweep.reports.sections import parallel_coordinates
from mnist_sweep.reports.sections.parallel_coordinates import (
    MIN_GAP,
    MISSING,
    hyperparameter_axis,
    value_axis,
)
from mnist_sweep.trials.value_format import ACCURACY, Measure
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of

LOSS = Measure("log_loss", "minimize", "nats")


def test_each_trial_is_a_line_through_its_settings(make_row: MakeRow, make_results: MakeResults) -> None:
    axes = {"model": [CNN(), CNN(dropout=0.5)], "optimizer": [Adam(), Momentum()]}
    configs = repeat(grid(TrialConfig(), axes), seeds=5)
    rows = [make_row(config, val_accuracy=0.9 + index / 1000) for index, config in enumerate(configs)]
    section = parallel_coordinates.section(make_results(rows))
    (plot,) = blocks_of(section, Plot)
    lengths = [len(trace.x) for trace in plot.figure.data]
    assert sum(lengths) == 20 * (2 + 1 + 1)
    assert {trace.name for trace in plot.figure.data} == {"top 10%", "top half", "bottom half"}


def test_shared_setting_of_the_best_is_found(make_row: MakeRow, make_results: MakeResults) -> None:
    configs = repeat(grid(TrialConfig(), {"optimizer": [Adam(), Momentum()], "batch_size": [10, 20]}), seeds=10)
    good = [isinstance(config.optimizer, Momentum) for config in configs]
    rows = [make_row(config, val_accuracy=0.8 + 0.1 * of) for config, of in zip(configs, good, strict=True)]
    section = parallel_coordinates.section(make_results(rows))
    assert section is not None
    assert "4 have optimizer=momentum (50% of all trials)" in section.finding


@pytest.mark.parametrize(("num_sizes", "num_seeds"), [(14, 1), (1, 20)])
def test_one_best_trial_or_one_setting_has_no_section(
    make_row: MakeRow, make_results: MakeResults, num_sizes: int, num_seeds: int
) -> None:
    configs = repeat([TrialConfig(batch_size=size) for size in range(1, num_sizes + 1)], seeds=num_seeds)
    assert parallel_coordinates.section(make_results([*map(make_row, configs)])) is None


def test_many_numbers_lie_to_scale_and_widely_spread_ones_on_a_logarithmic_scale() -> None:
    even = hyperparameter_axis("x", "x", [float(number) for number in range(11)])
    assert [even.height(float(number)) for number in (0, 5, 10)] == [0, 0.5, 1]
    rates = hyperparameter_axis("x", "x", [10.0 ** (power / 4) for power in range(-16, 1)])
    assert rates.height(10.0**-2) == pytest.approx(0.5)
    assert max(len(text) for _, text in rates.ticks) <= len("0.00178")


@pytest.mark.parametrize("accuracies", [[0.1, 0.11, 0.101, 0.9], [0.8, *(0.9 + n / 10_000 for n in range(20)), 0.95]])
def test_no_tick_of_an_axis_covers_another_and_the_best_has_one(accuracies: Sequence[float]) -> None:
    heights = [height for height, _ in value_axis("val accuracy", accuracies, ACCURACY).ticks]
    assert heights[-1] == 1
    assert all(after - before >= MIN_GAP for before, after in itertools.pairwise(heights))


@pytest.mark.parametrize(
    ("values", "measure", "tick"),
    [([0.1, 0.87, 0.88, 0.9], ACCURACY, (0, "below 0.8200")), ([9.0, 2.0, 3.0], LOSS, (1, "above 6.0000"))],
)
def test_values_far_worse_than_the_rest_lie_at_the_end_of_the_axis(
    values: list[float], measure: Measure, tick: tuple[float, str]
) -> None:
    axis = value_axis("val", values, measure)
    assert axis.height(values[0]) == tick[0]
    assert tick in axis.ticks
    assert axis.height(values[1]) == pytest.approx(0.625 if measure is ACCURACY else 0)


def test_few_values_lie_evenly_in_their_order() -> None:
    axis = hyperparameter_axis("x", "x", [[16, 32], [8, 16], [100, 2]])
    assert [axis.height(given) for given in ([8, 16], [16, 32], [100, 2])] == [0, 0.5, 1]
    assert [text for _, text in axis.ticks] == ["8,16", "16,32", "100,2"]


def test_missing_setting_lies_below_all_others() -> None:
    axis = hyperparameter_axis("x", "x", [0.1, None, 0.2])
    assert axis.height(None) == MISSING < min(axis.height(0.1), axis.height(0.2))
    assert (MISSING, "none") in axis.ticks
