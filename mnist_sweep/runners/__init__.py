"""Runners: where trials run. Each takes trials and tells an observer what becomes of them."""

from mnist_sweep.runners.local import Local
from mnist_sweep.runners.ray_tune import RayTune
from mnist_sweep.runners.runner import Observer, Runner
from mnist_sweep.runners.schedulers import Scheduler

RUNNERS: dict[str, type[Runner]] = {"local": Local, "ray": RayTune}

__all__ = ["RUNNERS", "Local", "Observer", "RayTune", "Runner", "Scheduler"]
