"""Laws of the short names of trials."""

from typing import Any

import pytest

from mnist_sweep import CNN, Adam, Momentum, RMSProp, Softmax, TrialConfig, grid, to_flat
from mnist_sweep.text.names import PARTS, different_images_note, label, loss_title, natural, short_names, value, varying
from mnist_sweep.trials.config import REGISTRIES

BASE = TrialConfig()


def flats(axes: dict[str, Any]) -> list[dict[str, Any]]:
    return [to_flat(trial) for trial in grid(BASE, axes)]


def test_parts_are_those_of_a_config() -> None:
    assert tuple(REGISTRIES) == PARTS


@pytest.mark.parametrize(
    ("axes", "names"),
    [
        ({"seed": [0]}, []),
        ({"model.dropout": [0.1, 0.2]}, ["model.dropout"]),
        ({"batch_size": [10, 20], "model.dropout": [0.1, 0.2]}, ["model.dropout", "batch_size"]),
        ({"seed": [0, 1], "precision": ["float32", "mixed_float16"]}, ["precision", "seed"]),
        ({"optimizer": [Adam(), RMSProp()]}, ["optimizer"]),
        ({"optimizer": [Adam(), RMSProp(), Adam(learning_rate=0.1)]}, ["optimizer", "optimizer.learning_rate"]),
        ({"optimizer": [Adam(), RMSProp()], "model.units": [8, 9]}, ["model.units", "optimizer"]),
        (
            {"optimizer": ["adam", "momentum"], "optimizer.learning_rate": [0.1, 0.2]},
            ["optimizer", "optimizer.learning_rate"],
        ),
        ({"model": [CNN(), Softmax()]}, ["model"]),
        ({"model.filters": [(8,), (8, 16)]}, ["model.filters"]),
    ],
)
def test_what_varies_in_the_order_of_the_config_and_the_seed_last(axes: dict[str, Any], names: list[str]) -> None:
    assert varying(flats(axes)) == names


def test_order_of_the_trials_changes_nothing() -> None:
    trials = flats({"model.units": [8, 9], "optimizer": [Momentum(), Adam(), Adam(beta_1=0.5)], "seed": [0, 1]})
    assert varying(reversed(trials)) == varying(trials) == ["model.units", "optimizer", "optimizer.beta_1", "seed"]


def test_nothing_varies_among_one_or_none() -> None:
    assert varying([to_flat(BASE)]) == varying([]) == []


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        ({"model.filters": [(8, 16)]}, "filters=8,16"),
        ({"model.dropout": [0.2], "optimizer": ["adam"]}, "dropout=0.2 adam"),
        ({"optimizer.learning_rate": [1e-4]}, "learning_rate=0.0001"),
        ({"optimizer.learning_rate": [1.0]}, "learning_rate=1"),
        ({"num_steps": [5], "precision": ["mixed_bfloat16"], "seed": [3]}, "num_steps=5 mixed_bfloat16 seed=3"),
        ({"model": ["softmax"], "data": ["mnist"]}, "softmax mnist"),
    ],
)
def test_label_says_the_values(axes: dict[str, Any], text: str) -> None:
    (flat,) = flats(axes)
    assert label(flat, axes) == text


def test_label_leaves_out_what_a_trial_does_not_have() -> None:
    softmax = to_flat(TrialConfig(model=Softmax(), seed=2))
    assert label(softmax, ["model", "model.units", "seed"]) == "softmax seed=2"


@pytest.mark.parametrize("names", [[], ["model.units"]])
def test_label_of_nothing_is_the_model(names: list[str]) -> None:
    assert label(to_flat(TrialConfig(model=Softmax())), names) == "softmax"


@pytest.mark.parametrize("names", [["model"], []])
def test_label_of_a_users_model_is_its_class(names: list[str]) -> None:
    assert label({"model": "package.nets:Net"}, names) == "Net"


def test_labels_of_a_sweep_tell_its_trials_apart() -> None:
    trials = flats(
        {"model.filters": [(8,), (8, 16)], "optimizer": [Adam(), Adam(learning_rate=0.1), RMSProp()], "seed": [0, 1]}
    )
    names = varying(trials)
    assert len({label(flat, names) for flat in trials}) == len(trials) == 12


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("model.dropout", 0.30000000000000004, "0.3"),
        ("model.dropout", 0.0, "0"),
        ("optimizer.epsilon", 1e-8, "1e-08"),
        ("model.units", 1024, "1024"),
        ("model.filters", [8, 16.0, "a"], "8,16,a"),
        ("model.wide", True, "True"),
        ("model.depth", None, "None"),
        ("changes", [], "none"),
        ("model", "package.nets:Net", "Net"),
        ("model", "cnn", "cnn"),
        ("model.folder", "C:/data", "C:/data"),
    ],
)
def test_value_is_written_as_people_write_it(name: str, given: Any, text: str) -> None:
    assert value(name, given) == text


def test_changes_are_shown_with_their_steps() -> None:
    given = [[100, [["optimizer.learning_rate", 0.01], ["model.dropout", 0.5]]], [200, [["weight_decay", 0.1]]]]
    assert value("changes", given) == "from 100 learning_rate=0.01 dropout=0.5; from 200 weight_decay=0.1"
    flat = {"model": "cnn", "num_steps": 300}
    assert label({**flat, "changes": given[1:]}, ["num_steps", "changes"]) == "num_steps=300 from 200 weight_decay=0.1"
    assert label({**flat, "changes": []}, ["num_steps", "changes"]) == "num_steps=300"


def test_configs_that_differ_in_their_images_are_noted() -> None:
    assert different_images_note(["model.units", "data.train_size", "seed"]) == ""
    assert "differ in val_size," in different_images_note(["model.units", "data.val_size"])


def test_short_names_are_unique_and_none_has_the_name_of_a_result() -> None:
    names = ["model.filters", "optimizer.momentum", "model.momentum", "model.seed", "model.val_accuracy", "seed"]
    assert [*short_names(names).values()] == ["filters", *names[1:]]
    assert short_names([]) == {}


def test_fields_of_one_name_are_told_apart_in_a_label() -> None:
    flat = to_flat(BASE) | {"model.seed": 7, "model.beta_1": 0.5}
    assert label(flat, ["model.seed", "seed"]) == "model.seed=7 seed=0"
    assert label(flat, ["model.beta_1", "optimizer.beta_1"]) == "model.beta_1=0.5 optimizer.beta_1=0.9"
    assert label(flat, ["optimizer.beta_1"]) == "beta_1=0.9"


def test_a_loss_is_called_by_its_name_where_it_is_known() -> None:
    assert loss_title({}) == loss_title({"loss": "cross_entropy"}) == "cross-entropy"
    assert loss_title({"loss": "mine:focal"}) == "loss"


def test_names_are_sorted_as_people_do() -> None:
    names = ["\u0663", "class10", "Class2", "b", "1", "class1", "A", "10", "²", ""]
    assert sorted(names, key=natural) == ["", "1", "10", "A", "b", "class1", "Class2", "class10", "²", "\u0663"]
