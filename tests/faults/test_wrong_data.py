"""Law of wrong data sets: none passes silently, and of right ones nothing is said."""

import pytest

from tests.faults.wrong_data import FAULTS, outcomes


@pytest.mark.parametrize("seeds", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_no_wrong_data_set_passes_silently_and_of_a_right_one_nothing_is_said(seeds: int) -> None:
    found = [*outcomes(seeds)]
    assert len(found) == seeds * (1 + len(FAULTS)) >= 90
    assert [one for one in found if bool(one.fault) is not bool(one.said)] == []
