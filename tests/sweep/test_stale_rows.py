"""Laws of stale rows: a run with other data or code than its rows stops before it trains, or sets them aside."""

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Keep, Status, Sweep, TrialConfig, run
from mnist_sweep.errors import ConfigError, LedgerError, StaleRowsError
from mnist_sweep.planning.plan_builder import plan
from mnist_sweep.results import predictions
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.sweep import stale_rows
from mnist_sweep.sweep.inputs import RunInputs
from mnist_sweep.trials.events import Notice

SOURCE = """
from dataclasses import dataclass, replace
from mnist_sweep import Dataset, Digits

@dataclass(frozen=True)
class Mine:
    def load(self):
        return replace(Digits(val_size=10).load(), pixel_max=16)

@dataclass(frozen=True)
class Net:
    units: int = 8

    def build(self, image_shape, num_classes):
        raise NotImplementedError  # a comment
"""
Edit = Callable[..., Sweep]


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Return a sweep over own data and an own model after an edit of their module, as in a new process."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # in the processes that load data, too

    def edit(old: str = "", new: str = "", *, part: str = "both") -> Sweep:
        (tmp_path / "edited_parts.py").write_text(SOURCE.replace(old, new))
        sys.modules.pop("edited_parts", None)
        importlib.invalidate_caches()
        module: Any = importlib.import_module("edited_parts")
        parts = {"data": module.Mine(), "model": module.Net()}
        given = parts if part == "both" else {part: parts[part]}
        return Sweep(name="mine", trials=[TrialConfig(**given, seed=seed) for seed in range(2)])

    yield edit
    sys.modules.pop("edited_parts", None)


def test_changed_data_are_refused_in_one_line_and_nothing_is_written(
    edit: Edit, instant: Runner, tmp_path: Path
) -> None:
    folder = run(edit(part="data"), results=tmp_path, runner=instant).folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    changed = edit("val_size=10", "val_size=11", part="data")
    with pytest.raises(
        StaleRowsError, match=r"the data of edited_parts:Mine have changed .* since 2 rows in"
    ) as caught:
        run(changed, results=tmp_path, runner=instant)
    assert all(words in str(caught.value) for words in ("--results", "--set-aside", f"{folder}/set_aside/"))
    with pytest.raises(StaleRowsError):
        plan(changed, results=tmp_path, calibrate=False)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_changed_code_is_refused_with_the_definition_and_a_comment_is_not(
    edit: Edit, instant: Runner, tmp_path: Path
) -> None:
    run(edit(part="model"), results=tmp_path, runner=instant)
    assert run(edit("# a comment", "# another", part="model"), results=tmp_path, runner=instant).num_run == 0
    message = r"the code of edited_parts:Net has changed since 2 rows"
    with pytest.raises(StaleRowsError, match=message):
        run(edit("NotImplementedError", "TypeError", part="model"), results=tmp_path, runner=instant)


def test_rows_set_aside_are_kept_and_their_trials_run_again(
    edit: Edit, instant: Runner, events: Any, tmp_path: Path
) -> None:
    old = run(edit(part="data"), results=tmp_path, runner=instant)
    changed = edit("val_size=10", "val_size=11", part="data")
    assert plan(changed, results=tmp_path, keep=Keep(set_aside=True), calibrate=False).num_trials == 2
    new = run(changed, results=tmp_path, runner=instant, keep=Keep(set_aside=True), listeners=[events])
    (target,) = (old.folder / "set_aside").iterdir()
    assert new.num_run == 2
    assert {row.data_digest for row in new.rows}.isdisjoint(row.data_digest for row in old.rows)
    assert any(f"set aside in {target}/" in event.text for event in events.of(Notice))
    assert run(changed, results=tmp_path, runner=instant, keep=Keep(set_aside=True)).num_run == 0


def test_rows_that_run_again_anyway_stop_nothing(edit: Edit, instant: Runner, tmp_path: Path) -> None:
    folder = run(edit(part="model"), results=tmp_path, runner=instant).folder
    ledger = Ledger(folder)
    for row in ledger.rows().values():
        ledger.commit(dataclasses.replace(row, status=Status.FAILED))
    changed = edit("NotImplementedError", "TypeError", part="model")
    assert run(changed, results=tmp_path, runner=instant, retry=[Status.FAILED]).num_run == 2


def test_rows_without_digests_are_unknown_which_is_said_once(
    edit: Edit, instant: Runner, events: Any, tmp_path: Path
) -> None:
    sweep = edit()
    folder = run(dataclasses.replace(sweep, trials=sweep.trials[:1]), results=tmp_path, runner=instant).folder
    for row in Ledger(folder).rows().values():
        Ledger(folder).commit(dataclasses.replace(row, data_digest=None, code_digest=None))
    changed = edit("pixel_max=16", "pixel_max=20")
    assert run(changed, results=tmp_path, runner=instant, listeners=[events]).num_run == 1
    assert [event.text for event in events.of(Notice) if "unknown" in event.text] == [
        "1 row of a version before 0.5 without digests: whether data and code have changed since is unknown"
    ]


def test_built_in_parts_are_never_stale(sweep: Sweep, instant: Runner, tmp_path: Path) -> None:
    folder = run(sweep, results=tmp_path, runner=instant).folder
    rows = Ledger(folder).rows()
    assert all(row.data_digest and row.code_digest for row in rows.values())
    with RunInputs() as inputs:
        assert stale_rows.find(sweep, rows, (), inputs, folder) == stale_rows.StaleRows((), (), 0)


def test_labels_of_changed_data_replace_those_by_which_no_row_that_stays_was_judged(
    edit: Edit, instant: Runner, tmp_path: Path
) -> None:
    folder, retried = run(edit(part="data"), results=tmp_path, runner=instant).folder, [Status.FAILED]
    failed, _ = Ledger(folder).rows().values()
    Ledger(folder).commit(dataclasses.replace(failed, status=Status.FAILED))
    changed, keep = edit("val_size=10", "val_size=11", part="data"), Keep(set_aside=True)
    outcome = run(changed, results=tmp_path, runner=instant, keep=keep, retry=retried)
    assert outcome.num_run == 2
    data_id = predictions.data_id(outcome.rows[0].config)
    assert len(predictions.read_labels(folder, data_id).val) == 11
    predictions.write(folder, outcome.rows[0].trial_id, predictions.read_labels(folder, data_id))
    with pytest.raises(LedgerError, match="other labels"):
        run(edit("val_size=10", "val_size=12", part="data"), results=tmp_path, runner=instant, retry=[Status.OK])
    assert len(predictions.read_labels(folder, data_id).val) == 11


def test_rows_are_set_aside_once_nothing_is_refused(edit: Edit, instant: Runner, tmp_path: Path) -> None:
    folder = run(edit(part="data"), results=tmp_path, runner=instant).folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    changed, keep = edit("val_size=10", "val_size=11", part="data"), Keep(set_aside=True)
    too_large = dataclasses.replace(changed.trials[0], batch_size=2000)
    with pytest.raises(ConfigError, match="batch_size"):
        run(
            dataclasses.replace(changed, trials=[*changed.trials, too_large]),
            results=tmp_path,
            runner=instant,
            keep=keep,
        )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
