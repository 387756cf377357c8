"""mnist_sweep: hyperparameter sweeps you can trust.

A script lists trials (`TrialConfig`, `grid`, `zipped`, `sample`, `repeat`) or says where to search for them (`Search`),
names them (`Sweep`) and runs them (`main`, or `run` from Python); `read_trials`, `read_history` and `read_summary` give
the results as DataFrames.
"""

__version__ = "0.4.0"

from mnist_sweep.cli import main
from mnist_sweep.config import TrialConfig, config_id, from_flat, to_flat, trial_id
from mnist_sweep.data import CIFAR10, DATASETS, MNIST, Dataset, Digits, Split
from mnist_sweep.models import CNN, MODELS, VARIABLE, ResNet, Softmax
from mnist_sweep.optim import OPTIMIZERS, Adagrad, Adam, GradientDescent, Momentum, RMSProp
from mnist_sweep.rows import Evaluation, Status, TrialRow
from mnist_sweep.runners import Local, RayTune
from mnist_sweep.schedules import SCHEDULES, Constant, Cosine, Stepwise
from mnist_sweep.search import PBT, Search
from mnist_sweep.space import Choice, Integer, LogUniform, Uniform, grid, repeat, sample, zipped
from mnist_sweep.sweep import Outcome, Sweep, run
from mnist_sweep.table import read_history, read_summary, read_trials
from mnist_sweep.trackers import MLflow, WandB

__all__ = [
    "CIFAR10",
    "CNN",
    "DATASETS",
    "MNIST",
    "MODELS",
    "OPTIMIZERS",
    "PBT",
    "SCHEDULES",
    "VARIABLE",
    "Adagrad",
    "Adam",
    "Choice",
    "Constant",
    "Cosine",
    "Dataset",
    "Digits",
    "Evaluation",
    "GradientDescent",
    "Integer",
    "Local",
    "LogUniform",
    "MLflow",
    "Momentum",
    "Outcome",
    "RMSProp",
    "RayTune",
    "ResNet",
    "Search",
    "Softmax",
    "Split",
    "Status",
    "Stepwise",
    "Sweep",
    "TrialConfig",
    "TrialRow",
    "Uniform",
    "WandB",
    "config_id",
    "from_flat",
    "grid",
    "main",
    "read_history",
    "read_summary",
    "read_trials",
    "repeat",
    "run",
    "sample",
    "to_flat",
    "trial_id",
    "zipped",
]
