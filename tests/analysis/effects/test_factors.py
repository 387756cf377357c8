"""Laws of factors: which columns vary, which are joined, and which are nested in a part."""

from dataclasses import replace

import numpy as np

from mnist_sweep import CNN, MNIST, Digits, Softmax, TrialConfig, repeat
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.search.grids import zipped
from tests.analysis.effects.planted import GRID, MakeTrials, by_name
from tests.conftest import MakeRow


def test_axis_of_whole_optimizers_is_one_hyperparameter(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda _: 0.9))
    assert not any(effect.name.startswith("optimizer.") for effect in found.effects)


def test_columns_that_change_together_are_one_hyperparameter(make_trials: MakeTrials) -> None:
    configs = [
        replace(config, model=model)
        for config in zipped(TrialConfig(), {"batch_size": [50, 100, 200], "num_steps": [400, 200, 100]})
        for model in (CNN(filters=(8,), units=64), CNN(filters=(16,), units=64), CNN(filters=(8, 8), units=128))
    ]
    found = effects(make_trials(configs, lambda _: 0.9))
    assert sorted(by_name(found)) == ["model.filters + model.units", "num_steps + batch_size"]
    assert sum("always change together" in note for note in found.notes) == 2
    values = [level.value for level in by_name(found)["num_steps + batch_size"].levels]
    assert sorted(values) == ["100 + 200", "200 + 100", "400 + 50"]


def test_parts_that_change_together_keep_their_own_numbers(make_trials: MakeTrials) -> None:
    configs = [TrialConfig(data=MNIST(), model=Softmax()), TrialConfig(data=Digits(), model=CNN(units=64))]
    configs += [TrialConfig(data=Digits(), model=CNN(units=128))]
    found = by_name(effects(make_trials(repeat(configs, seeds=5), lambda _: 0.9)))
    assert {name: effect.title for name, effect in found.items()} == {
        "data + model": "data + model",
        "model.units (cnn)": "units of cnn",
    }


def test_titles_are_the_names_by_which_tables_and_labels_know_fields(make_trials: MakeTrials) -> None:
    trials = make_trials(GRID, lambda _: 0.9)
    assert by_name(effects(trials))["model.dropout"].title == "dropout"
    trials["schedule.dropout"] = np.arange(len(trials)) % 3
    assert by_name(effects(trials))["model.dropout"].title == "model.dropout"


def test_field_that_an_older_version_does_not_have_is_no_hyperparameter(make_row: MakeRow) -> None:
    rows = [make_row(config, val_accuracy=0.9 + number / 1e3) for number, config in enumerate(GRID)]
    old = [
        replace(
            row, version="0.0.9", config={name: value for name, value in row.config.items() if name != "weight_decay"}
        )
        for row in rows[::3]
    ]
    assert "weight_decay" not in by_name(effects(trials_frame([*old, *rows[1::3], *rows[2::3]])))
