"""What Tune is given, when it is given more, and what becomes of its errors; real experiments are in test_tune."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from ray import tune
from ray.exceptions import RayError
from ray.tune.search import Searcher

from mnist_sweep import RayTune, TrialConfig, trial_id
from mnist_sweep.errors import LedgerError
from mnist_sweep.runners.ray import experiment as module
from mnist_sweep.runners.ray import private, retries
from mnist_sweep.runners.ray.callback import Readiness, TuneCallback
from mnist_sweep.runners.ray.experiment import Experiment, ProposalSearcher
from mnist_sweep.runners.ray.worker import WorkerSettings
from tests.runners.ray.test_worker import SETTINGS
from tests.runners.test_protocol import Notes

TRIALS = [TrialConfig(seed=seed) for seed in range(3)]


def experiment(*trials: TrialConfig, proposed: tuple[TrialConfig, ...] = (), **changed: Any) -> Experiment:
    reached = Readiness(Notes(), 1, None)
    reached.reach()
    fields: dict[str, Any] = {
        "trials": {trial_id(trial): trial for trial in trials},
        "num_proposals": len(proposed),
        "observer": Notes(proposed=proposed),
        "readiness": reached,
        "node_messages": SimpleQueue(),
        "sources": [TrialConfig().data],
        "settings": SETTINGS,
        "runner": RayTune(),
    }
    return Experiment(**fields | changed)


def callback() -> TuneCallback:
    return TuneCallback({}, Notes(), Readiness(Notes(), 1, None), SimpleQueue(), gpus_per_trial=0.0)


@pytest.mark.parametrize("max_retries", [0, 3])
def test_tune_retries_a_trial_as_often_as_the_runner_says(max_retries: int, tmp_path: Path) -> None:
    config = experiment(*TRIALS, runner=RayTune(max_retries=max_retries))._run_config(callback(), str(tmp_path))
    assert config.failure_config.max_failures == max_retries


def test_listed_trials_come_first_then_those_that_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Experiment, "_capacity", lambda self: 10)
    made = experiment(TRIALS[0], TRIALS[1], proposed=(TRIALS[2],))
    searcher = made._searcher(callback())
    suggested = [searcher.suggest(name) for name in "abcd"]
    assert suggested == [*map(made._point, TRIALS), None]
    assert list(made.trials.values()) == TRIALS


def test_none_is_proposed_before_trials_may_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Experiment, "_capacity", lambda self: 10)
    made = experiment(TRIALS[0], proposed=(TRIALS[1],), readiness=Readiness(Notes(), 1, None))
    searcher = made._searcher(callback())
    assert [searcher.suggest(name) for name in "ab"] == [made._point(TRIALS[0]), None]
    made.readiness.reach()
    assert searcher.suggest("c") == made._point(TRIALS[1])


def test_there_is_a_limit_for_every_trial_that_is_asked_for() -> None:
    assert experiment(*TRIALS, runner=RayTune(max_concurrent=2))._tune_config(None, callback().call).num_samples == 3
    made = experiment(TRIALS[0], proposed=(TRIALS[1],), runner=RayTune(max_concurrent=2))
    config = made._tune_config(made._searcher(callback()), callback().call)
    assert (config.num_samples, config.max_concurrent_trials) == (2, 2)
    assert isinstance(config.search_alg, Searcher)


def test_one_more_trial_is_asked_for_than_fits_and_a_node_that_joins_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_COUNTS", 0.0)
    capacity = [2]
    searcher = ProposalSearcher(lambda: {"trial": "x"}, lambda: capacity[0])
    names = iter("abcdefghij")
    suggested = [searcher.suggest(next(names)) for _ in range(5)]
    assert [point is not None for point in suggested] == [True, True, True, False, False]
    capacity[0] = 3
    assert searcher.suggest("joined") is not None
    assert searcher.suggest("waits") is None
    searcher.on_trial_complete("a")
    assert searcher.suggest("next") is not None


def test_a_trial_that_is_paused_makes_room_for_a_proposal_until_it_resumes() -> None:
    searcher = ProposalSearcher(dict, lambda: 0)
    assert [searcher.suggest(name) for name in "ab"] == [{}, None]
    searcher.on_pause("a")
    assert [searcher.suggest(name) for name in "bc"] == [{}, None]
    searcher.on_unpause("a")
    searcher.on_trial_complete("b")
    assert searcher.suggest("c") is None


def test_a_search_that_proposes_nothing_while_nothing_runs_has_ended() -> None:
    assert ProposalSearcher(lambda: None, lambda: 2).suggest("a") == Searcher.FINISHED


def test_a_search_that_proposes_nothing_while_a_trial_runs_waits_for_its_row() -> None:
    points: Iterator[dict[str, Any]] = iter([{}])
    searcher = ProposalSearcher(lambda: next(points, None), lambda: 2)
    assert searcher.suggest("a") == {}
    assert searcher.suggest("b") is None
    searcher.on_trial_complete("a")
    assert searcher.suggest("c") == Searcher.FINISHED


def test_an_error_of_who_is_asked_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Notes) -> TrialConfig:
        raise OSError("no space")

    monkeypatch.setattr(Notes, "propose", refuse)
    monkeypatch.setattr(Experiment, "_capacity", lambda self: 2)
    kept = callback()
    with pytest.raises(OSError, match="no space") as raised:
        experiment()._searcher(kept).suggest("a")
    assert kept.error is raised.value


class FakeTuner:
    """Fails as Tune does where a callback has failed."""

    def __init__(self, *_: Any, run_config: Any, **__: Any) -> None:
        (self.callback,) = run_config.callbacks

    def fit(self) -> None:
        raise tune.TuneError("wrapped")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> type[FakeTuner]:
    """A Tune without Ray that fails."""
    monkeypatch.setattr(tune, "Tuner", FakeTuner)
    monkeypatch.setattr(tune, "with_resources", lambda *_, **__: None)
    return FakeTuner


@pytest.mark.parametrize(("trials", "proposed", "interval"), [(1, 0, 0.0), (2, 0, 0.5), (1, 1, 0.5)])
def test_a_single_trial_reports_every_point_also_when_it_runs_again(
    failing: type[FakeTuner], monkeypatch: pytest.MonkeyPatch, trials: int, proposed: int, interval: float
) -> None:
    given: list[WorkerSettings] = []
    monkeypatch.setattr(module, "trainable", given.append)
    monkeypatch.setattr(failing, "fit", lambda self: None)
    settings = replace(SETTINGS, min_interval=0.5)
    experiment(*TRIALS[:trials], num_proposals=proposed, settings=settings).fit()
    assert given[0].min_interval == interval


def test_a_failure_of_tune_itself_is_raised(failing: type[FakeTuner]) -> None:
    with pytest.raises(tune.TuneError, match="wrapped"):
        experiment(*TRIALS).fit()


def test_the_error_of_a_callback_is_raised_as_itself(failing: type[FakeTuner], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: FakeTuner) -> None:
        self.callback.error = LedgerError("the disk is full")
        raise tune.TuneError("wrapped")

    monkeypatch.setattr(failing, "fit", fail)
    with pytest.raises(LedgerError, match="the disk is full"):
        experiment(*TRIALS).fit()


@pytest.mark.parametrize("error", [retries.BrokenRay("raylet"), tune.TuneError("wrapped"), RayError("lost")])
def test_trials_of_a_ray_that_has_broken_down_run_again(
    failing: type[FakeTuner], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(self: FakeTuner) -> None:
        raise error

    monkeypatch.setattr(failing, "fit", fail)
    monkeypatch.setattr(private, "dead_process", lambda: "gcs_server")
    made = experiment(*TRIALS)
    assert made.run() == made.trials


def test_trials_that_were_alone_on_a_gpu_when_ray_broke_down_run_again(
    failing: type[FakeTuner], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[TuneCallback] = []

    def fit(self: FakeTuner) -> None:
        fits.append(self.callback)
        if len(fits) == 1:
            self.callback.out_of_memory.append(trial_id(TRIALS[0]))
        else:
            raise retries.BrokenRay("raylet")

    monkeypatch.setattr(failing, "fit", fit)
    monkeypatch.setattr(private, "dead_process", lambda: "raylet" if len(fits) == 2 else None)
    made = experiment(*TRIALS)
    assert made.run() == {trial_id(TRIALS[0]): TRIALS[0]}


def test_a_run_that_was_asked_to_end_is_no_error(failing: type[FakeTuner], monkeypatch: pytest.MonkeyPatch) -> None:
    def end(self: FakeTuner) -> None:
        self.callback.has_ended = True
        raise tune.TuneError("the run was asked to end")

    monkeypatch.setattr(failing, "fit", end)
    assert experiment(*TRIALS).fit().has_ended
