"""Kill a sweep again and again, and count what it cost.

Command: python -m tests.faults.kills [driver-kill|driver-int|driver-term|worker|long-trial …] [--model network]
         [--times 20] [--seed 0]

Each kind runs one sweep of digits trials to its end while its driver or a worker is killed at random moments, the same
command being started again each time, and compares it with the same sweep run without a break. Every second moment is
drawn from when a run has its first worker, the others from its next checkpoint or row; of the long trial and of
workers all are. So every kill hits a run that goes on, on a machine however busy. Prints a line of counts as JSON;
exits with status 1 if a row is missing, was written twice, or differs, if the sweep was done before its last kill, or
if the long trial did not go on from a checkpoint after each (but scikit-learn's, which has none).
"""

import contextlib
import functools
import itertools
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from mnist_sweep import read_history, read_trials

SCRIPT = """\
import mnist_sweep
from mnist_sweep import *
from own_code import *
BASE = TrialConfig(model=MODEL, num_steps=NUM_STEPS, evaluate_every=NUM_STEPS // 20)
SWEEP = Sweep(name="killed", trials=repeat(grid(BASE, AXES), seeds=NUM_SEEDS))
if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""
PROJECT = Path(__file__).parents[2]


class Model(NamedTuple):
    """What trials train: an expression and its axis, the file that defines it, and steps to those of a network."""

    value: str
    axes: str
    file: Path | None = None
    steps: float = 1.0


MODELS = {
    "network": Model(
        "CNN(filters=(8, 16), kernel_size=3, units=32, dropout=0.2)", '{"optimizer": ["adam", "momentum"]}'
    ),
    "context": Model("Linear()", '{"model.rate": [0.1, 0.5]}', PROJECT / "tests/training/training_code.py", 10.0),
    "keras": Model("Perceptron(patience=99)", '{"model.units": [8, 16]}', PROJECT / "sweeps/keras_fit.py", 0.5),
    "sklearn": Model("Boosting()", '{"model.max_leaf_nodes": [7, 15]}', PROJECT / "sweeps/sklearn_digits.py", 0.02),
}
KINDS = {
    "driver-kill": signal.SIGKILL,
    "driver-int": signal.SIGINT,
    "driver-term": signal.SIGTERM,
    "worker": signal.SIGKILL,
    "long-trial": signal.SIGKILL,
}
COMMAND = ["killed.py", "--checkpoint-every", "1"]
SECONDS = (0.5, 10)
NOT_STARTED = "Ray could not be started on this machine"
NO_WORKER = re.compile("^ray::(IDLE|[A-Za-z]*Agent)")
Row = tuple[int, int]


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)))
@click.option("--model", type=click.Choice(list(MODELS)), default="network", show_default=True, help="What to train.")
@click.option("--times", default=20, show_default=True, help="Kills of each kind; of the long trial a quarter.")
@click.option("--trials", default=36, show_default=True, help="Trials of the sweep, an even number.")
@click.option("--steps", default=8000, show_default=True, help="Steps of a trial; the long one takes 20 times as many.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random moments.")
def main(kinds: tuple[str, ...], model: str, times: int, trials: int, steps: int, seed: int) -> None:
    good = True
    for kind in kinds or KINDS:
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            size = sized(kind, times=times, trials=trials, steps=steps)
            counts = hold(kind, Path(folder), model, seed=seed, **size)
        click.echo(json.dumps(counts))
        good &= counts["rows"] == counts["trials"] and counts["identical"] and not counts["written_twice"]
        good &= counts["kills"] == size["times"]
        good &= kind != "long-trial" or model == "sklearn" or len(counts["resumed_from_steps"]) == counts["kills"]
    sys.exit(0 if good else 1)


def sized(kind: str, *, times: int, trials: int, steps: int) -> dict[str, int]:
    """Return the size of a sweep: of the long trial one trial, killed a quarter as often."""
    long = {"times": max(1, times // 4), "trials": 1, "steps": 20 * steps} if kind == "long-trial" else {}
    return {"times": times, "trials": trials, "steps": steps} | long


def hold(
    kind: str, folder: Path, model: str = "network", *, times: int, trials: int, steps: int, seed: int
) -> dict[str, Any]:
    """Run a sweep to its end through so many kills; return the counts."""
    what, steps = MODELS[model], int(steps * MODELS[model].steps)
    values = {"MODEL": what.value, "AXES": what.axes, "NUM_STEPS": steps, "NUM_SEEDS": max(1, trials // 2)}
    text = functools.reduce(lambda script, name: script.replace(name, str(values[name])), values, SCRIPT)
    (folder / "killed.py").write_text(text)
    (folder / "own_code.py").write_text(what.file.read_text() if what.file else "")
    one = ["--num-trials", "1"] if trials == 1 else []
    draw, start = random.Random(seed), time.monotonic()
    seen: dict[str, Row] = {}
    kills, starts, refused, written_twice, resumed, rows_then = 0, 0, 0, 0, [], []
    results = folder / "killed" / "killed"
    watched = {results / "checkpoints": "*.ckpt", results / "rows": "*.json"}
    orphans: list[int] = []
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
        while kills < times:
            early = kills % 2 == 0 and kind.startswith("driver")
            if not moment(process, draw, watched={} if early else watched, orphans=orphans):
                break
            running = workers(process.pid)
            struck = draw.choice(running or [0]) if kind == "worker" else process.pid
            if not struck:
                continue
            rows_then.append(len(_rows(results / "rows")))
            os.kill(struck, KINDS[kind])
            kills += 1
            if kind != "worker":
                orphans = running
                break
        out, _ = process.communicate(timeout=1800)
        resumed += [int(step) for step in re.findall(r"resumes at step (\d+)", out)]
        rows = _rows(results / "rows")
        written_twice += sum(rows.get(name) != row for name, row in seen.items())
        seen = rows
        if process.returncode == 0:
            break
        if process.returncode == 2 and NOT_STARTED in out:  # by a machine that is too busy; a user tries again
            refused += 1
        elif process.returncode not in (-KINDS[kind], 130, 143):
            raise SystemExit(f"status {process.returncode}: {out}")
    seconds = time.monotonic() - start
    whole = [sys.executable, *COMMAND, *one, "--runner", "local", "--results", "whole"]
    subprocess.run(whole, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    differing = _difference(results, folder / "whole" / "killed")
    return {
        "kind": kind,
        "model": model,
        "trials": trials,
        "steps": steps,
        "kills": kills,
        "rows_at_kills": rows_then,
        "starts": starts,
        "not_started_by_ray": refused,
        "rows": len(seen),
        "written_twice": written_twice,
        "resumed_from_steps": resumed,
        "identical": differing is None,
        "first_difference": differing,
        "seconds": round(seconds, 1),
    }


def moment(
    process: "subprocess.Popen[str]", draw: random.Random, *, watched: Mapping[Path, str], orphans: Sequence[int]
) -> bool:
    """Wait for a random moment of a run; return False if it has ended by itself before.

    Args:
        process: The driver.
        draw: Draws the moment.
        watched: The folders that it writes to, and patterns of the names there, for a moment after it has written
            something; nothing for one after its first worker.
        orphans: Workers of the driver before; what is written while they live is not counted.
    """
    since, at = time.time(), math.inf
    while process.poll() is None:
        if time.monotonic() > at:
            return True
        if watched and any(Path(f"/proc/{pid}").exists() for pid in orphans):
            since = time.time()
        elif at == math.inf and (_is_newer(watched, since) if watched else workers(process.pid)):
            at = time.monotonic() + draw.uniform(*SECONDS)
        time.sleep(0.2)
    return False


def workers(driver: int) -> list[int]:
    """Return the processes in which Ray runs trials of a driver, or is about to."""
    return sorted(pid for pid, name in _descendants(driver) if name.startswith("ray::") and not NO_WORKER.search(name))


def _is_newer(watched: Mapping[Path, str], since: float) -> bool:
    """Return whether a file with such a name was written after a time."""
    for path in (path for folder, pattern in watched.items() for path in folder.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            if path.stat().st_mtime > since:
                return True
    return False


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
