"""When a search is asked for trials; what comes of it with Ray is in test_ray_tune."""

import pytest
from ray.tune.search import Searcher

from mnist_sweep import TrialConfig
from mnist_sweep.runners.ray import trial_source
from mnist_sweep.runners.ray.trial_source import ProposalSource


def test_one_more_trial_is_asked_for_than_fits_and_a_node_that_joins_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial_source, "SECONDS_BETWEEN_COUNTS", 0.0)
    fitting = [2]
    asking = ProposalSource(TrialConfig, lambda trial: {"trial": trial.seed}, lambda: fitting[0])
    names = iter("abcdefghij")
    asked = [asking.suggest(next(names)) for _ in range(5)]
    assert [answer is not None for answer in asked] == [True, True, True, False, False]
    fitting[0] = 3
    assert asking.suggest("joined") is not None
    assert asking.suggest("waits") is None
    asking.on_trial_complete("a")
    assert asking.suggest("next") is not None


def test_a_search_that_proposes_nothing_while_nothing_runs_has_ended() -> None:
    assert ProposalSource(lambda: None, lambda _: {}, lambda: 2).suggest("a") == Searcher.FINISHED
