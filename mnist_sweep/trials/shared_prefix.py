"""Trials that share their first steps: a trial may start from the final state of a shorter one.

The steps of a trial are functions of its config and of the step number, so a trial that begins as another one continues
it to the same bits. Final states lie in the storage, named by what they depend on and by their last step.
"""

import dataclasses
import re
from collections.abc import Iterable

from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.ids import flat_id

FOLDER = "lineages"
STATE = re.compile(rf"{FOLDER}/[0-9a-f]+-(\d+)\.ckpt")


def final_state_name(config: TrialConfig) -> str | None:
    """Return the file name of a trial's final state, or None if no longer trial passes through that state."""
    return _name(config, config.num_steps) if is_shareable(config, config.num_steps) else None


def latest_start(config: TrialConfig, names: Iterable[str]) -> str | None:
    """Return the name, among those of existing final states, of the latest one that a trial can start from, or None.

    A user's own training code, which may depend on the step at which it is to end, starts where hyperparameters change.
    """
    there = set(names)
    steps = {int(found[1]) for found in map(STATE.fullmatch, there) if found}
    if trains_itself(config.model):
        steps &= {since for since, _ in config.changes}
    before = sorted((step for step in steps if step < config.num_steps), reverse=True)
    candidates = (_name(config, step) for step in before if is_shareable(config, step))
    return next((name for name in candidates if name in there), None)


def is_shareable(config: TrialConfig, step: int) -> bool:
    """Return whether a trial of only the first `step` steps has the same learning rates and points up to there."""
    same = (config.schedule.factors(0, step, total).tolist() for total in (step, config.num_steps))
    return step % config.evaluate_every == 0 and next(same) == next(same)


def _name(config: TrialConfig, step: int) -> str:
    before = tuple(change for change in config.changes if change[0] < step)
    flat = to_flat(dataclasses.replace(config, changes=before))
    return f"{FOLDER}/{flat_id({key: value for key, value in flat.items() if key != 'num_steps'})}-{step}.ckpt"
