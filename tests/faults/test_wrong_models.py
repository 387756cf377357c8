"""The short form of `wrong_models`: each fault once, in a kind and a body that are drawn."""

from typing import Any

import pytest

from mnist_sweep import Dataset
from tests.faults.wrong_models import BODIES, FAULTS, KINDS, Drawn, dataset, ending, variants

pytestmark = pytest.mark.usefixtures("tf", "nothing_kept")
NUM_VARIANTS = 4 * len(FAULTS)
SHORT = {
    *("none", "zero_head", "moving_average", "tanh", "softmax", "sigmoid", "more_outputs", "returns_none", "nan"),
    *("another_size", "rescaled", "multiplied_by_zero", "frozen", "stopped_gradient", "counted_steps", "shared_layers"),
}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def each_fault() -> list[Any]:
    marks = {fault: [] if fault in SHORT else [pytest.mark.slow] for fault in FAULTS}
    models = variants(len(FAULTS), seed=0)
    return [pytest.param(model, marks=marks[model.fault], id=f"{model.fault}-{model.kind}") for model in models]


@pytest.mark.parametrize("model", each_fault())
def test_every_fault_is_refused_or_noted_and_no_right_model_is(model: Drawn, data: Dataset) -> None:
    ended, message = ending(model, data)
    assert ended == FAULTS[model.fault][0], message
    assert "\n" not in message


@pytest.mark.slow
def test_no_wrong_model_of_many_passes_silently(data: Dataset) -> None:
    ends = [(model, *ending(model, data)) for model in variants(NUM_VARIANTS, seed=1)]
    assert NUM_VARIANTS > 200
    assert [one for one in ends if one[1] != FAULTS[one[0].fault][0]] == []


def test_what_is_drawn_covers_every_kind_and_body() -> None:
    drawn = list(variants(NUM_VARIANTS, seed=1))
    assert ({model.kind for model in drawn}, {model.body for model in drawn}) == (set(KINDS), set(BODIES))
