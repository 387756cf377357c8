"""Results folders of made-up rows: as many trials as asked for, with curves, failures and workers."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mnist_sweep import CNN, Adam, GradientDescent, Momentum, TrialConfig, grid, repeat, to_flat
from mnist_sweep.reports.blocks import Section
from mnist_sweep.reports.report_data import Results, read_results
from mnist_sweep.results.row_json import to_json
from mnist_sweep.trials.ids import flat_id, trial_name
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.conftest import MakeRow

NUM_WORKERS = 4
OPTIMIZERS = [
    kind(learning_rate=rate) for kind in (Adam, Momentum, GradientDescent) for rate in (1e-4, 1e-3, 1e-2, 1e-1)
]

WriteRows = Callable[[Path, Sequence[TrialRow]], Path]
MakeSweep = Callable[..., Path]
MakeResults = Callable[[Sequence[TrialRow]], Results]
Kind = TypeVar("Kind")


def blocks_of(section: Section | None, kind: type[Kind]) -> list[Kind]:
    """Return the blocks of a kind in a section, which is there."""
    assert section is not None
    return [block for block in section.blocks if isinstance(block, kind)]


@pytest.fixture(scope="session")
def write_rows() -> WriteRows:
    """Rows put into a results folder as `Ledger.commit` does, without waiting for the disk."""

    def write(folder: Path, rows: Sequence[TrialRow]) -> Path:
        (folder / "rows").mkdir(parents=True, exist_ok=True)
        for row in rows:
            (folder / "rows" / f"{row.trial_id}.json").write_text(to_json(row), encoding="utf-8")
        return folder

    return write


def configs(number: int) -> list[TrialConfig]:
    """Return that many different configs of a full grid over three settings, and as many seeds as that takes."""
    axes: dict[str, list[Any]] = {
        "model": [CNN(filters=(8, 16), units=64, dropout=rate) for rate in (0.0, 0.2, 0.4, 0.6)],
        "optimizer": OPTIMIZERS,
        "batch_size": [32, 64],
    }
    settings = grid(TrialConfig(num_steps=2000, evaluate_every=100), axes)
    return repeat(settings, seeds=math.ceil(number / len(settings)))[:number]


def result(config: TrialConfig, number: int, num_evaluations: int) -> dict[str, Any]:
    """Return what a made-up trial came to: a peak at a middle learning rate, and noise."""
    drawn = random.Random(number)
    flat = to_flat(config)
    rate = abs(math.log10(flat["optimizer.learning_rate"]) + 2)
    best = 0.97 - 0.02 * rate - 0.03 * flat["model.dropout"] + drawn.gauss(0, 0.003)
    curve = [best - 0.6 * math.exp(-4 * (point + 1) / num_evaluations) for point in range(num_evaluations)]
    val = [round(accuracy * 5000) / 5000 for accuracy in curve]
    seconds = 20 + 30 * drawn.random()
    history = tuple(
        Evaluation(
            step=100 * (point + 1),
            train_loss=1.1 - accuracy,
            train_accuracy=accuracy,
            val_loss=1.2 - accuracy,
            val_accuracy=accuracy,
            learning_rate=flat["optimizer.learning_rate"],
            seconds=seconds * (point + 1) / num_evaluations,
        )
        for point, accuracy in enumerate(val)
    )
    return {
        "val_accuracy": val[-1],
        "val_loss": 1.2 - val[-1],
        "test_accuracy": round((val[-1] - 0.005) * 10000) / 10000,
        "num_test": 10000,
        "train_loss": history[-1].train_loss,
        "history": history,
        "steps": 100 * num_evaluations,
        "seconds_total": seconds,
    }


@pytest.fixture
def make_sweep(make_row: MakeRow, write_rows: WriteRows) -> MakeSweep:
    """Folders with that many trials and evaluations each: one in 50 failed, one in 100 diverged."""

    def make(folder: Path, number: int, *, num_evaluations: int = 20, errors: Sequence[str] = ("no luck",)) -> Path:
        rows = []
        for index, config in enumerate(configs(number)):
            given: dict[str, Any] = {"worker": f"host:{index % NUM_WORKERS}", "environment": {"device": "CPU"}}
            if index % 50 == 49:
                row = make_row(config, Status.FAILED, error=errors[index // 50 % len(errors)], **given)
            elif index % 100 == 98:
                row = make_row(config, Status.DIVERGED, **given)
            else:
                row = make_row(config, **result(config, index, num_evaluations), **given)
            rows.append(row)
        return write_rows(folder, rows)

    return make


@pytest.fixture
def make_results(make_row: MakeRow, write_rows: WriteRows, tmp_path: Path) -> MakeResults:
    """What a report is made from, of these rows."""

    def make(rows: Sequence[TrialRow]) -> Results:
        return read_results(write_rows(tmp_path / f"sweep{len(list(tmp_path.iterdir()))}", rows))

    return make


@pytest.fixture
def strange_row(make_row: MakeRow) -> MakeRow:
    """Rows whose config holds any text, as a user's own model may, under ids that are right for it."""

    def make(text: str, **given: Any) -> TrialRow:
        row = make_row(**given)
        config = {**row.config, "model": f"mine:{text}", "model.note": text}
        config_id = flat_id({name: value for name, value in config.items() if name not in {*row.defaults, "seed"}})
        return replace(row, config=config, config_id=config_id, trial_id=trial_name(config_id, config["seed"]))

    return make
