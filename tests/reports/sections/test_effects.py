"""Laws of effects: every hyperparameter has its plot, and the strongest are named."""

from pathlib import Path

import pytest

from mnist_sweep import CNN, TrialConfig, grid
from mnist_sweep.reports.blocks import Plot, Table
from mnist_sweep.reports.report_data import read_results
from mnist_sweep.reports.sections import effects
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, MakeSweep, blocks_of

pytestmark = pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental")  # of Optuna


def test_every_hyperparameter_has_its_plot_and_the_strongest_is_said_first(
    make_sweep: MakeSweep, tmp_path: Path
) -> None:
    section = effects.section(read_results(make_sweep(tmp_path, 192, num_evaluations=2)))
    assert section is not None
    assert section.finding.startswith("learning_rate of ")
    assert "belongs to a part (… of …)" in str(section.blocks[0])
    titles = " ".join(plot.title for plot in blocks_of(section, Plot))
    assert [name for name in ("learning_rate", "dropout", "batch_size", "optimizer") if name not in titles] == []
    table, significant = section.blocks[0], set()
    assert isinstance(table, Table)
    for plot, row in zip(blocks_of(section, Plot), table.rows, strict=False):
        (trace,) = plot.figure.data
        if trace.error_y.value is not None:
            apart = max(trace.y) - min(trace.y) > 2 * trace.error_y.value
            assert (row[0], row[-1]) == (plot.title, "yes" if apart else "no")
            significant.add(apart)
    assert significant == {True, False}
    ranges = {tuple(plot.figure.layout.yaxis.range) for plot in blocks_of(section, Plot)}
    assert len(ranges) == 1


def test_settings_that_matter_only_together_are_said_to(make_row: MakeRow, make_results: MakeResults) -> None:
    configs = grid(TrialConfig(), {"batch_size": [20, 50], "num_steps": [100, 200], "seed": range(5)})
    even = [(config.batch_size == 20) == (config.num_steps == 100) for config in configs]
    accuracies = [0.9 + 0.05 * one + 0.001 * (number % 3) for number, one in enumerate(even)]
    rows = [make_row(config, val_accuracy=value) for config, value in zip(configs, accuracies, strict=True)]
    section = effects.section(make_results(rows))
    assert section is not None
    assert section.finding.startswith("num_steps: no significant effect between 100 and 200")
    assert "num_steps and batch_size interact: the effect of one depends on the other" in section.finding


def test_hyperparameters_beside_a_confounded_one_keep_their_means(make_row: MakeRow, make_results: MakeResults) -> None:
    together = [(10, 1), (20, 1), (30, 3)]  # 3 is only with 30
    configs = [
        TrialConfig(batch_size=size, num_steps=steps, seed=seed, model=CNN(dropout=rate))
        for size, steps in together
        for rate in (0.0, 0.5)
        for seed in range(3)
    ]
    rows = [make_row(one, val_accuracy=0.9 - one.seed / 100 - one.batch_size / 1000) for one in configs]
    section = effects.section(make_results(rows))
    assert section is not None
    assert "all means leave out 30, confounded with other hyperparameters" in section.finding
    of_dropout = next(plot for plot in blocks_of(section, Plot) if plot.title == "dropout")
    means = [0.9 - 0.01 - (0.010 + 0.020) / 2] * 2  # over seeds, and over 10 and 20
    assert [row[2] for row in of_dropout.table.rows] == pytest.approx(means)


def test_nothing_that_varies_has_no_effect(make_row: MakeRow, make_results: MakeResults) -> None:
    assert effects.section(make_results([make_row(TrialConfig(seed=seed)) for seed in range(2)])) is None
