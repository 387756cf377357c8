"""How long do the tables and the status of a large sweep take, and how much memory?

The rows are made up, but of real configs and through the code that writes real ones; only their figures are drawn.
Making them is not in the measured times.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from mnist_sweep import (
    CNN,
    Adagrad,
    Adam,
    Evaluation,
    GradientDescent,
    Momentum,
    RMSProp,
    Status,
    TrialConfig,
    TrialRow,
    config_id,
    grid,
    repeat,
    to_flat,
    trial_id,
)
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.row_json import to_json
from mnist_sweep.training import reproducibility
from mnist_sweep.trials.config import defaults
from tests.benchmarks.contest import OURS, Contest, Figures, Goal

NUM_EVALUATIONS, STEPS_BETWEEN = 20, 100
NUM_SEEDS = 5
BASE = TrialConfig(model=CNN(kernel_size=3), num_steps=NUM_EVALUATIONS * STEPS_BETWEEN, evaluate_every=STEPS_BETWEEN)
AXES = {
    "model.filters": [(8,), (16,), (8, 16), (16, 32)],
    "model.units": [16, 32, 64, 128, 256],
    "model.dropout": [number / 40 for number in range(40)],
    "optimizer": [GradientDescent(), Momentum(), Adam(), RMSProp(), Adagrad()],
}


def commit_rows(folder: Path, num_rows: int) -> None:
    """Write made-up rows into a results folder, as the ledger does but without waiting for the disk."""
    ledger = Ledger(folder)
    ledger.open()
    configs = grid(BASE, AXES)[: -(-num_rows // NUM_SEEDS)]
    for number, trial in enumerate(repeat(configs, seeds=NUM_SEEDS)[:num_rows]):
        row = made_up(trial, number)
        (ledger.rows_folder / f"{row.trial_id}.json").write_text(to_json(row), encoding="utf-8")


def made_up(trial: TrialConfig, number: int) -> TrialRow:
    """Return a row as long as a real one, with figures drawn from the number."""
    import numpy as np

    drawn = np.random.Generator(np.random.Philox(number)).random((NUM_EVALUATIONS, 6)).tolist()
    names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
    history = tuple(
        Evaluation(step=step * STEPS_BETWEEN, **dict(zip(names, figures, strict=True)))
        for step, figures in enumerate(drawn, start=1)
    )
    return TrialRow(
        trial_id=trial_id(trial),
        config_id=config_id(trial),
        status=Status.OK,
        config=to_flat(trial),
        defaults=defaults(trial),
        val_accuracy=history[-1].val_accuracy,
        val_loss=history[-1].val_loss,
        test_accuracy=number % 301 / 300,
        num_test=300,
        train_loss=history[-1].train_loss,
        steps=trial.num_steps,
        parameters=12_345,
        started=1.8e9 + number,
        seconds_total=sum(drawn[0]),
        seconds_setup=drawn[0][0],
        seconds_train=drawn[0][1],
        seconds_evaluate=drawn[0][2],
        worker=f"host:{number % 64}",
        version="0.1.0",
        environment=reproducibility.environment(),
        history=history,
    )


def commands(folder: Path, num_rows: int) -> Figures:
    """Return wall and processor seconds and peak memory of `table` and `status`, each a process of its own."""
    commit_rows(folder, num_rows)
    table, status = (measured(command, [command, str(folder)]) for command in ("table", "status"))
    return {"seconds": table["table_seconds"] + status["status_seconds"]} | table | status


def measured(name: str, arguments: list[str]) -> dict[str, float]:
    """Run a command of mnist_sweep; return its wall seconds, processor seconds and peak memory in MB.

    `ru_maxrss` of a process also holds the memory of the one that started it, so the peak is looked up meanwhile.
    """
    start, peak = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, "-m", "mnist_sweep", *arguments], stdout=subprocess.DEVNULL) as process:
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(
                [peak, *map(int, re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text()))]
            )
            time.sleep(0.01)
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`mnist-sweep {name}` ended with status {process.returncode}.")
    return {
        f"{name}_seconds": round(time.perf_counter() - start, 2),
        f"{name}_processor": round(usage.ru_utime + usage.ru_stime, 2),
        f"{name}_memory": round(peak / 1024, 1),
    }


CONTEST = Contest(
    name="tables",
    work=f"rows of {NUM_EVALUATIONS} evaluations on the disk, made into three tables and into a status",
    size=20_000,
    contestants={OURS: commands},
    goals=(
        Goal(says="processor seconds of `table`", of=lambda one: one[OURS]["table_processor"], at_most=4.0),
        Goal(says="processor seconds of `status`", of=lambda one: one[OURS]["status_processor"], at_most=1.0),
        Goal(says="MB of `table`", of=lambda one: one[OURS]["table_memory"], at_most=400.0),
    ),
)
