"""Laws of a saved plan: it is read back unchanged, is matched to its run, and damage is reported with the way out."""

import json
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import saved_plan
from mnist_sweep.results.saved_plan import SavedPlan
from tests.conftest import Refused

ONE = SavedPlan(trials=saved_plan.digest(["b-0", "a-0"]), runner="Local", num_workers=1, seconds=2.5)


def test_a_prediction_comes_back_and_a_later_one_takes_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "sweep"
    assert saved_plan.read(folder) is None
    for seconds in (2.5, 3.5):
        one = SavedPlan(trials=ONE.trials, runner="Local", num_workers=1, seconds=seconds)
        saved_plan.write(folder, one)
        assert saved_plan.read(folder) == one
    assert [path.name for path in folder.iterdir()] == [saved_plan.FILE]


def test_a_prediction_is_of_the_same_trials_in_the_same_way() -> None:
    assert ONE.is_of(["a-0", "b-0"], runner="Local", num_workers=1)
    assert not ONE.is_of(["a-0"], runner="Local", num_workers=1)
    assert not ONE.is_of(["a-0", "b-0"], runner="RayTune", num_workers=1)
    assert not ONE.is_of(["a-0", "b-0"], runner="Local", num_workers=2)


WHOLE = {"trials": "a", "runner": "Local", "num_workers": 1, "seconds": 1.0}


@pytest.mark.parametrize("content", ["", "[]", *(json.dumps(WHOLE | one) for one in ({"seconds": -1}, {"hook": "os"}))])
def test_a_damaged_prediction_is_named_with_the_way_out(tmp_path: Path, refused: Refused, content: str) -> None:
    (tmp_path / saved_plan.FILE).write_text(content)
    with refused(LedgerError, saved_plan.FILE, "damaged", "delete it"):
        saved_plan.read(tmp_path)
