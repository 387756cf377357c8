from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from mnist_sweep import PBT, LogUniform, Search, TrialConfig, Uniform
from mnist_sweep.errors import ConfigError
from mnist_sweep.search.ask_and_tell import Proposals
from mnist_sweep.search.optuna_samplers import OptunaSearcher
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow, Refused

BOTH = ("accuracy", "parameters")
AXES = {"model.dropout": Uniform(low=0.0, high=0.9), "weight_decay": Uniform(low=0.0, high=1.0)}


def test_a_study_learns_accuracies_failures_and_points_of_earlier_runs() -> None:
    def space(trial: Any) -> None:
        if trial.suggest_categorical("precision", ["float32", "mixed_bfloat16"]) == "float32":
            trial.suggest_int("batch_size", 8, 64, log=True)

    searcher = OptunaSearcher(Search(base=TrialConfig(), space=space, num_trials=9))
    assert searcher.add({"precision": "float32", "batch_size": 16}, [0.25])
    assert searcher.add({"precision": "mixed_bfloat16"}, [0.75])
    asked = [searcher.suggest(name) for name in ("good", "bad")]
    searcher.complete("bad", None)
    searcher.complete("good", [0.5])
    states = [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL]
    assert [trial.state for trial in searcher._study.trials] == states
    assert [trial.params for trial in searcher._study.trials][2:] == asked
    assert searcher._study.best_params == {"precision": "mixed_bfloat16"}


@pytest.mark.parametrize("algorithm", ["tpe", optuna.samplers.NSGAIISampler(population_size=8, seed=0)])
def test_several_objectives_find_the_front(algorithm: Any, make_row: MakeRow) -> None:
    search = Search(base=TrialConfig(), axes=AXES, num_trials=60, algorithm=algorithm, objectives=BOTH)
    proposals = Proposals(search, ())
    searcher: Any = proposals._searcher
    study = searcher._study
    for number in range(60):
        trial: Any = proposals.ask()
        share = trial.model.dropout
        lost = {"status": Status.DIVERGED, "val_accuracy": None, "test_accuracy": None} if number % 10 == 9 else {}
        proposals.tell(
            make_row(
                trial, **{"val_accuracy": share**0.5 * (1 - trial.weight_decay), "parameters": int(1000 * share)} | lost
            )
        )
    front = study.best_trials
    assert [one.name for one in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    late = [one.params["weight_decay"] for one in study.trials[30:]]
    assert len(front) >= 4
    assert sum(late) / 30 < 0.45
    assert proposals.warning is None
    again = Proposals(search, [])
    rows = [make_row(TrialConfig(), val_accuracy=0.5, parameters=None)]
    again.tell(rows[0])
    assert again.warning == "rows without parameters teach the search nothing: return that from `train`"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objectives": ("accuracy",)}, "several objectives are accuracy, by which the trials are judged, and then"),
        ({"objectives": ("parameters", "accuracy")}, "several objectives are accuracy, by which the trials are judged"),
        (
            {"objectives": ("accuracy", "size")},
            "some of parameters, latency, seconds_total, seconds_train, ",
        ),
        ({"objectives": ("accuracy", "parameters", "parameters")}, "but got objectives="),
        ({"objectives": "accuracy"}, "objectives"),
        ({"objectives": BOTH, "algorithm": PBT(population=3)}, "several objectives need 'tpe' or a sampler of Optuna"),
    ],
)
def test_what_are_no_several_objectives_is_refused(given: dict[str, Any], message: str, refused: Refused) -> None:
    axes = {"optimizer.learning_rate": LogUniform(low=1e-4, high=1.0)}
    base = TrialConfig(num_steps=10, evaluate_every=5)
    with refused(ConfigError, message):
        Search(base=base, axes=axes, num_trials=3, **given)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_for_one_objective_is_refused_before_it_suggests(
    refused: Refused,
) -> None:
    sampler = optuna.samplers.CmaEsSampler()
    search = Search(base=TrialConfig(), axes=AXES, num_trials=3, algorithm=sampler, objectives=BOTH)
    with refused(ConfigError, "CmaEsSampler takes one objective only: use 'tpe' or Optuna's NSGAIISampler."):
        OptunaSearcher(search)
