"""Laws of what a model is to the sweep."""

import pytest

from mnist_sweep import Softmax
from mnist_sweep.models.protocol import VARIABLE, trains_itself
from tests.training.training_code import Linear


def test_metadata_of_a_variable_field_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VARIABLE["variable"] = False  # type: ignore[index]  # the mistake under test


def test_a_model_trains_itself_if_its_class_has_a_method_for_it() -> None:
    assert trains_itself(Linear())
    assert not trains_itself(Softmax())
