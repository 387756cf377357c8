"""Laws of interactions: they have the p-values of the textbook, and planted ones are found."""

import itertools

import numpy as np
import pytest
from scipy import stats

from mnist_sweep import TrialConfig
from mnist_sweep.analysis.effects.design import design_of_trials
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.analysis.effects.interactions import fit_with_interactions
from tests.analysis.effects.planted import GRID, MakeTrials, optimizer_of


def test_interaction_has_the_p_of_the_textbook() -> None:
    # Two by three with two settings in a cell: Snedecor and Cochran's sums of squares, by hand.
    codes = np.array(list(itertools.product(range(2), range(3), range(2))))[:, :2]
    accuracy = np.random.default_rng(5).random(12)
    cells = accuracy.reshape(2, 3, 2)
    rows, columns = cells.mean(axis=(1, 2), keepdims=True), cells.mean(axis=(0, 2), keepdims=True)
    inside = cells.mean(axis=2, keepdims=True)
    together = 2 * ((inside - rows - columns + cells.mean()) ** 2).sum() / 2
    expected = stats.f.sf(together / (((cells - inside) ** 2).sum() / 6), 2, 6)
    _, (pair,) = fit_with_interactions(design_of_trials(accuracy, codes, np.arange(12), np.zeros(12, int)))
    assert pair.pvalue == pytest.approx(expected, rel=1e-9)


def test_planted_interaction_is_found_and_no_other(make_trials: MakeTrials) -> None:
    def planted(config: TrialConfig) -> float:
        return 0.95 + (0.01 if optimizer_of(config) == "adam" else -0.01) * (1 if config.batch_size == 50 else -1)

    found = effects(make_trials(GRID, planted))
    shown = [pair for pair in found.interactions if pair.significant]
    assert [set(pair.names) for pair in shown] == [{"optimizer", "batch_size"}]
    assert shown[0].share == pytest.approx(0.75, abs=0.1)
    assert "the effect of one depends on the other" in shown[0].sentence
    assert len(found.interactions) == 5
