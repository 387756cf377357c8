"""mnist_sweep: hyperparameter sweeps you can trust.

A script lists trials (`TrialConfig`, `grid`, `zipped`, `sample`, `repeat`) or says where to search for them (`Search`),
names them (`Sweep`) and runs them (`main`, or `run` from Python); `read_trials`, `read_history` and `read_summary` give
the results as DataFrames.
"""

__version__ = "0.4.0"

from mnist_sweep.cli.app import main
from mnist_sweep.data.cifar10 import CIFAR10
from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.mnist import MNIST
from mnist_sweep.data.sources import DATASETS
from mnist_sweep.models.catalog import MODELS
from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.protocol import VARIABLE
from mnist_sweep.models.resnet import ResNet
from mnist_sweep.models.softmax import Softmax
from mnist_sweep.optim.optimizers import OPTIMIZERS, Adagrad, Adam, GradientDescent, Momentum, RMSProp
from mnist_sweep.optim.schedules import SCHEDULES, Constant, Cosine, Stepwise
from mnist_sweep.results.tables import read_history, read_summary, read_trials
from mnist_sweep.runners.local import Local
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.search.search import PBT, Search
from mnist_sweep.search.space import Choice, Integer, LogUniform, Uniform, grid, repeat, sample, zipped
from mnist_sweep.sweep.execution import Outcome, run
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.trackers.mlflow import MLflow
from mnist_sweep.trackers.wandb import WandB
from mnist_sweep.trials.artifacts import Keep
from mnist_sweep.trials.config import TrialConfig, config_id, from_flat, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

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
    "Keep",
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
