"""What runs may take together: trials, or wall time."""

import math
import re
from typing import NamedTuple

from mnist_sweep.errors import ConfigError

UNITS = {"s": 1, "min": 60, "h": 3600}


class Budget(NamedTuple):
    """Trials, and wall time in seconds, that runs take or may take."""

    trials: float = math.inf
    seconds: float = math.inf

    def covers(self, other: "Budget") -> bool:
        """Return whether neither number of another one is larger."""
        return other.trials <= self.trials and other.seconds <= self.seconds


def parse(text: str | None) -> Budget:
    """Return the budget of a text: a time such as `90min` or `2h`, or a number of trials such as `20`, above 0."""
    if text is None:
        return Budget()
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *(s|min|h)|([0-9]+)(?: *trials?)?", text.strip())
    if not found or float(found[1] or found[3]) == 0:
        known = "a time such as `90min` or `2h`, or a number of trials such as `20`"
        raise ConfigError(f"a budget must be {known}, above 0, but got {text!r}.")
    return Budget(trials=int(found[3])) if found[3] else Budget(seconds=float(found[1]) * UNITS[found[2]])
