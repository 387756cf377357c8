import subprocess
import sys
from pathlib import Path

from mnist_sweep.trackers.tensorboard import hparams
from mnist_sweep.trials.config import TrialConfig, to_flat


def test_settings_are_what_the_table_can_hold() -> None:
    flat = {
        "model": "cnn",
        "model.filters": [32, 64],
        "log_every": None,
        "seed": 0,
        "on": True,
        "rate": 0.5,
        "changes": [],
    }
    expected = {"model": "cnn", "model.filters": "[32, 64]", "on": True, "rate": 0.5}
    assert hparams.hyperparameters(flat) == expected


def test_the_driver_writes_the_table_without_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mnist_sweep.system import storage; "
        "from mnist_sweep.trackers.tensorboard import hparams; "
        f"hparams.write(storage.Folder(Path({str(tmp_path)!r})), [dict(a=0), dict(a=True), dict(a='a')]); "
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "logs").iterdir()] == [hparams.FILE]


def test_losses_have_a_tag_of_their_own() -> None:
    assert hparams.loss_tag({"loss": "cross_entropy"}) == hparams.loss_tag({}) == "cross_entropy"
    assert hparams.loss_tag({"loss": "mine:Focal"}) == "loss"


def test_logs_are_named_by_what_distinguishes_a_trial_in_every_file_system() -> None:
    flat = to_flat(TrialConfig(seed=3))
    assert hparams.log_folder(flat, [], "1234-3") == "logs/1234-3"
    assert hparams.log_folder(flat, ["optimizer", "seed"], "1234-3") == "logs/adam seed=3 1234-3"
    assert hparams.log_folder({"a": "../x:\x1b\n"}, ["a"], "1") == "logs/a=.._x___ 1"
    assert hparams.log_folder({"model": "mine:.hidden"}, ["model"], "1") == "logs/_hidden 1"
    assert len(hparams.log_folder({"a": "x" * 999}, ["a"], "1")) < 140
