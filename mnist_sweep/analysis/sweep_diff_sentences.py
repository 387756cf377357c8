"""The wording of the difference of two sweeps: its conclusion and its limits."""

import math
from collections.abc import Iterator, Sequence

from mnist_sweep.analysis.sweep_diff_result import Change, SweepDiff
from mnist_sweep.text.numbers import counted, interval, points

SPLITS = {"val_accuracy": "validation", "test_accuracy": "test"}
ONE_SEED = "Configs with one common seed have no interval: run `--seeds 3` or more to get one."
NO_SEED = "Configs with no seed that succeeded in both sweeps have no difference."


def conclusion(found: SweepDiff) -> str:
    """Return the conclusion; the sentence of the argument is not used."""
    return " ".join(_sentences(found))


def notes(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the limits of the comparison."""
    if any(change.n == 0 for change in changes):
        yield NO_SEED
    if any(change.n == 1 and change.difference for change in changes):
        yield ONE_SEED


def _sentences(found: SweepDiff) -> Iterator[str]:
    yield (
        f"{counted(len(found.changes), 'config')} in both sweeps, {len(found.only_a):,} only in the first, "
        f"{len(found.only_b):,} only in the second."
    )
    compared, split = [change for change in found.changes if change.n], SPLITS[found.metric]
    if compared and not any(change.difference for change in compared):
        yield f"Those in both have identical mean {split} accuracies."
    elif compared:
        mean = f"{points(found.mean, signed=True)} points of {split} accuracy ({interval(found.low, found.high)})"
        yield f"Averaged over those in both, the second differs from the first by {mean}: {_verdict(found)}."
    several = [change for change in compared if change.n > 1 and change.difference]
    if several:
        significant = sum(change.significant for change in several)
        differ = "differs" if significant == 1 else "differ"
        yield f"Config by config, {significant:,} of {len(several):,} {differ} significantly (false discovery rate 5%)."


def _verdict(found: SweepDiff) -> str:
    if math.isnan(found.low):
        return "not testable"
    return "significant" if found.low > 0 or found.high < 0 else "not significant"
