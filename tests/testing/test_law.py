import pytest

from mnist_sweep.testing.law import law


def test_a_broken_law_is_an_assertion_error_that_states_it() -> None:
    law(True, "Nothing is raised while a law holds.")
    with pytest.raises(AssertionError, match="Every trial has a row"):
        law(False, "Every trial has a row.")
