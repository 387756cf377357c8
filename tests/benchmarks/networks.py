"""Contests of whole sweeps: many tiny trials, a few of the classic tutorial's network, and a few in between.

All contestants train the same configs on the same splits for the same steps, and return the mean accuracies over their
trials, so that nobody wins by training less. There is no RMSProp: its mean square starts at 1 here and at 0 in Keras.
"""

import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mnist_sweep import (
    CNN,
    MNIST,
    Adagrad,
    Adam,
    Digits,
    GradientDescent,
    Momentum,
    Status,
    Sweep,
    TrialConfig,
    grid,
    run,
)
from mnist_sweep.trials.config import Precision, to_flat
from tests.benchmarks.contest import OURS, Contest, Figures, Goal, Round, ratio, ratio_to_best
from tests.benchmarks.peers import PEERS, TUNED, Peer, tuned, with_optuna

THIRD = f"{OURS}, a third"
BFLOAT16 = f"{OURS}, mixed_bfloat16"
Contestant = Callable[[Path, int], Figures]

SMALL_BASE = TrialConfig(
    data=Digits(), model=CNN(kernel_size=3, units=32), num_steps=280, batch_size=50, evaluate_every=28
)
SMALL_FILTERS = [(8,), (16,), (8, 16), (16, 32)]
SMALL_DROPOUTS = [0.0, 0.2, 0.4, 0.6]
SMALL_OPTIMIZERS = [
    GradientDescent(learning_rate=0.2),
    Momentum(learning_rate=0.02),
    Momentum(learning_rate=0.05),
    Adam(learning_rate=0.001),
    Adam(learning_rate=0.003),
    Adagrad(learning_rate=0.05),
]
SMALL = grid(
    SMALL_BASE,
    {"model.filters": SMALL_FILTERS, "model.dropout": SMALL_DROPOUTS, "optimizer": SMALL_OPTIMIZERS},
)


def on_mnist(model: CNN) -> list[TrialConfig]:
    """Return the 8 configs of a network on MNIST."""
    base = TrialConfig(data=MNIST(), model=model, num_steps=500, batch_size=50, evaluate_every=250)
    optimizers = [
        Momentum(learning_rate=0.01),
        Momentum(learning_rate=0.03),
        Adam(learning_rate=3e-4),
        Adam(learning_rate=1e-3),
    ]
    return grid(base, {"model.dropout": [0.0, 0.5], "optimizer": optimizers})


def ours(trials: Sequence[TrialConfig], folder: Path, size: int, *, precision: Precision | None = None) -> Figures:
    """Run the first trials with mnist_sweep as it comes.

    Raises:
        RuntimeError: A trial did not end well.
    """
    sweep = Sweep(name="ours", trials=trials[:size]).with_options(precision=precision)
    rows = [row for row in run(sweep, results=folder).rows if row.status is Status.OK]
    pairs = [(row.val_accuracy or 0.0, row.test_accuracy or 0.0) for row in rows]
    return means(pairs, num_trials=len(sweep.trials))


def a_third(folder: Path, size: int) -> Figures:
    """Run a third of the small trials: two optimizers with each network, another two with the next one."""
    networks = [index // len(SMALL_OPTIMIZERS) for index in range(len(SMALL))]
    trials = [SMALL[index] for index in range(size) if (index + networks[index]) % 3 == 0]
    return ours(trials, folder, len(trials))


def peer(run_jobs: Peer, trials: Sequence[TrialConfig], folder: Path, size: int) -> Figures:
    """Run the first trials with a peer.

    Raises:
        RuntimeError: A trial did not end well.
    """
    jobs = [to_flat(trial) for trial in trials[:size]]
    return means(run_jobs(folder, jobs).values(), num_trials=len(jobs))


def means(pairs: Collection[tuple[float, float]], *, num_trials: int) -> Figures:
    """Return the mean accuracies over trials, given as (validation, test).

    Raises:
        RuntimeError: Some trials are missing.
    """
    if len(pairs) != num_trials:
        raise RuntimeError(f"{len(pairs)} of {num_trials} trials ended well.")
    val, test = (statistics.fmean(accuracies) for accuracies in zip(*pairs, strict=True))
    return {"num_trials": num_trials, "val_accuracy": val, "test_accuracy": test}


def has_bfloat16() -> bool:
    """Return whether this processor computes in bfloat16; where it does not, TensorFlow takes 12 times as long."""
    flags = Path("/proc/cpuinfo").read_text().split()
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def contestants(
    trials: Sequence[TrialConfig], more: Mapping[str, Contestant] | None = None, peers: Mapping[str, Peer] = PEERS
) -> dict[str, Contestant]:
    """Return mnist_sweep, then whoever else is named, then the peers."""
    theirs = {name: partial(peer, one, trials) for name, one in peers.items()}
    return {OURS: partial(ours, trials), **(more or {}), **theirs}


def marginal_seconds(figures: Round) -> float:
    """Return what a further trial costs once a third of them, with all networks and optimizers, is paid for."""
    whole, third = figures[OURS], figures[THIRD]
    return (whole["seconds"] - third["seconds"]) / (whole["num_trials"] - third["num_trials"])


SIXTEEN = grid(SMALL_BASE, {"model.filters": SMALL_FILTERS, "optimizer": [SMALL_OPTIMIZERS[at] for at in (0, 2, 3, 5)]})
SEED_SIZE = on_mnist(CNN(filters=(32, 64), units=1024))
MIDDLE = on_mnist(CNN(filters=(16, 32), units=256))
SEED_SIZE_480 = [replace(trial, num_steps=480, evaluate_every=240) for trial in SEED_SIZE]


def in_bfloat16(trials: Sequence[TrialConfig]) -> dict[str, Contestant]:
    """Return mnist_sweep in mixed_bfloat16, where the processor computes in bfloat16."""
    return {BFLOAT16: partial(ours, trials, precision="mixed_bfloat16")} if has_bfloat16() else {}


def against_large(trials: Sequence[TrialConfig], at_least: float, in_half: float, peers: Mapping[str, Peer]) -> Any:
    """Return the contestants and goals of a contest on the large network, in float32 and, where it can be, bfloat16."""
    halves = in_bfloat16(trials)
    goals = Goal(says="best peer / mnist_sweep", of=ratio_to_best(besides=(BFLOAT16,)), at_least=at_least)
    more = [Goal(says=f"best peer / {name}", of=ratio_to_best(ours=name), at_least=in_half) for name in halves]
    return {"contestants": contestants(trials, halves, peers), "goals": (goals, *more)}


OPTUNA_SETTINGS = {
    "Optuna, " + (" and ".join(names) or "as it comes"): partial(tuned, with_optuna, names)
    for names in (
        (),
        ("onednn",),
        ("onednn", "one_thread"),
        ("onednn", "one_thread", "whole_epochs"),
        ("onednn", "one_thread", "jit"),
    )
}

CONTESTS = (
    Contest(
        name="peer_settings",
        work="digits configs, 280 steps of batch 50, 10 validations, by a peer with each of its settings",
        size=len(SIXTEEN),
        contestants=contestants(SIXTEEN, peers=OPTUNA_SETTINGS),
        goals=(Goal(says="best settings / mnist_sweep", of=ratio_to_best(), at_least=3),),
    ),
    Contest(
        name="small_trials_tuned",
        work="digits configs, 280 steps of batch 50, 10 validations, by peers with their best settings",
        size=len(SMALL),
        contestants=contestants(SMALL, peers=TUNED),
        goals=(Goal(says="best peer / mnist_sweep", of=ratio_to_best(), at_least=6),),
    ),
    Contest(
        name="seed_size_tuned",
        work="MNIST configs of the 32/64/1024 network, 480 steps of batch 50, 2 validations, by peers at their best",
        size=len(SEED_SIZE),
        **against_large(SEED_SIZE_480, 1.5, 1.5, TUNED),
    ),
    Contest(
        name="small_trials",
        work="digits configs, 280 steps of batch 50, 10 validations",
        size=len(SMALL),
        contestants=contestants(SMALL, {THIRD: a_third}),
        goals=(
            Goal(says="Ray Tune + Keras fit / mnist_sweep", of=ratio("Ray Tune + Keras fit"), at_least=10),
            Goal(says="best peer / mnist_sweep", of=ratio_to_best(besides=(THIRD,)), at_least=5),
            Goal(says="marginal seconds per further trial", of=marginal_seconds, at_most=0.35),
        ),
    ),
    Contest(
        name="seed_size_network",
        work="MNIST configs of the 32/64/1024 network, 500 steps of batch 50, 2 validations",
        size=len(SEED_SIZE),
        **against_large(SEED_SIZE, 1.7, 2.8, PEERS),
    ),
    Contest(
        name="middle_network",
        work="MNIST configs of the 16/32/256 network, 500 steps of batch 50, 2 validations",
        size=len(MIDDLE),
        contestants=contestants(MIDDLE),
        goals=(Goal(says="best peer / mnist_sweep", of=ratio_to_best(), at_least=2.2),),
    ),
)
