"""Where a trial may start from: the end of a shorter one that it agrees with on every step of that one.

The steps of a trial are functions of its config and of the step, so a trial whose beginning is another trial goes on
from there to the same bits. The ends of trials lie in the storage, by what they depend on and by their last step.
"""

import dataclasses
from collections.abc import Iterable

from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.row import flat_id

FOLDER = "lineages"


def name(config: TrialConfig) -> str | None:
    """Return the name of the file for the end of a trial; None if no longer trial has that end in its middle."""
    return _name(config, config.num_steps) if is_point(config, config.num_steps) else None


def ancestor(config: TrialConfig, names: Iterable[str]) -> str | None:
    """Return the name of the end that a trial starts latest from, of those that are there; None if there is none."""
    there = set(names)
    steps = sorted((_step(one) for one in there if _step(one) < config.num_steps), reverse=True)
    ends = (_name(config, step) for step in steps if is_point(config, step))
    return next((end for end in ends if end in there), None)


def is_point(config: TrialConfig, step: int) -> bool:
    """Return whether a trial that ends at a step has the learning rates and points up to it that this one has."""
    same = (config.schedule.factors(0, step, total).tolist() for total in (step, config.num_steps))
    return step % config.evaluate_every == 0 and next(same) == next(same)


def _name(config: TrialConfig, step: int) -> str:
    before = tuple(change for change in config.changes if change[0] < step)
    flat = to_flat(dataclasses.replace(config, changes=before))
    return f"{FOLDER}/{flat_id({key: value for key, value in flat.items() if key != 'num_steps'})}-{step}.ckpt"


def _step(name: str) -> int:
    return int(name.rpartition("-")[2].removesuffix(".ckpt"))
