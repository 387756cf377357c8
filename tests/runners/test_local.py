from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import GradientDescent, Local, Softmax, TrialConfig, trial_id
from mnist_sweep.data import loading
from mnist_sweep.errors import ConfigError, ProcessLostError
from mnist_sweep.results import run_marker
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners import local
from mnist_sweep.runners.trial_process import ThisProcess
from mnist_sweep.system.storage import Folder
from mnist_sweep.training import row_builder
from mnist_sweep.training.row_builder import failed
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.row import Status, TrialRow
from tests.runners.test_protocol import Notes
from tests.runners.test_trial_process import numbers
from tests.runners.users_models import Ending
from tests.training.checks.test_models_to_check import Own
from tests.training.checks.test_refused_losses import mean

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)


def trials() -> Mapping[str, TrialConfig]:
    return {trial_id(trial): trial for trial in (BASE, replace(BASE, seed=1))}


def test_everything_is_reported_in_order() -> None:
    notes = Notes()
    Local(in_process=True).run(trials(), {BASE.data: loading.load(BASE.data)}, notes)
    first, second = trials()
    each = [
        [("started", name), ("evaluated", name, 2), ("evaluated", name, 4), ("finished", name, Status.OK)]
        for name in (first, second)
    ]
    assert notes.heard == [("ready", 1), *each[0], *each[1]]
    assert notes.workers == dict.fromkeys(trials(), row_builder.worker())


def test_nothing_to_run_starts_nothing() -> None:
    notes = Notes()
    Local().run({}, {}, notes)
    assert notes.heard == []


def test_a_process_that_was_started_ahead_runs_the_first_trial_and_none_outlasts_its_context() -> None:
    with Local(workers=1).ahead() as runner:
        assert runner._ahead
        child, _ = runner._ahead
        notes = Notes()
        runner.run(trials(), {BASE.data: loading.load(BASE.data)}, notes)
        assert notes.workers == dict.fromkeys(trials(), row_builder.worker(child.pid))
    with Local().ahead() as runner:
        assert runner._ahead
        child, _ = runner._ahead
        assert child.is_alive
    assert not child.is_alive


def test_what_a_trial_leaves_is_reported_before_its_row() -> None:
    notes, artifacts = Notes(), Artifacts(storage="unused", models="all")
    Local(in_process=True).run(trials(), {BASE.data: loading.load(BASE.data)}, notes, artifacts=artifacts)
    first, _ = trials()
    of_first = [note for note in notes.heard if note[1] == first]
    assert of_first[-3:] == [
        ("saved", first, Predictions),
        ("saved", first, SavedModel),
        ("finished", first, Status.OK),
    ]


def test_a_trial_is_paused_when_the_run_is_to_end(tmp_path: Path) -> None:
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)
    artifacts = Artifacts(storage=str(tmp_path), run_marker=name)
    datasets = {BASE.data: loading.load(BASE.data)}
    first, _ = trials()
    ending = Notes(ends_after=3)
    Local(in_process=True).run(trials(), datasets, ending, artifacts=artifacts)
    assert ending.heard == [("ready", 1), ("started", first), ("evaluated", first, 2)]
    notes = Notes(ends_after=6)
    Local(in_process=True).run(trials(), datasets, notes, artifacts=artifacts)
    assert notes.heard[2:] == [
        ("noted", first, "resumes at step 2"),
        ("evaluated", first, 2),
        ("evaluated", first, 4),
        ("saved", first, Predictions),
        ("finished", first, Status.OK),
    ]


class Losing(ThisProcess):
    """A process whose first runs of a trial the system ends."""

    def __init__(self, num_lost: int) -> None:
        super().__init__({"threads": 1})
        self.num_left = num_lost
        self.steps = self.losing

    def losing(self, config: TrialConfig, *_: object, **__: object) -> Generator[Any, None, TrialRow]:
        yield None
        self.num_left -= 1
        if self.num_left >= 0:
            raise ProcessLostError("its process was killed by SIGKILL")
        return failed(config, error="at last")


@pytest.mark.parametrize("num_lost", [1, 3])
def test_a_trial_whose_process_the_system_ends_is_retried(
    tf: Any, monkeypatch: pytest.MonkeyPatch, num_lost: int
) -> None:
    monkeypatch.setattr(local, "TrialProcess", lambda *_, **__: Losing(num_lost))
    notes = Notes()
    Local(max_retries=2).run({trial_id(BASE): BASE}, {BASE.data: loading.load(BASE.data)}, notes)
    retried = ("retried", trial_id(BASE), "its process was killed by SIGKILL")
    expected = [retried] * min(num_lost, 2)
    assert notes.heard[2:] == [*expected, ("finished", trial_id(BASE), Status.FAILED)]
    (row,) = notes.finished_rows
    assert row.error == ("at last" if num_lost == 1 else "its process was killed by SIGKILL")


@pytest.mark.slow
def test_two_processes_give_the_rows_of_one_and_take_proposals_and_one_that_is_killed_is_replaced(tf: Any) -> None:
    listed = {trial_id(trial): trial for trial in (replace(BASE, seed=seed) for seed in range(3))}
    killing, proposed = replace(BASE, model=Ending(how="kill")), replace(BASE, seed=7)
    datasets = {BASE.data: loading.load(BASE.data)}
    side_by_side, alone = Notes(proposed=[proposed]), Notes(proposed=[proposed])
    two = Local(workers=2, max_retries=1)
    two.run({trial_id(killing): killing, **listed}, datasets, side_by_side, num_proposals=1)
    Local(in_process=True).run(listed, datasets, alone, num_proposals=1)
    rows = {row.trial_id: row for row in side_by_side.finished_rows}
    lost = rows.pop(trial_id(killing))
    assert {name: side_by_side.workers[name] for name in rows} == {name: row.worker for name, row in rows.items()}
    assert lost.error == "its process was killed by SIGKILL, by someone or because memory ran out"
    assert [heard[0] for heard in side_by_side.heard if heard[1] == lost.trial_id] == ["started", "retried", "finished"]
    assert {name: numbers(row) for name, row in rows.items()} == {
        row.trial_id: numbers(row) for row in alone.finished_rows
    }
    assert len({row.worker for row in rows.values()} | {alone.finished_rows[0].worker}) > 1


@pytest.mark.slow
def test_processes_that_run_or_start_are_paused_or_ended_when_the_run_is_to_end(tmp_path: Path) -> None:
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)
    artifacts = Artifacts(storage=str(tmp_path), run_marker=name)
    long = replace(BASE, num_steps=10**6, evaluate_every=10**6, log_every=100)
    endless = {trial_id(trial): trial for trial in (replace(long, seed=seed) for seed in range(3))}
    datasets = {BASE.data: loading.load(BASE.data)}
    notes = Notes(ends_after=5)
    Local(workers=2).run(endless, datasets, notes, artifacts=artifacts)
    assert {heard[0] for heard in notes.heard} == {"ready", "started", "evaluated"}
    started = [heard[1] for heard in notes.heard if heard[0] == "started"]
    saved = [trial for trial in started if any(tmp_path.rglob(f"*{trial}*"))]
    assert saved
    ending = Notes(ends_after=0)
    Local(workers=2).run(endless, datasets, ending)
    assert ending.heard == []


def test_a_model_that_is_refused_ends_the_run_before_it_is_ready_and_one_that_is_proposed_fails() -> None:
    wrong = replace(BASE, model=Own("softmax"))
    datasets, notes = {BASE.data: loading.load(BASE.data)}, Notes(proposed=[wrong])
    with pytest.raises(ConfigError, match="its outputs are probabilities"):
        Local(in_process=True).run({**trials(), trial_id(wrong): wrong}, datasets, notes)
    assert notes.heard == []
    Local(in_process=True).run({}, datasets, notes, num_proposals=1)
    assert notes.heard == [("ready", 1), ("started", trial_id(wrong)), ("finished", trial_id(wrong), Status.FAILED)]


def test_a_loss_that_is_refused_ends_the_run_before_it_is_ready() -> None:
    wrong, notes = replace(BASE, model=Softmax(), loss=mean), Notes()
    with pytest.raises(ConfigError, match="the loss mean must return"):
        Local(in_process=True).run({trial_id(wrong): wrong}, {BASE.data: loading.load(BASE.data)}, notes)
    assert notes.heard == []


def test_what_may_be_meant_in_a_model_is_noted_before_the_first_trial() -> None:
    meant = replace(BASE, model=Own("tanh"))
    datasets, notes = {BASE.data: loading.load(BASE.data)}, Notes()
    Local(in_process=True).run({trial_id(meant): meant}, datasets, notes)
    (kind, about, note), *_ = notes.heard[1:]
    assert (kind, about) == ("noted", None)
    assert note.startswith("Own(activation='tanh', rate=0.1): its outputs stay in [-1, 1]")
