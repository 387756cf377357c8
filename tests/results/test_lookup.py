"""Laws of names: an id or its beginning finds one trial or one config, and never another than was meant."""

from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.results.lookup import find
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import Refused

FOLDER = Path("results/x")


def row(config_id: str, seed: int) -> TrialRow:
    return TrialRow(trial_id=f"{config_id}-{seed}", config_id=config_id, status=Status.OK, config={"seed": seed})


ROWS = {
    one.trial_id: one
    for config_id, seeds in (("aaaa11112222", (0, 1, 10)), ("aaaa11113333", (0,)), ("bbbb44445555", (2, 3)))
    for one in (row(config_id, seed) for seed in seeds)
}


@pytest.mark.parametrize(
    ("name", "found", "seeds"),
    [
        ("aaaa11112222", "aaaa11112222", [0, 1, 10]),
        ("bbbb", "bbbb44445555", [2, 3]),
        ("aaaa11113", "aaaa11113333", [0]),
        ("aaaa11112222-1", "aaaa11112222-1", [1]),
        ("aaaa11112-10", "aaaa11112222-10", [10]),
        ("bbbb-3", "bbbb44445555-3", [3]),
        ("aaaa-1", "aaaa11112222-1", [1]),
        ("bbbb44445555-", "bbbb44445555", [2, 3]),
    ],
)
def test_name_or_its_beginning_finds_the_trial_or_the_config(name: str, found: str, seeds: list[int]) -> None:
    one = find(ROWS, name, FOLDER)
    assert one.name == found
    assert [row.config["seed"] for row in one.rows] == seeds


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("aaaa", ["prefix of several", "aaaa11112222", "aaaa11113333", "add a character"]),
        ("aaaa-0", ["prefix of several", "aaaa11112222", "aaaa11113333"]),
        ("bbb", ["at least 4 characters", "'bbb'"]),
        ("bbb-2", ["at least 4 characters", "'bbb-2'"]),
        ("-0003", ["at least 4 characters", "'-0003'"]),
        ("", ["at least 4 characters", "''"]),
        (None, ["at least 4 characters", "None"]),
        ("bbbb44445556", ["no trial or config 'bbbb44445556'", "similar ids are bbbb44445555"]),
        ("bbbb44445555-4", ["no trial or config", "bbbb44445555-2", "bbbb44445555-3"]),
        ("zzzzzz", [f"{FOLDER} has no trial or config 'zzzzzz'; its ids, as in trials.csv, are aaaa11112222"]),
    ],
)
def test_name_of_none_or_of_several_is_refused_with_those_that_come_close(
    refused: Refused, name: str, parts: list[str]
) -> None:
    with refused(LedgerError, *parts):
        find(ROWS, name, FOLDER)


def test_folder_without_rows_is_told(refused: Refused) -> None:
    with refused(LedgerError, str(FOLDER), "no rows"):
        find({}, "aaaa", FOLDER)
