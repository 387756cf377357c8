"""Laws of learning curves: the band is the quantiles, and no point is made up or lost."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.reports.blocks import Plot
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import learning_curves
from mnist_sweep.trials.row import Evaluation, TrialRow

MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]


def plots_of(section: Any) -> list[Plot]:
    return [block for block in section.blocks if isinstance(block, Plot)]


def row(make_row: MakeRow, seed: int, accuracies: Sequence[float | None], steps: int = 10) -> TrialRow:
    history = tuple(
        Evaluation(steps * (n + 1), 1.0, 0.5, None if value is None else 1.0, value, 0.1, 1.0)
        for n, value in enumerate(accuracies)
    )
    return make_row(TrialConfig(seed=seed), val_accuracy=accuracies[-1], history=history)


def test_band_is_the_quantiles_at_each_step(make_row: MakeRow) -> None:
    rows = [row(make_row, seed, [seed / 10, 0.5 + seed / 100]) for seed in range(11)]
    band = learning_curves.quantiles(rows)
    assert band["step"].tolist() == [10, 20]
    assert band["median"].tolist() == pytest.approx([0.5, 0.55])
    assert band["low"].tolist() == pytest.approx([0.1, 0.51])
    assert band["n"].tolist() == [11, 11]


def test_many_steps_are_put_together_and_none_is_lost(make_row: MakeRow) -> None:
    rows = [row(make_row, seed, [0.5] * 50, steps=7 + seed) for seed in range(10)]
    band = learning_curves.quantiles(rows)
    assert len(band) <= learning_curves.MAX_STEPS
    assert band["step"].iloc[-1] == 50 * 16
    assert band["n"].max() == 10


def test_points_that_show_training_alone_are_no_points(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([row(make_row, seed, [0.5, None, 0.6]) for seed in range(3)])
    section = learning_curves.section(results)
    assert section is not None
    assert [line[0] for line in plots_of(section)[0].table.rows] == [10, 30]


def test_whether_the_curves_still_rise_is_said(make_row: MakeRow, make_results: MakeResults) -> None:
    rising = [row(make_row, seed, [0.5, 0.6, 0.7]) for seed in range(3)]
    section = learning_curves.section(make_results([*rising, row(make_row, 9, [0.5, 0.9, 0.8])]))
    assert section is not None
    assert section.finding == (
        "The median seed of the selected config peaked at its last step, 30, so longer training may help. "
        "3 of 4 trials had their highest validation accuracy at the last evaluation."
    )
    falling = learning_curves.section(make_results([row(make_row, 9, [0.5, 0.9, 0.8])]))
    assert falling is not None
    assert "The best trial peaked at step 20, 10.00 points above" in falling.finding


def test_a_single_trial_is_no_crowd(make_row: MakeRow, make_results: MakeResults) -> None:
    section = learning_curves.section(make_results([row(make_row, 0, [0.5, 0.6, 0.7])]))
    assert section is not None
    assert section.finding == "The best trial peaked at its last step, 30, so longer training may help."
    assert plots_of(section)[0].finding == "Line: the best trial."


def test_half_of_the_trials_are_not_called_most(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [row(make_row, 0, [0.5, 0.6, 0.7]), row(make_row, 1, [0.5, 0.9, 0.8])]
    section = learning_curves.section(make_results(rows))
    assert section is not None
    assert "1 of 2 trials had their highest" in section.finding
    assert "so half had stopped improving" in section.finding


def test_single_points_are_no_curve(make_row: MakeRow, make_results: MakeResults) -> None:
    assert learning_curves.section(make_results([make_row()])) is None
