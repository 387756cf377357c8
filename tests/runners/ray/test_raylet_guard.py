"""Laws of a raylet's guard: if native code ends this process, it prints the only line; else it prints nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from mnist_sweep.runners.ray import retries
from tests.runners.ray.test_local_processes import busy


@pytest.mark.parametrize("ended", [True, False])
def test_native_code_that_ends_this_process_as_its_raylet_has_ended_is_reported_in_one_line(
    tmp_path: Path, ended: bool
) -> None:
    body = f"""
import os
from ray._private import services
from mnist_sweep.runners.ray import local_processes, private
def core_worker(leaves):
    if leaves:
        if {ended}:
            raylet.kill()
            raylet.wait()
        os.write(2, b"Failed to register worker to Raylet: IOError")
        os._exit(1)
with private.replaced({{private.CORE_WORKER: core_worker}}), local_processes.kept_local():
    raylet = services.ConsolePopen({busy(tmp_path, "raylet")!r})
    for leaves in (False, True):
        private.found(private.CORE_WORKER)(leaves)
"""
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"error: {retries.broken_ray('raylet')}\n" if ended else "")
