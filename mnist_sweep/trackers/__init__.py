"""Trackers: places outside of the results folder that show each row as a run."""

from mnist_sweep.trackers.mirror import Mirror
from mnist_sweep.trackers.mlflow_runs import MLflow
from mnist_sweep.trackers.tracker import Session, Tracker
from mnist_sweep.trackers.wandb_runs import WandB

__all__ = ["MLflow", "Mirror", "Session", "Tracker", "WandB"]
