import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
from ray.tune.search import ConcurrencyLimiter, Repeater
from ray.tune.search.optuna import OptunaSearch

from mnist_sweep import Choice, GradientDescent, Integer, LogUniform, Momentum, Search, TrialConfig, Uniform
from mnist_sweep.errors import ConfigError
from mnist_sweep.search.optuna_samplers import OptunaSearcher
from mnist_sweep.search.tune_searcher import TuneSearcher
from tests.conftest import Refused

AXES: dict[str, Any] = {
    "optimizer": Choice((GradientDescent(), Momentum())),
    "optimizer.learning_rate": LogUniform(low=1e-4, high=1.0),
    "weight_decay": Uniform(low=0.0, high=0.3, step=0.1),
    "batch_size": Integer(low=10, high=90, step=20),
    "num_steps": Integer(low=1, high=1000, log=True),
}


def search(algorithm: Any) -> Search:
    return Search(base=TrialConfig(), axes=AXES, num_trials=9, algorithm=algorithm)


def test_a_searcher_suggests_the_values_of_all_kinds_of_axes_as_its_sampler_alone() -> None:
    sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=3)
    through_tune, alone = TuneSearcher(search(OptunaSearch(sampler=sampler))), OptunaSearcher(search(sampler))
    for name in map(str, range(12)):
        values = alone.suggest(name)
        assert values
        assert through_tune.suggest(name) == values
        assert search("tpe").trial(values)
        for searcher in (through_tune, alone):
            searcher.complete(name, [values["optimizer.learning_rate"]])
    assert values
    assert through_tune.add(values, [0.5])
    assert alone.add(values, [0.5])
    assert through_tune.suggest("next") == alone.suggest("next")


def test_a_limited_searcher_has_no_point_while_as_many_are_out() -> None:
    searcher = TuneSearcher(search(ConcurrencyLimiter(OptunaSearch(), max_concurrent=1)))
    assert searcher.suggest("first")
    assert searcher.suggest("second") is None
    searcher.complete("first", [0.5])
    assert searcher.suggest("second")


def test_a_searcher_with_a_space_of_its_own_is_refused(refused: Refused) -> None:
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    with refused(ConfigError, "OptunaSearch", "neither a space nor a metric"):
        TuneSearcher(search(OptunaSearch(space, metric="x", mode="max")))


def test_a_repeater_is_refused_also_within_a_limiter(refused: Refused) -> None:
    repeater = Repeater(OptunaSearch(), repeat=2, set_index=False)
    for algorithm in (repeater, ConcurrencyLimiter(repeater, max_concurrent=2)):
        with refused(ConfigError, "a trial that is repeated has the same row", "--seeds"):
            TuneSearcher(search(algorithm))


class TuneBOHB(OptunaSearch):  # type: ignore[misc]  # Ray brings no types
    """Stands in for Tune's, whose packages are not among those of the tests, and which learns from results only."""

    def on_trial_result(self, trial_id: str, result: Any) -> None:
        assert result["hyperband_info"]["budget"]
        super().on_trial_complete(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None: ...


def test_a_searcher_that_learns_from_results_only_gets_them() -> None:
    sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=3)
    limited = ConcurrencyLimiter(TuneBOHB(sampler=sampler), max_concurrent=1)
    bohb, alone = TuneSearcher(search(limited)), TuneSearcher(search(OptunaSearch(sampler=sampler)))
    for name in map(str, range(6)):
        assert bohb.suggest(name) == alone.suggest(name)
        for searcher in (bohb, alone):
            searcher.complete(name, [int(name) / 10])


def test_an_optimisation_that_ray_tune_does_not_survive_is_refused(tmp_path: Path) -> None:
    code = """
from mnist_sweep import *
from mnist_sweep.errors import ConfigError
class Searcher:
    suggest = on_trial_complete = set_search_properties = print
axes = {"batch_size": Integer(low=1, high=9)}
search = Search(base=TrialConfig(), axes=axes, num_trials=1, algorithm=Searcher())
try:
    run(Sweep(name="s", search=search), runner=Local())
except ConfigError as error:
    print(error)
"""
    command = [sys.executable, "-OO", "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == "a searcher needs Ray Tune, which python -OO cannot import without docstrings: use -O.\n"
    assert list(tmp_path.iterdir()) == []
