"""Laws of what the options of a run stand for; `test_sweep_commands` holds those of the runner."""

from mnist_sweep import Keep, MLflow, WandB
from mnist_sweep.cli import run_settings


def test_what_is_kept_is_what_is_asked_for() -> None:
    assert run_settings.keep({"no_predictions": False}) == Keep()
    assert run_settings.keep({"no_predictions": True, "models": "all"}) == Keep(models="all", predictions=False)


def test_trackers_are_those_that_are_named() -> None:
    assert run_settings.trackers(mlflow=None, wandb=None, quiet=True) == []
    assert run_settings.trackers(mlflow="", wandb=None) == [MLflow(uri="")]  # which is refused when it is connected
    assert run_settings.trackers(mlflow="http://127.0.0.1:5000", wandb="digits") == [
        MLflow(uri="http://127.0.0.1:5000"),
        WandB(project="digits"),
    ]
