"""Laws of parallel coordinates: every trial is a line, and what the best share is found."""

import pytest

from mnist_sweep import CNN, Adam, Momentum, TrialConfig, grid, repeat
from mnist_sweep.reports.blocks import Plot
from mnist_sweep.reports.sections import parallel_coordinates
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of


def test_each_trial_is_a_line_through_its_settings(make_row: MakeRow, make_results: MakeResults) -> None:
    configs = grid(TrialConfig(), {"model": [CNN(), CNN(dropout=0.5)], "optimizer": [Adam(), Momentum()]})
    rows = [make_row(config, val_accuracy=0.9 + index / 100) for index, config in enumerate(configs)]
    section = parallel_coordinates.section(make_results(rows))
    (plot,) = blocks_of(section, Plot)
    lengths = [len(trace.x) for trace in plot.figure.data]
    assert sum(lengths) == 4 * (2 + 1 + 1)
    assert {trace.name for trace in plot.figure.data} == {"top 10%", "top half", "bottom half"}


def test_shared_setting_of_the_best_is_found(make_row: MakeRow, make_results: MakeResults) -> None:
    configs = repeat(grid(TrialConfig(), {"optimizer": [Adam(), Momentum()], "batch_size": [10, 20]}), seeds=10)
    good = [isinstance(config.optimizer, Momentum) for config in configs]
    rows = [make_row(config, val_accuracy=0.8 + 0.1 * of) for config, of in zip(configs, good, strict=True)]
    section = parallel_coordinates.section(make_results(rows))
    assert section is not None
    assert "4 have optimizer=momentum (50% of all trials)" in section.finding


@pytest.mark.parametrize("varying", [[0.0], [0.0, 0.5]])
def test_one_trial_or_one_setting_has_no_section(
    make_row: MakeRow, make_results: MakeResults, varying: list[float]
) -> None:
    rows = [make_row(TrialConfig(model=CNN(dropout=dropout))) for dropout in varying[:1]]
    rows += [make_row(TrialConfig(seed=seed)) for seed in range(1, len(varying))]
    assert parallel_coordinates.section(make_results(rows)) is None
