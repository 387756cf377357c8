"""Trials in a Tuner of the user's own: the numbers of a sweep's rows, whatever Tune does with them."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

from mnist_sweep import CNN, GradientDescent, Momentum, Softmax, TrialConfig, from_flat, to_flat, trial_id
from mnist_sweep.errors import CheckpointError, ConfigError, RowError, StaleRowsError, SweepError, UnknownNameError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.trial import execute
from mnist_sweep.training import checkpoints, training_loop
from mnist_sweep.training.trial_progress import TrainingState
from mnist_sweep.tune import trainable
from tests.conftest import Refused
from tests.runners.users_models import Ending
from tests.training.training_code import Linear

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.1), num_steps=8, evaluate_every=2)


class FakeTune:
    """Stands for Tune in this process: keeps what a trial reports, and whole checkpoints."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.reports: list[dict[str, Any]] = []
        self.kept: list[Path | None] = []
        self._folder, self._given = folder, None
        resources = SimpleNamespace(required_resources={"CPU": 1})
        context = SimpleNamespace(get_trial_resources=lambda: resources)
        monkeypatch.setattr(tune, "get_context", lambda: context)
        monkeypatch.setattr(tune, "get_checkpoint", lambda: self._given)
        monkeypatch.setattr(tune, "report", self._report)

    def _report(self, metrics: dict[str, Any], checkpoint: Any = None) -> None:
        self.reports.append(metrics)
        path = self._folder / f"checkpoint_{len(self.kept)}"
        self.kept.append(Path(checkpoint.to_directory(path)) if checkpoint else None)

    def run(self, base: TrialConfig, since: Path | None = None, results: Path | None = None, **config: Any) -> Any:
        """Run a trial, from a checkpoint if one is given; return what it reports."""
        self.reports, self.kept = [], [None] * len(self.kept)
        self._given = tune.Checkpoint.from_directory(since) if since else None
        trainable(base, results=results)({name.replace("__", "."): value for name, value in config.items()})
        return self.reports


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tf: Any) -> FakeTune:
    return FakeTune(monkeypatch, tmp_path)


OWN = TrialConfig(model=Linear(), num_steps=8, evaluate_every=2)


@pytest.mark.parametrize("base", [BASE, OWN], ids=["network", "own code"])
def test_a_trial_reports_the_numbers_of_its_row_and_resumes_from_each_checkpoint(
    fake: FakeTune, base: TrialConfig
) -> None:
    row = execute(base)
    reports = fake.run(base)
    assert [(one["step"], one["val_accuracy"]) for one in reports] == [(one.step, one.val) for one in row.history]
    assert (reports[-1]["test_accuracy"], reports[-1]["id"]) == (row.test, row.trial_id)
    kept = fake.kept
    assert kept[-1] is None
    for number, checkpoint in enumerate(kept[:-1]):
        assert checkpoint is not None
        again = fake.run(base, since=checkpoint)
        drop = {"seconds"}
        assert [{k: v for k, v in one.items() if k not in drop} for one in again] == [
            {k: v for k, v in one.items() if k not in drop} for one in reports[number + 1 :]
        ]


def test_numbers_that_change_in_the_middle_are_changes_of_the_config(fake: FakeTune, tmp_path: Path) -> None:
    fake.run(BASE)
    middle = fake.kept[1]
    last = fake.run(BASE, since=middle, results=tmp_path / "rows", optimizer__learning_rate=0.5)[-1]
    (row,) = Ledger(tmp_path / "rows").rows().values()
    assert row.config["changes"] == [[4, [["optimizer.learning_rate", 0.5]]]]
    again = execute(from_flat(row.config))
    assert (again.val, again.test, again.trial_id) == (last["val_accuracy"], last["test_accuracy"], last["id"])
    fake.run(BASE, since=middle, optimizer__learning_rate=0.5)
    later = fake.kept[-2]
    assert fake.run(BASE, since=later, optimizer__learning_rate=0.5)[-1]["id"] == row.trial_id
    assert fake.run(BASE, since=later, optimizer__learning_rate=0.1)[-1]["id"] != row.trial_id


def test_a_results_folder_holds_rows_and_a_trial_with_a_row_does_not_train(fake: FakeTune, tmp_path: Path) -> None:
    first = fake.run(BASE, results=tmp_path / "rows", optimizer__learning_rate=0.2)
    before = sorted((tmp_path / "rows").rglob("*.json"))[0].stat().st_mtime_ns
    assert fake.run(BASE, results=tmp_path / "rows", optimizer__learning_rate=0.2) == first
    assert sorted((tmp_path / "rows").rglob("*.json"))[0].stat().st_mtime_ns == before
    (row,) = Ledger(tmp_path / "rows").rows().values()
    assert (row.trial_id, row.config["optimizer.learning_rate"]) == (first[-1]["id"], 0.2)


def test_a_trial_with_a_row_that_is_continued_reports_what_follows(fake: FakeTune, tmp_path: Path) -> None:
    reports = fake.run(BASE, results=tmp_path / "rows")
    checkpoint = fake.kept[1]
    for results in (tmp_path / "rows", tmp_path / "none"):
        again = fake.run(BASE, since=checkpoint, results=results)
        assert [one["step"] for one in again] == [6, 8]
    assert (again[-1]["id"], again[-1]["val_accuracy"]) == (reports[-1]["id"], reports[-1]["val_accuracy"])


def test_a_row_of_other_data_is_not_reported_as_this_trials(fake: FakeTune, tmp_path: Path, refused: Refused) -> None:
    fake.run(BASE, results=tmp_path / "rows")
    (row,) = Ledger(tmp_path / "rows").rows().values()
    Ledger(tmp_path / "rows").commit(dataclasses.replace(row, data_digest="0" * 16))
    with refused(StaleRowsError, "choose another folder"):
        fake.run(BASE, results=tmp_path / "rows")


def test_a_damaged_row_is_named(fake: FakeTune, tmp_path: Path, refused: Refused) -> None:
    fake.run(BASE, results=tmp_path / "rows")
    path = tmp_path / "rows" / "rows" / f"{trial_id(BASE)}.json"
    path.write_text("damaged")
    with refused(RowError, f"{path} is not a row"):
        fake.run(BASE, results=tmp_path / "rows")


def test_a_trial_that_diverges_or_fails_says_so(fake: FakeTune, refused: Refused) -> None:
    last = fake.run(
        TrialConfig(model=CNN(filters=(4,), units=8), optimizer=GradientDescent(learning_rate=1e30), num_steps=8)
    )[-1]
    assert last["status"] == "diverged"
    assert last["val_accuracy"] != last["val_accuracy"]
    with refused(SweepError, "no GPU"):
        fake.run(dataclasses.replace(BASE, model=Ending("leave")))


@pytest.mark.parametrize("steps_per_call", [1, 20])
def test_a_trial_that_ends_early_reports_each_validation_once(
    steps_per_call: int, fake: FakeTune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_loop, "INITIAL_STEPS_PER_CALL", steps_per_call)  # with or without heartbeats
    monkeypatch.setattr(training_loop, "MAX_STEPS_PER_CALL", steps_per_call)
    diverging = dataclasses.replace(BASE, changes=((4, (("optimizer.learning_rate", 1e38),)),), num_steps=40)
    first = fake.run(diverging, results=tmp_path / "rows")
    assert [one["step"] for one in first][:2] == [2, 4]
    assert len({one["step"] for one in first}) == len(first)
    assert first[-1]["status"] == "diverged"
    again = fake.run(diverging, results=tmp_path / "rows")
    assert [one["step"] for one in again] == [one["step"] for one in first]


@pytest.mark.parametrize(
    ("config", "kind", "part"),
    [
        ({"lr": 0.1}, UnknownNameError, "'lr' names no field"),
        ({"optimizer.lr": 0.1}, UnknownNameError, "known are learning_rate"),
        ({"optimizer.learning_rate": -1}, ConfigError, "learning_rate"),
        ({"optimizer": {"learning_rate": 0.1}}, ConfigError, "optimizer"),
        ({"num_steps": 0}, ConfigError, "num_steps >= 1"),
    ],
)
def test_a_config_of_tune_that_is_no_trial_fails_in_one_line(
    config: dict[str, Any], kind: type[Exception], part: str, refused: Refused
) -> None:
    with refused(kind, part):
        trainable(BASE)(config)


@pytest.mark.parametrize("given", ["digits", {"optimizer": "adam"}, TrialConfig, None])
def test_only_a_trial_is_a_base(given: Any, refused: Refused) -> None:
    with refused(ConfigError, "`trainable` takes a TrialConfig"):
        trainable(given)


def test_a_clone_with_another_network_or_a_damaged_checkpoint_is_refused(fake: FakeTune, refused: Refused) -> None:
    fake.run(BASE)
    middle = fake.kept[1]
    assert middle is not None
    for wrong in ({"optimizer": Momentum()}, {"batch_size": 10}):
        with refused(ConfigError, "only numbers change in training"):
            fake.run(BASE, since=middle, **wrong)
    (middle / "trial.ckpt").write_bytes(b"damaged")
    with refused(CheckpointError, "damaged"):
        fake.run(BASE, since=middle)


def test_a_renamed_checkpoint_is_that_of_the_other_trial() -> None:
    state = TrainingState(step=3)
    content = checkpoints.to_bytes(state, {}, {"trial_id": "a-0", "version": "1"})
    step, renamed = checkpoints.renamed(content, "b-0")
    assert step == 3
    assert checkpoints.from_bytes(renamed, {"trial_id": "b-0", "version": "1"})[0] == state


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_a_tuner_of_the_users_own_searches_clones_and_perturbs_and_each_row_can_be_run_again(tmp_path: Path) -> None:
    scheduler = PopulationBasedTraining(
        time_attr="step",
        perturbation_interval=2,
        hyperparam_mutations={"optimizer.learning_rate": tune.loguniform(1e-3, 1.0)},
        quantile_fraction=0.5,
        synch=True,
    )
    tuner = tune.Tuner(
        trainable(BASE, results=tmp_path / "rows"),
        param_space={"optimizer.learning_rate": tune.grid_search([1e-3, 0.5])},
        tune_config=tune.TuneConfig(metric="val_accuracy", mode="max", scheduler=scheduler, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(tmp_path / "tune"), verbose=0),
    )
    grid = tuner.fit()
    assert not grid.errors
    rows = Ledger(tmp_path / "rows").rows()
    assert {one.metrics["id"] for one in grid} <= set(rows)  # one that ended and then became a clone keeps its row
    assert any(row.config["changes"] for row in rows.values())
    for row in rows.values():
        trial = from_flat(row.config)
        assert (trial_id(trial), json.loads(json.dumps(to_flat(trial)))) == (row.trial_id, row.config)
        assert (execute(trial).val, execute(trial).test) == (row.val, row.test)
