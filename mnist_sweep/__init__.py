"""mnist_sweep: hyperparameter sweeps you can trust.

A script lists trials (`TrialConfig`, `grid`, `zipped`, `sample`, `repeat`) or says where to search for them (`Search`),
names them (`Sweep`), predicts their cost (`plan`) and runs them (`main`, or `run` from Python). `read_trials`,
`read_history` and `read_summary` return the results as DataFrames; `select`, `effects`, `compare`, `verdict` and `diff`
answer questions about them, and `next_runs` proposes what to run next; `report` writes the report.

Each name is imported from its module when it is first used, so that `import mnist_sweep` takes milliseconds.
"""

import functools
import importlib
import io
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.4.0"

if TYPE_CHECKING:
    from mnist_sweep.analysis.comparison import compare
    from mnist_sweep.analysis.effects.effects_of_trials import effects
    from mnist_sweep.analysis.judgement import verdict
    from mnist_sweep.analysis.next_run_budget import next_runs
    from mnist_sweep.analysis.selection import select
    from mnist_sweep.analysis.sweep_diff import diff
    from mnist_sweep.cli.app import main
    from mnist_sweep.data.cifar10 import CIFAR10
    from mnist_sweep.data.dataset import Dataset, Split
    from mnist_sweep.data.digits import Digits
    from mnist_sweep.data.files.arrays import Arrays
    from mnist_sweep.data.files.csv_table import Csv
    from mnist_sweep.data.files.idx_folder import Idx
    from mnist_sweep.data.files.image_folder import ImageFolder
    from mnist_sweep.data.files.parquet_table import Parquet
    from mnist_sweep.data.loading import DATASETS
    from mnist_sweep.data.mnist import KMNIST, MNIST, FashionMNIST
    from mnist_sweep.models.catalog import MODELS
    from mnist_sweep.models.cnn import CNN
    from mnist_sweep.models.protocol import VARIABLE
    from mnist_sweep.models.resnet import ResNet
    from mnist_sweep.models.softmax_regression import Softmax
    from mnist_sweep.optim.losses import LOSSES, CrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError
    from mnist_sweep.optim.objective_metrics import OBJECTIVES, Accuracy, BalancedAccuracy, LogLoss, MacroF1
    from mnist_sweep.optim.optimizers import OPTIMIZERS, Adagrad, Adam, GradientDescent, Momentum, RMSProp
    from mnist_sweep.optim.regression import MAE, RMSE
    from mnist_sweep.optim.schedules import SCHEDULES, Constant, Cosine, Stepwise
    from mnist_sweep.planning.plan_builder import plan
    from mnist_sweep.reports.writer import write_report as report
    from mnist_sweep.results.csv_io import read_history, read_summary, read_trials
    from mnist_sweep.results.predictions import Predictions
    from mnist_sweep.runners.local import Local
    from mnist_sweep.runners.ray.tune import RayTune
    from mnist_sweep.search.distributions import Choice, Integer, LogUniform, Uniform
    from mnist_sweep.search.grids import grid, repeat, sample, zipped
    from mnist_sweep.search.race import Known
    from mnist_sweep.search.search import PBT, Search
    from mnist_sweep.sweep.execution import run
    from mnist_sweep.sweep.outcome import Outcome
    from mnist_sweep.sweep.sweep import Sweep
    from mnist_sweep.trackers.mlflow import MLflow
    from mnist_sweep.trackers.wandb import WandB
    from mnist_sweep.training.context import Context
    from mnist_sweep.training.keras_fit import keras_fit
    from mnist_sweep.trials.artifacts import Keep
    from mnist_sweep.trials.config import TrialConfig, config_id, from_flat, to_flat, trial_id
    from mnist_sweep.trials.row import Evaluation, Status, TrialRow

__all__ = ["Sweep", "TrialConfig", "config_id", "from_flat", "to_flat", "trial_id"]
__all__ += ["Choice", "Integer", "LogUniform", "Uniform", "grid", "repeat", "sample", "zipped"]
__all__ += ["PBT", "Keep", "Known", "Local", "MLflow", "RayTune", "Search", "WandB", "main", "plan", "run"]
__all__ += ["Evaluation", "Outcome", "Status", "TrialRow", "read_history", "read_summary", "read_trials"]
__all__ += ["compare", "diff", "effects", "next_runs", "report", "select", "verdict"]
__all__ += ["CIFAR10", "DATASETS", "KMNIST", "MNIST", "Dataset", "Digits", "FashionMNIST", "Split"]
__all__ += ["Arrays", "Csv", "Idx", "ImageFolder", "Parquet"]
__all__ += ["CNN", "MODELS", "VARIABLE", "Context", "Predictions", "ResNet", "Softmax", "keras_fit"]
__all__ += ["OPTIMIZERS", "Adagrad", "Adam", "GradientDescent", "Momentum", "RMSProp"]
__all__ += ["SCHEDULES", "Constant", "Cosine", "Stepwise"]
__all__ += ["LOSSES", "OBJECTIVES", "Accuracy", "BalancedAccuracy", "CrossEntropy", "LogLoss", "MacroF1"]
__all__ += ["MAE", "RMSE", "Huber", "MeanAbsoluteError", "MeanSquaredError"]


@functools.cache
def _origins() -> dict[str, tuple[str, str]]:
    """Return the module of each public name and its name there, from the imports above, which only type checkers run.

    So each name is written down once besides `__all__`, and none of the modules is imported before it is needed.
    """
    import ast
    import inspect

    tree = ast.parse(inspect.getsource(sys.modules[__name__]))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = (node for node in block.body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mnist_sweep' has no attribute {name!r}")
    module, original = _origins()[name]
    value = globals()[name] = getattr(importlib.import_module(module), original)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _is_imported_by_program() -> bool:
    """Return whether the program itself names this package, not only a library that it uses."""
    program = getattr(sys.modules["__main__"], "__file__", None)
    if program in (None, "<stdin>"):  # also a prompt, `-c`, and `-m` while it imports the packages around its module
        return sys.argv[:1] != ["-m"]
    try:
        with io.open_code(program) as file:
            return __name__.encode() in file.read()
    except OSError:  # of an archive
        return False


def _report_uncaught(*raised: Any) -> None:
    from mnist_sweep.cli.uncaught import report

    report(*raised)


if sys.excepthook is sys.__excepthook__ and _is_imported_by_program():
    sys.excepthook = _report_uncaught
