from typing import Any

from optuna.trial import TrialState

from mnist_sweep import Search, TrialConfig
from mnist_sweep.search.optuna_searcher import OptunaSearcher


def test_a_study_learns_accuracies_failures_and_points_of_earlier_runs() -> None:
    def space(trial: Any) -> None:
        if trial.suggest_categorical("precision", ["float32", "mixed_bfloat16"]) == "float32":
            trial.suggest_int("batch_size", 8, 64, log=True)

    searcher = OptunaSearcher(Search(base=TrialConfig(), space=space, num_trials=9))
    assert searcher.add({"precision": "float32", "batch_size": 16}, 0.25)
    assert searcher.add({"precision": "mixed_bfloat16"}, 0.75)
    asked = [searcher.suggest(name) for name in ("good", "bad")]
    searcher.complete("bad", None)
    searcher.complete("good", 0.5)
    states = [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL]
    assert [trial.state for trial in searcher._study.trials] == states
    assert [trial.params for trial in searcher._study.trials][2:] == asked
    assert searcher._study.best_params == {"precision": "mixed_bfloat16"}
