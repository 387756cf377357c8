"""Laws of replaying: the same config gives the same bits, whatever differs is found, and nothing runs unasked."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CNN, GradientDescent, Local, Softmax, Sweep, TrialConfig, grid, run
from mnist_sweep.errors import LedgerError, ResourceError, RowError, ScriptError, UnknownNameError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.merging import RowDifference
from mnist_sweep.sweep.replay import _changed, replay
from mnist_sweep.trials import registry
from mnist_sweep.trials.config import from_flat, to_flat, trial_id
from mnist_sweep.trials.ids import flat_id
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import MakeRow, Refused
from tests.results.test_row_json import forged

Commit = Callable[[TrialRow], Path]
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
CONFIGS = {
    "softmax": BASE,
    "dropout": replace(BASE, model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.5), seed=3),
    "diverged": replace(BASE, optimizer=GradientDescent(learning_rate=1e38)),
}
SCRIPT = """\
from dataclasses import dataclass
import mnist_sweep


@dataclass(frozen=True)
class Wide:
    units: int = 8

    def __post_init__(self):
        if self.units > 100:
            raise RuntimeError("too wide")

    def build(self, image_shape, num_classes):
        import keras

        if self.units == 13:
            raise ValueError("no luck")
        return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes)])
"""


@pytest.fixture(scope="module")
def rows(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialRow]:
    """Rows of real trials, by the names of their configs."""
    results = tmp_path_factory.mktemp("results")
    outcome = run(Sweep(name="real", trials=[*CONFIGS.values()]), results=results, runner=Local(in_process=True))
    return dict(zip(CONFIGS, outcome.rows, strict=True))


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    """Commit a row to a results folder, and return the folder."""

    def commit(row: TrialRow) -> Path:
        ledger = Ledger(tmp_path / "results")
        ledger.open()
        ledger.commit(row)
        return ledger.folder

    return commit


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A script with a model of its own, which nothing has imported yet."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "elsewhere" / "wide_networks.py"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    yield path
    sys.modules.pop(path.stem, None)


@pytest.fixture
def own_row(script: Path, monkeypatch: pytest.MonkeyPatch, rows: dict[str, TrialRow]) -> MakeRow:
    """Rows of the script's model, run in this process, which has forgotten the script since."""

    def make(units: int = 8) -> TrialRow:
        with monkeypatch.context() as patch:
            patch.syspath_prepend(script.parent)
            trials = grid(BASE, {"model": ["wide_networks:Wide"], "model.units": [units]})
            (row,) = run(Sweep(name="own", trials=trials), results=script.parent, runner=Local(in_process=True)).rows
        del sys.modules["wide_networks"]
        return row

    return make


@pytest.mark.parametrize("name", CONFIGS)
def test_row_run_again_is_the_same_bit_for_bit_and_its_folder_stays_as_it_is(
    rows: dict[str, TrialRow], commit: Commit, name: str
) -> None:
    row = rows[name]
    assert row.status is (Status.DIVERGED if name == "diverged" else Status.OK)
    folder = commit(row)
    files = [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))]
    replayed = replay(folder, row.trial_id)
    assert [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))] == files
    assert replayed.identical
    assert (replayed.before, replayed.differences, replayed.environment) == (row, (), {})
    assert replayed.after.trial_id == row.trial_id
    assert repr(replayed) == f"<Replay of {row.trial_id}: {row.status} then, {row.status} now, identical>"


def test_number_that_came_out_otherwise_is_found(rows: dict[str, TrialRow], commit: Commit) -> None:
    row = rows["softmax"]
    assert row.val_loss is not None
    folder = commit(replace(row, val_loss=row.val_loss * 2, parameters=600))
    replayed = replay(folder, row.trial_id)
    assert not replayed.identical
    assert replayed.differences == (
        RowDifference("val_loss", None, row.val_loss * 2, row.val_loss),
        RowDifference("parameters", None, 600, 650),
    )
    assert repr(replayed).endswith("2 differences>")


def test_smallest_difference_in_the_learning_curve_is_found_with_its_step(
    rows: dict[str, TrialRow], commit: Commit
) -> None:
    row = rows["softmax"]
    history = tuple(point._replace(train_loss=(point.train_loss or 0.0) + 2**-50) for point in row.history)
    folder = commit(replace(row, history=history))
    found = replay(folder, row.trial_id).differences
    assert [(item.name, item.step) for item in found] == [("train_loss", 2), ("train_loss", 4)]


def test_what_is_not_as_it_was_is_reported(rows: dict[str, TrialRow], commit: Commit) -> None:
    row = rows["softmax"]
    environment = {"tensorflow": "2.0.0", "processor": "Z80", "threads": 1, "gone": True}
    folder = commit(replace(row, version="0.1.0", environment=environment))
    changed = replay(folder, row.trial_id).environment
    now = row.environment
    assert changed == {
        "mnist_sweep": ("0.1.0", row.version),
        "tensorflow": ("2.0.0", now["tensorflow"]),
        "processor": ("Z80", now["processor"]),
        "gone": (True, None),
    } | {name: (None, now[name]) for name in now if name not in environment}


@pytest.mark.parametrize("environment", [{"threads": 1, "device": "GPU"}, {"threads": "many"}, {"threads": 0}])
def test_environment_that_this_machine_cannot_have_is_reported_and_done_without(
    rows: dict[str, TrialRow], commit: Commit, environment: dict[str, Any]
) -> None:
    row = rows["softmax"]
    replayed = replay(commit(replace(row, environment=environment)), row.trial_id)
    assert replayed.identical
    name = "device" if "device" in environment else "threads"
    assert replayed.environment[name] == (environment[name], row.environment[name])


def test_other_threads_than_this_process_has_are_refused(
    rows: dict[str, TrialRow], commit: Commit, refused: Refused
) -> None:
    row = rows["softmax"]
    folder = commit(replace(row, environment={**row.environment, "threads": 3}))
    with refused(ResourceError, "threads=3", "start the sweep in a new process"):
        replay(folder, row.trial_id)


def test_threads_of_a_new_process_are_those_of_the_row(rows: dict[str, TrialRow], commit: Commit) -> None:
    row = rows["softmax"]
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1")  # as a process that starts TensorFlow itself has it
    folder = commit(replace(row, environment={**row.environment, "threads": 2, "onednn": onednn}))
    code = (
        "import pathlib, sys; from mnist_sweep.sweep.replay import replay\n"
        "replayed = replay(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
        "print(replayed.after.status, replayed.after.environment['threads'], dict(replayed.environment))\n"
    )
    command = [sys.executable, "-P", "-c", code, str(folder), row.trial_id]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["ok", "2", "{}"]


def test_code_of_the_users_own_is_not_run_unasked(
    own_row: MakeRow, script: Path, commit: Commit, refused: Refused
) -> None:
    row = own_row()
    assert row.status is Status.OK
    sys.path.insert(0, str(script.parent))
    with refused(ScriptError, f"trial {row.trial_id} needs wide_networks:Wide", "unasked", "--script"):
        replay(commit(row), row.trial_id)
    assert "wide_networks" not in sys.modules


def test_any_import_path_of_a_row_is_refused_unasked(commit: Commit, make_row: MakeRow, refused: Refused) -> None:
    row = make_row()
    text = forged(row, config={**row.config, "data": "antigravity:open"}, defaults=list(row.defaults))
    folder = commit(row)
    (folder / "rows" / f"{row.trial_id}.json").write_text(text)
    with refused(ScriptError, "needs antigravity:open", "--script"):
        replay(folder, row.trial_id)
    assert "antigravity" not in sys.modules


def test_code_of_the_users_own_is_run_with_its_script_or_its_folder(
    own_row: MakeRow, script: Path, commit: Commit
) -> None:
    row = own_row()
    folder = commit(row)
    for code in (script, script.parent):
        assert replay(folder, row.trial_id, code=code).identical
        del sys.modules["wide_networks"]
        sys.path.remove(str(script.parent))


def test_code_that_cannot_be_used_is_refused(
    own_row: MakeRow, script: Path, commit: Commit, refused: Refused, tmp_path: Path
) -> None:
    row = own_row()
    folder = commit(row)
    with refused(ScriptError, f"there is no sweep script {tmp_path / 'gone.py'}"):
        replay(folder, row.trial_id, code=tmp_path / "gone.py")
    with refused(ScriptError, "'wide_networks:Wide' cannot be imported"):
        replay(folder, row.trial_id, code=tmp_path)
    script.write_text(SCRIPT.replace("self.units > 100", "self.units == 8"))
    with refused(ScriptError, f"the config of trial {row.trial_id} cannot be built", "RuntimeError: too wide"):
        replay(folder, row.trial_id, code=script)


def test_script_of_a_row_that_needs_none_is_not_run(rows: dict[str, TrialRow], script: Path, commit: Commit) -> None:
    script.write_text("raise RuntimeError")
    row = rows["softmax"]
    assert replay(commit(row), row.trial_id, code=script).identical


def test_failure_that_comes_again_is_reported_with_both_causes(own_row: MakeRow, script: Path, commit: Commit) -> None:
    row = own_row(units=13)
    assert row.status is Status.FAILED
    line = f"ValueError: no luck ({script.name}:{SCRIPT[: SCRIPT.index('no luck')].count(chr(10)) + 1})"
    replayed = replay(str(commit(row)), row.trial_id, code=str(script))
    assert (replayed.any_failed, replayed.before.error, replayed.after.error) == (True, line, line)


def test_failure_that_does_not_come_again_is_reported(rows: dict[str, TrialRow], commit: Commit) -> None:
    row = rows["softmax"]
    bare: dict[str, Any] = {
        "trial_id": row.trial_id,
        "config_id": row.config_id,
        "config": row.config,
        "defaults": row.defaults,
    }
    folder = commit(TrialRow(**bare, status=Status.FAILED, error="MemoryError: no\x1b[2Jluck", version="0.1.0"))
    replayed = replay(folder, row.trial_id)
    assert (replayed.identical, replayed.after.status, replayed.after.val_loss) == (False, Status.OK, row.val_loss)
    assert replayed.any_failed


def test_config_that_this_version_does_not_know_is_refused(commit: Commit, make_row: MakeRow, refused: Refused) -> None:
    row = make_row()
    folder = commit(replace(row, config={**row.config, "model.depth": 3}, defaults=[*row.defaults, "model.depth"]))  # type: ignore[arg-type]  # a list is what JSON brings
    with refused(UnknownNameError, "unknown field 'depth'"):
        replay(folder, row.trial_id)


def test_damaged_row_beside_it_is_named_first(rows: dict[str, TrialRow], commit: Commit, refused: Refused) -> None:
    folder = commit(rows["softmax"])
    (folder / "rows" / "notes.txt").touch()
    with refused(RowError, "notes.txt", "`mnist-sweep mend"):
        replay(folder, rows["softmax"].trial_id)


def stopped(row: TrialRow, num_points: int) -> TrialRow:
    """Return the row that a trial would have had, had it been stopped after so many points."""
    last = row.history[num_points - 1]
    figures = {"val_accuracy": last.val_accuracy, "val_loss": last.val_loss, "train_loss": last.train_loss}
    rest: dict[str, Any] = figures | {"test_accuracy": None, "num_test": None}
    return replace(row, status=Status.STOPPED, steps=last.step, history=row.history[:num_points], **rest)


@pytest.mark.parametrize("name", ["softmax", "dropout"])
def test_stopped_trial_is_run_as_far_as_it_came(rows: dict[str, TrialRow], commit: Commit, name: str) -> None:
    row = stopped(rows[name], 1)
    replayed = replay(commit(row), row.trial_id)
    assert (replayed.identical, replayed.after.status, len(replayed.after.history)) == (True, Status.STOPPED, 1)


def test_stopped_trial_that_comes_out_otherwise_is_found(rows: dict[str, TrialRow], commit: Commit) -> None:
    row = stopped(rows["softmax"], 1)
    row = replace(row, history=(row.history[0]._replace(val_loss=0.1),))
    found = replay(commit(row), row.trial_id).differences
    assert [(item.name, item.step, item.one) for item in found] == [("val_loss", 2, 0.1)]


def test_trial_is_named_by_a_beginning_that_only_one_has(
    rows: dict[str, TrialRow], commit: Commit, refused: Refused
) -> None:
    row = rows["softmax"]
    config = replace(BASE, seed=1)
    commit(replace(row, trial_id=trial_id(config), config=to_flat(config)))
    with refused(LedgerError, "at least 4 characters", "'abc'"):
        replay(commit(row), "abc")
    with refused(LedgerError, f"'{row.config_id}' names 2 trials of ", f"write the seed too, as in {row.trial_id}."):
        replay(commit(row), row.config_id)
    with refused(LedgerError, "'../../etc/passwd'"):
        replay(commit(row), "../../etc/passwd")
    assert replay(commit(row), f"{row.config_id[:5]}-0").before == row


@pytest.mark.parametrize("module", ["__main__", "<stdin>"])
def test_a_class_of_a_notebook_is_run_from_the_file_that_now_holds_it(
    own_row: MakeRow, script: Path, commit: Commit, refused: Refused, module: str
) -> None:
    row = own_row()
    config = {**row.config, "model": f"{module}:Wide"}
    hashed = flat_id({name: value for name, value in config.items() if name not in (*row.defaults, "seed")})
    row = replace(row, config=config, config_id=hashed, trial_id=f"{hashed}-0")
    folder = commit(row)
    with refused(ScriptError, f"needs {module}:Wide", "pass the cell that defines it, saved as a file, with --script"):
        replay(folder, row.trial_id)
    replayed = replay(folder, row.trial_id, code=script)
    assert replayed.identical
    assert (replayed.after.config, replayed.after.trial_id) == (row.config, row.trial_id)
    assert registry.SHIPPED == {}
    script.write_text("")
    with refused(ScriptError, f"{script} does not define {module}:Wide", row.trial_id):
        replay(folder, row.trial_id, code=script)
    with refused(ScriptError, f"{module}:Wide", "was defined in a notebook", "move it to a module"):
        from_flat(row.config)


def test_a_script_that_starts_a_run_is_not_run_by_a_replay(own_row: MakeRow, script: Path, commit: Commit) -> None:
    row = own_row()
    script.write_text(f"{SCRIPT}\nimport mnist_sweep\nmnist_sweep.run(None)\nraise RuntimeError\n")
    assert replay(commit(row), row.trial_id, code=script).identical


def test_other_data_and_code_are_named_as_far_as_rows_know_theirs(make_row: MakeRow) -> None:
    after = make_row(data_digest="new", code_digest="code", environment={})
    before = replace(after, data_digest="old")
    assert _changed(before, after) == {"data": ("old", "new")}
    assert _changed(after, after) == _changed(make_row(environment={}), after) == {}
    config = {**before.config, "model": "net:Net"}
    one, other = (replace(row, config=config, code_digest=None) for row in (before, after))
    assert _changed(one, replace(other, code_digest="code"))["code"] == (None, "code")
