"""The user's own definitions in trials: the classes and functions that no registry holds.

Rows and ids know them by name alone, so within a run a name must stand for one definition, the present one.
"""

import sys
from collections.abc import Iterable
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.config import REGISTRIES, TrialConfig
from mnist_sweep.trials.parts import type_of
from mnist_sweep.trials.registry import name_of


def own_definitions(trials: Iterable[TrialConfig]) -> dict[str, Any]:
    """Return the user's own classes and functions in some trials, by the names that rows store.

    Raises:
        ConfigError: A name stands for two definitions, or for another one than the trials were made with.
    """
    found: dict[str, Any] = {}
    for trial in trials:
        for part, registry in REGISTRIES.items():
            definition = type_of(getattr(trial, part))
            if definition in registry.values():
                continue
            name = name_of(definition, registry)
            present = getattr(sys.modules.get(definition.__module__), definition.__name__, definition)
            if definition is not present or found.setdefault(name, definition) is not definition:
                raise ConfigError(
                    f"`{name}` was redefined after trials were created with it: create the trials and the sweep again, "
                    "so that all of them use the new definition."
                )
    return found
