"""Check that a worker has the same user code as the driver, whose digest is recorded in the rows."""

import platform
from collections.abc import Mapping

from mnist_sweep.errors import ScriptError
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.kinds import code_key
from mnist_sweep.trials.user_code.code_digest import CodeDigests, own_parts

KEPT_DIGESTS = 8


def validate(config: TrialConfig, digests: Mapping[str, str]) -> None:
    """Validate that the trial's own code here is that of the run, as far as both are known.

    Code that came by value has no source here. `digests` are the run's, by `kinds.code_key`.

    Raises:
        ScriptError: It is other code, such as that of another file on this node.
    """
    parts = own_parts(config)
    expected = digests.get(code_key(to_flat(config))) if parts else None
    if not expected:
        return
    found = tensorflow_runtime.cached("code digests", parts, lambda: CodeDigests().of(config), limit=KEPT_DIGESTS)
    if found and found != expected:
        raise ScriptError(
            f"the code of {code_key(to_flat(config))} on {platform.node()} is not that of the run (digest {found}, not "
            f"{expected}): let every machine have the same files, and change none while a run lasts."
        )
