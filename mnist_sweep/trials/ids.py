"""Ids of configs and trials: the hash of a flat form, and the seed.

`config.config_id` hashes the fields that have other values than their defaults.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)  # of what ids are hashes of


def flat_id(flat: Mapping[str, Any]) -> str:
    """Return the id of a flat form: the first 12 hexadecimal digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(CANONICAL.encode(flat).encode()).hexdigest()[:12]


def trial_name(config_id: str, seed: int) -> str:
    """Return the id of the trial that runs a config with a seed."""
    return f"{config_id}-{seed}"


def config_of(trial_id: str) -> str:
    """Return the id of a trial's config."""
    return trial_id.rpartition("-")[0]
