"""The runners by their names on the command line."""

from mnist_sweep.runners.local import Local
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.runners.ray.tune import RayTune

RUNNERS: dict[str, type[Runner]] = {"local": Local, "ray": RayTune}
