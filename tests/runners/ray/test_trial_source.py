"""When a search is asked for trials; a search on a real Ray is in test_tune."""

import pytest
from ray.tune.search import Searcher

from mnist_sweep import TrialConfig
from mnist_sweep.runners.ray import trial_source
from mnist_sweep.runners.ray.trial_source import ProposalSearcher


def test_one_more_trial_is_asked_for_than_fits_and_a_node_that_joins_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial_source, "SECONDS_BETWEEN_COUNTS", 0.0)
    capacity = [2]
    searcher = ProposalSearcher(TrialConfig, lambda trial: {"trial": trial.seed}, lambda: capacity[0])
    names = iter("abcdefghij")
    suggested = [searcher.suggest(next(names)) for _ in range(5)]
    assert [point is not None for point in suggested] == [True, True, True, False, False]
    capacity[0] = 3
    assert searcher.suggest("joined") is not None
    assert searcher.suggest("waits") is None
    searcher.on_trial_complete("a")
    assert searcher.suggest("next") is not None


def test_a_search_that_proposes_nothing_while_nothing_runs_has_ended() -> None:
    assert ProposalSearcher(lambda: None, lambda _: {}, lambda: 2).suggest("a") == Searcher.FINISHED


def test_a_search_that_proposes_nothing_while_a_trial_runs_waits_for_its_row() -> None:
    trials = iter([TrialConfig()])
    searcher = ProposalSearcher(lambda: next(trials, None), lambda _: {}, lambda: 2)
    assert searcher.suggest("a") == {}
    assert searcher.suggest("b") is None
    searcher.on_trial_complete("a")
    assert searcher.suggest("c") == Searcher.FINISHED


def test_an_error_of_who_is_asked_is_kept() -> None:
    def refuse() -> TrialConfig:
        raise OSError("no space")

    searcher = ProposalSearcher(refuse, lambda _: {}, lambda: 2)
    with pytest.raises(OSError, match="no space") as raised:
        searcher.suggest("a")
    assert searcher.error is raised.value
