"""The SLURM script, with stand-ins for what it calls; it has been run on a real SLURM, too (README, "On a cluster")."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "sweeps" / "cluster" / "slurm.sh"
PATIENCE = 300  # seconds; only a broken script takes so long
STANDS_IN = {
    "scontrol": "echo node1; echo node2",
    "srun": """while [ "${1#--}" != "$1" ]; do [[ $1 != --output=* ]] || exec > "${1#--output=}"; shift; done
        exec "$@\"""",
    "getent": 'echo "10.0.0.1 STREAM $2"',
    "ray": 'echo "$RAY_AUTH_TOKEN $*" >> ray.log; sleep 0.3; echo "Ray runtime started."; exec sleep 60',
    "mnist-sweep": """trap 'echo told >> told; exit 143' TERM; sleep 0.3; echo "$*" > arguments
        [ -z "$STATUS" ] || exit $STATUS
        while true; do sleep 0.1; done""",
}


def submitted(folder: Path, status: str) -> "subprocess.Popen[str]":
    """Start the script as SLURM would on two machines; its sweep ends with a status, or when it is told to."""
    folder.mkdir(exist_ok=True)
    for name, body in STANDS_IN.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_CPUS_PER_TASK": "2", "STATUS": status}
    environment = os.environ | job | {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_SUBMIT_DIR": str(folder)}
    return subprocess.Popen(["bash", str(SCRIPT), "sweep.py", "--seeds", "2"], env=environment, text=True)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_a_slurm_job_ends_as_its_sweep_does_and_its_nodes_share_a_token(tmp_path: Path) -> None:
    folders = {status: tmp_path / str(status) for status in (0, 1, 2)}
    jobs = {status: submitted(folder, str(status)) for status, folder in folders.items()}
    assert {status: job.wait(timeout=PATIENCE) for status, job in jobs.items()} == {0: 0, 1: 1, 2: 2}
    for folder in folders.values():
        assert (folder / "arguments").read_text() == "run sweep.py --seeds 2 --address=10.0.0.1:20007\n"
        tokens = {line.split()[0] for line in (folder / "ray.log").read_text().splitlines()}
        assert [len(token) for token in tokens] == [32]


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_a_slurm_job_whose_time_is_nearly_over_ends_its_sweep_in_order(tmp_path: Path) -> None:
    job = submitted(tmp_path, "")
    end = time.monotonic() + PATIENCE
    while not (tmp_path / "arguments").exists() and time.monotonic() < end:
        time.sleep(0.1)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(timeout=PATIENCE) == 143
    assert (tmp_path / "told").read_text() == "told\n"
