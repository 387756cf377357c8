"""Laws of a saved plan: it is read back unchanged, is matched to its run, and damage is reported with the way out."""

import json
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import saved_plan
from tests.conftest import Refused

RUN = saved_plan.run_of(["b-0", "a-0"], "Local", 1)


def test_a_prediction_comes_back_and_a_later_one_takes_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "sweep"
    assert saved_plan.read(folder) is None
    for seconds in (2.5, 3.5):
        saved_plan.write(folder, RUN, seconds)
        assert saved_plan.read(folder) == (RUN, seconds)
    assert [path.name for path in folder.iterdir()] == [saved_plan.FILE]


def test_a_prediction_is_of_the_same_trials_in_the_same_way() -> None:
    assert saved_plan.run_of(["a-0", "b-0"], "Local", 1) == RUN
    assert saved_plan.run_of(["a-0"], "Local", 1) != RUN
    assert saved_plan.run_of(["a-0", "b-0"], "RayTune", 1) != RUN
    assert saved_plan.run_of(["a-0", "b-0"], "Local", 2) != RUN


DAMAGED = [{}, {**RUN}, {**RUN, "seconds": -1}, {**RUN, "seconds": 1, "hook": "os.system"}, {"seconds": 1}]


@pytest.mark.parametrize("content", ["", "[]", *map(json.dumps, DAMAGED)])
def test_a_damaged_prediction_is_named_with_the_way_out(tmp_path: Path, refused: Refused, content: str) -> None:
    (tmp_path / saved_plan.FILE).write_text(content)
    with refused(LedgerError, saved_plan.FILE, "damaged", "delete it"):
        saved_plan.read(tmp_path)
