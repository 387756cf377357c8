"""Laws of the view of `effects`: every sentence, level and note is printed, as text."""

import json

import numpy as np

from mnist_sweep import TrialConfig, grid, repeat
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.cli.views.effects import show
from mnist_sweep.results.csv_columns import trials_frame
from tests.cli.conftest import shown
from tests.conftest import MakeRow


def test_every_sentence_level_and_note_is_printed_as_text(make_row: MakeRow) -> None:
    configs = grid(TrialConfig(), {"batch_size": [50, 100], "num_steps": [10, 20], "model.dropout": [0.0, 0.1, 0.2]})
    gain = {(50, 10): 0.02}
    draw = np.random.default_rng(0).normal(0.9, 1e-4, len(configs))
    rows = [
        make_row(config, val_accuracy=accuracy + gain.get((config.batch_size, config.num_steps), 0.0))
        for config, accuracy in zip(configs, draw, strict=True)
    ]
    trials = trials_frame(rows)
    trials["precision"] = np.where(np.arange(len(trials)) % 2, "[bold]loud", json.dumps(["[red]"]))
    found = effects(trials)
    text = shown(show, found, width=200)
    values = [level.value for effect in found.effects for level in effect.levels]
    assert any(pair.significant for pair in found.interactions)
    assert [part for part in [*found.sentences, *found.notes, *values] if part not in text] == []
    assert "diverged" not in text
    assert "[bold]loud" in text
    assert "[red]" in text


def test_means_in_a_large_unit_can_be_read(make_row: MakeRow) -> None:
    objective = {"name": "cost", "direction": "minimize", "unit": "USD"}
    configs = repeat(grid(TrialConfig(), {"batch_size": [50, 100]}), seeds=2)
    values = [1_234_000 + number for number in (1, 5, 3, 8)]
    rows = [make_row(one, val_objective=value, objective=objective) for one, value in zip(configs, values, strict=True)]
    assert " 1,234,003 " in shown(show, effects(trials_frame(rows)), width=200)
