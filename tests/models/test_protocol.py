"""Laws of what a model is to the sweep."""

import pytest

from mnist_sweep.models.protocol import VARIABLE


def test_metadata_of_a_variable_field_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VARIABLE["variable"] = False  # type: ignore[index]  # the mistake under test
