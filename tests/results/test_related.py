"""Laws of related sweeps: what may lie in one folder, and how a forced merge keeps the rest apart."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import MNIST, Digits, TrialConfig, effects, read_summary, read_trials
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.merging import merge
from mnist_sweep.results.related import contradiction
from mnist_sweep.trials.row import TrialRow

Refused = Callable[..., AbstractContextManager[None]]
MakeRow = Callable[..., TrialRow]
ONE, OTHER = Path("one"), Path("other")


def test_shares_of_one_sweep_are_related(make_row: MakeRow) -> None:
    one = [make_row(TrialConfig(data=Digits(val_size=10)), data_digest="a")]
    other = [make_row(TrialConfig(data=Digits(val_size=20)), data_digest="b"), make_row(TrialConfig(data=MNIST()))]
    assert contradiction({ONE: one, OTHER: other}) is None
    assert contradiction({ONE: [], OTHER: other}) is None


def test_other_digests_of_the_same_data_are_a_contradiction(make_row: MakeRow) -> None:
    cause = contradiction({ONE: [make_row(data_digest="a")], OTHER: [make_row(data_digest="b")]})
    assert cause is not None
    assert cause.startswith("one and other were trained with other data or code: the digest of data=digits")
    assert contradiction({ONE: [make_row(data_digest="a")], OTHER: [make_row()]}) is None


def test_data_sets_of_which_none_is_shared_are_a_contradiction(make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(data=data)) for data in (Digits(), MNIST())]
    cause = "one and other share no config and use different data: digits and mnist"
    assert contradiction({ONE: rows[:1], OTHER: rows[1:]}) == cause


@pytest.fixture
def folders(tmp_path: Path, make_row: MakeRow) -> dict[str, Path]:
    """Two folders with rows of unrelated sweeps."""
    for name, data, size in (("digits", Digits(), 2), ("mnist", MNIST(), 3)):
        ledger = Ledger(tmp_path / name)
        ledger.open()
        for seed in range(size):
            ledger.commit(make_row(TrialConfig(data=data, seed=seed), data_digest=name))
    return {name: tmp_path / name for name in ("digits", "mnist", "all")}


def test_unrelated_sweeps_are_refused_and_nothing_is_written(folders: dict[str, Path], refused: Refused) -> None:
    with refused(LedgerError, "nothing was merged", "digits and mnist", "--force"):
        merge(folders["all"], [folders["digits"], folders["mnist"]])
    assert not folders["all"].exists()


def test_a_forced_merge_tells_the_rows_apart_and_mixes_them_in_no_figure(folders: dict[str, Path]) -> None:
    for _ in range(2):  # the second time all rows are there
        merge(folders["all"], [folders["digits"], folders["mnist"]], force=True)
    trials = read_trials(folders["all"])
    assert trials.groupby("merged_from").size().to_dict() == {"digits": 2, "mnist": 3}
    assert sorted(read_summary(folders["all"])["n"]) == [0, 3]
    for given in (folders["all"], trials):
        found: Any = effects(given)
        assert found.num_trials == 3
        assert any("merged from mnist in 3 rows and digits in 2 rows" in note for note in found.notes)


def test_a_forced_merge_of_one_sweep_is_a_merge(folders: dict[str, Path], make_row: MakeRow) -> None:
    other = folders["all"]
    Ledger(other).open()
    Ledger(other).commit(replace(make_row(TrialConfig(seed=7)), data_digest="digits"))
    merge(folders["digits"], [other], force=True)
    assert read_trials(folders["digits"])["merged_from"].isna().all()
