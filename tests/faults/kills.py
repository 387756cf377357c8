"""Kill a sweep again and again, and count what it cost.

Command: python -m tests.faults.kills [driver-kill|driver-int|driver-term|worker|long-trial …] [--times 20] [--seed 0]

Each kind runs one sweep of digits trials to its end while its driver or a worker is killed at random moments, the same
command being started again each time, and compares it with the same sweep run without a break. Prints a line of counts
as JSON; exits with status 1 if a row is missing, was written twice, or differs.
"""

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mnist_sweep import read_history, read_trials

SCRIPT = """\
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=CNN(filters=(8, 16), kernel_size=3, units=32, dropout=0.2), num_steps=NUM_STEPS,
                   evaluate_every=NUM_STEPS // 20)
SWEEP = Sweep(name="killed", trials=repeat(grid(BASE, {"optimizer": ["adam", "momentum"]}), seeds=NUM_SEEDS))
if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""
KINDS = {
    "driver-kill": signal.SIGKILL,
    "driver-int": signal.SIGINT,
    "driver-term": signal.SIGTERM,
    "worker": signal.SIGKILL,
    "long-trial": signal.SIGKILL,
}
COMMAND = ["killed.py", "--checkpoint-every", "1"]
Row = tuple[int, int]


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)))
@click.option("--times", default=20, show_default=True, help="Kills of each kind; of the long trial a quarter.")
@click.option("--trials", default=36, show_default=True, help="Trials of the sweep, an even number.")
@click.option("--steps", default=4000, show_default=True, help="Steps of a trial; the long one takes 20 times as many.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random moments.")
def main(kinds: tuple[str, ...], times: int, trials: int, steps: int, seed: int) -> None:
    good = True
    for kind in kinds or KINDS:
        long = kind == "long-trial"
        size = {"times": max(1, times // 4), "trials": 1, "steps": 20 * steps} if long else {}
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            counts = hold(kind, Path(folder), seed=seed, **{"times": times, "trials": trials, "steps": steps} | size)
        click.echo(json.dumps(counts))
        good &= counts["rows"] == counts["trials"] and counts["identical"] and not counts["written_twice"]
    sys.exit(0 if good else 1)


def hold(kind: str, folder: Path, *, times: int, trials: int, steps: int, seed: int) -> dict[str, Any]:
    """Run a sweep to its end through so many kills; return the counts."""
    text = SCRIPT.replace("NUM_STEPS", str(steps)).replace("NUM_SEEDS", str(max(1, trials // 2)))
    (folder / "killed.py").write_text(text)
    one = ["--num-trials", "1"] if trials == 1 else []
    moments = (15, 35) if trials == 1 else (0.5, 22)  # of one trial, such as it can have a checkpoint by
    draw, start = random.Random(seed), time.monotonic()
    seen: dict[str, Row] = {}
    kills, starts, written_twice, resumed = 0, 0, 0, []
    while True:
        process = subprocess.Popen(
            [sys.executable, *COMMAND, "--max-retries", "100", *one, "--results", "killed"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # heard in background, too
        )
        starts += 1
        while kills < times and not _ended(process, draw.uniform(*moments)):
            kills += 1
            if kind == "worker":
                _kill_a_worker(process.pid, draw)
            else:
                process.send_signal(KINDS[kind])
                break
        out, _ = process.communicate(timeout=900)
        resumed += [int(step) for step in re.findall(r"goes on from step (\d+)", out)]
        rows = _rows(folder / "killed" / "killed" / "rows")
        written_twice += sum(rows.get(name) != row for name, row in seen.items())
        seen = rows
        if process.returncode == 0:
            break
        if process.returncode not in (-KINDS[kind], 130, 143):
            raise SystemExit(f"status {process.returncode}: {out}")
    seconds = time.monotonic() - start
    whole = [sys.executable, *COMMAND, *one, "--runner", "local", "--results", "whole"]
    subprocess.run(whole, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    differing = _difference(folder / "killed" / "killed", folder / "whole" / "killed")
    return {
        "kind": kind,
        "trials": trials,
        "kills": kills,
        "starts": starts,
        "rows": len(seen),
        "written_twice": written_twice,
        "resumed_from_steps": resumed,
        "identical": differing is None,
        "first_difference": differing,
        "seconds": round(seconds, 1),
    }


def _ended(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Wait; return whether the process has ended by itself meanwhile."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return True
        time.sleep(0.05)
    return False


def _kill_a_worker(driver: int, draw: random.Random) -> None:
    """Kill a random process among those in which Ray runs trials of this driver."""
    found = [pid for pid, name in _descendants(driver) if name.startswith("ray::") and "Trainable" in name]
    if found:
        os.kill(draw.choice(found), signal.SIGKILL)


def _descendants(root: int) -> Iterator[tuple[int, str]]:
    parents, names = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
        names[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    for pid, name in names.items():
        above = pid
        while above in parents and above != root:
            above = parents[above]
        if above == root:
            yield pid, name


def _rows(folder: Path) -> dict[str, Row]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("[!.]*.json")}


def _figures(results: Path) -> tuple[str, str]:
    """Return the tables without times and workers."""
    trials, history = read_trials(results), read_history(results)
    names = [name for name in trials if not str(name).startswith(("seconds", "worker"))]
    return trials[names].to_csv(), history.drop(columns="seconds").to_csv()


def _difference(one: Path, other: Path) -> tuple[str, str] | None:
    """Return the first lines in which the tables of two folders differ, or None."""
    for mine, its in zip(_figures(one), _figures(other), strict=True):
        pairs = itertools.zip_longest(mine.splitlines(), its.splitlines(), fillvalue="")
        differing = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if differing:
            return differing
    return None


if __name__ == "__main__":
    main()
