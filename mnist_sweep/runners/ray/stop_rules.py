"""Rules to stop trials by: a function, a Stopper of Ray Tune, or thresholds."""

import contextlib
import inspect
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.row import TIME
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import shown_in_one_line


def validate(stop: Any, judged: Measure) -> None:
    """Validate a rule to stop trials by, which must go by what they are judged by.

    Raises:
        ConfigError: It is none, or goes by another metric or direction.
    """
    thresholds = stop if isinstance(stop, Mapping) else {}
    is_rule = stop is None or isinstance(stop, Mapping)
    if not is_rule:
        with contextlib.suppress(TypeError, ValueError):  # it cannot be called so, or is builtin without a signature
            inspect.signature(stop).bind(None, None)
            is_rule = not isinstance(stop, type)
    are_known = {*thresholds} <= {judged.val, TIME} and all(map(_is_finite, thresholds.values()))
    if not (is_rule and are_known):
        known = f"a function of the trial's id and result, a Stopper of Ray Tune, or a dict of {judged.val} or {TIME}"
        raise ConfigError(f"`stop` must be {known}, but got {shown_in_one_line(stop)}.")
    for one in stoppers(stop):
        for field, needed in (("metric", (judged.val, TIME)), ("mode", (judged.mode,))):
            found = getattr(one, f"_{field}", None)
            if found not in (None, *needed):
                name = type(one).__name__
                raise ConfigError(f"{name} must be created with {field}={needed[0]!r}, but has {field}={found!r}.")


def stoppers(stop: Any) -> Sequence[Any]:
    """Return a rule, and those that a CombinedStopper of Tune holds."""
    return stop, *getattr(stop, "_stoppers", ())


def stops(stop: Any, trial_id: str, result: Mapping[str, Any], measure: Measure) -> bool:
    """Return whether a rule stops a trial: a function or Stopper says so, or a value has reached its threshold."""
    if stop is None:
        return False
    if isinstance(stop, Mapping):
        score: dict[str, Callable[[float], float]] = {TIME: float, measure.val: measure.score}
        return any(score[name](result[name]) >= score[name](threshold) for name, threshold in stop.items())
    return bool(stop(trial_id, result)) or bool(hasattr(stop, "stop_all") and stop.stop_all())


def _is_finite(threshold: Any) -> bool:
    return isinstance(threshold, numbers.Real) and math.isfinite(threshold)
