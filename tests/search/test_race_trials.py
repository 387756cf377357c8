"""Laws of a race's trials: each that is needed is asked for once, and none of a setting that is out."""

import dataclasses

import numpy as np

from mnist_sweep import Adam, Known, TrialConfig, config_id, grid, trial_id
from mnist_sweep.search.race_trials import RaceTrials
from tests.conftest import MakeRow

CONFIGS = grid(TrialConfig(seed=7), {"optimizer": [Adam(learning_rate=rate) for rate in (0.1, 0.2)]})
KNOWN = Known(within=0.01, max_seeds=8)


def accuracy(trial: TrialConfig) -> float:
    return 0.9 - trial.optimizer.learning_rate + trial.seed % 3 / 1000


def test_first_two_seeds_of_each_setting_are_there_and_then_they_are_asked_for_in_order() -> None:
    found = RaceTrials(CONFIGS, KNOWN, [], num_val=1000)
    first, second = map(config_id, CONFIGS)
    assert [*found.trials] == [f"{first}-0", f"{second}-0", f"{first}-1", f"{second}-1"]
    assert len(found.upcoming) == 12
    asked = []
    while trial := found.ask():
        asked.append(trial_id(trial))
    assert asked == [f"{name}-{seed}" for seed in range(2, 8) for name in (first, second)]
    assert not found.exhausted
    assert found.upcoming == []


def test_race_ends_when_rows_have_decided_it_and_says_who_is_out(make_row: MakeRow) -> None:
    found, lines = RaceTrials(CONFIGS, KNOWN, [], num_val=1000), list[str]()
    trials = [*found.trials.values()]
    while trials:
        lines += found.tell(make_row(trials[0], val_accuracy=accuracy(trials[0])))
        trials = trials[1:] or list(filter(None, [found.ask()]))
    assert found.exhausted
    assert found.ask() is None
    assert lines == ["learning_rate=0.2 is out after 4 seeds: 10.00 points worse than learning_rate=0.1"]


def test_rows_that_are_there_are_not_asked_for_again(make_row: MakeRow) -> None:
    there = [dataclasses.replace(trial, seed=seed) for seed in (0, 2) for trial in CONFIGS]
    rows = [make_row(trial, val_accuracy=0.5) for trial in there]
    found = RaceTrials(CONFIGS, KNOWN, rows, num_val=1000)
    assert {trial.seed for trial in found.trials.values()} == {0, 1, 2}
    assert [found.ask().seed for _ in range(2)] == [3, 3]  # type: ignore[union-attr]


def test_forecasts_come_after_a_quarter_more_rounds_each(make_row: MakeRow) -> None:
    known, draw, after = Known(within=1e-6, max_seeds=12), np.random.default_rng(0), []
    trials = [dataclasses.replace(trial, seed=seed) for seed in range(12) for trial in CONFIGS]
    found = RaceTrials(CONFIGS, known, [], num_val=1000)
    for trial in trials:
        found.tell(make_row(trial, val_accuracy=draw.uniform(0.5, 0.6)))
        if forecast := found.forecast(1):
            after.append(len(found.race.rounds))
            assert forecast.text.startswith(f"after {after[-1]} seeds 2 of 2 configs remain; to run: about ")
            assert len(found.race.rows) < forecast.num_trials <= 24
    assert after == [2, 3, 4, 6, 8, 11]
