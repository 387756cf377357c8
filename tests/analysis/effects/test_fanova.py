"""Laws of the importance of hyperparameters: shares of variance are those that were planted."""

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.analysis.effects.effects_of_trials import effects
from tests.analysis.effects.planted import GRID, MakeTrials, by_name, optimizer_of


def test_shares_are_those_planted(make_trials: MakeTrials) -> None:
    def planted(config: TrialConfig) -> float:
        return 0.9 + 0.02 * (config.batch_size == 50) + 0.01 * (optimizer_of(config) != "adam")

    shares = {name: effect.share for name, effect in by_name(effects(make_trials(GRID, planted, noise=1e-4))).items()}
    by_hand = {"batch_size": 0.02**2 / 4, "optimizer": 0.01**2 * 2 / 9}
    for name, variance in by_hand.items():
        assert shares[name] == pytest.approx(variance / sum(by_hand.values()), abs=0.05)
    assert shares["model.dropout"] == pytest.approx(0, abs=0.01)
