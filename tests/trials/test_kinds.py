"""Laws of kinds: rows that name the same data or code, but were trained with different ones, share no figure."""

from dataclasses import replace
from typing import Any

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.trials.kinds import UNKNOWN, differences, kind_of, of_one_kind
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import MakeRow


@pytest.fixture
def make(make_row: MakeRow) -> MakeRow:
    """Make a row with a part of its config replaced, such as `data="bars:bars"`, and digests."""

    def make(*, seed: int = 0, data: str = "bars:bars", model: str = "cnn", **given: Any) -> TrialRow:
        row = make_row(TrialConfig(seed=seed))
        config = {name: value for name, value in row.config.items() if not name.startswith("data.")}
        return replace(row, config=config | {"data": data, "model": model}, **given)

    return make


def test_rows_of_one_kind_are_all_kept_and_nothing_is_said(make: MakeRow) -> None:
    rows = [make(seed=seed, data_digest="a", code_digest="b") for seed in range(3)]
    assert of_one_kind(rows) == (rows, ())
    assert of_one_kind([]) == ([], ())


def test_the_data_of_most_successful_rows_are_kept(make: MakeRow) -> None:
    old = [make(seed=seed, data_digest="old", code_digest="c") for seed in range(2)]
    new = [make(seed=seed, data_digest="new", code_digest="c") for seed in range(2, 5)]
    failed = [make(seed=seed, data_digest="old", code_digest="c", status=Status.FAILED) for seed in range(5, 9)]
    kept, (note,) = of_one_kind([*old, *new, *failed])
    assert kept == new
    assert note.startswith(
        "6 of 9 rows are of another kind and left out: the digest of data=bars:bars is old in 6 rows"
    )


def test_other_data_sets_of_the_config_are_no_other_kind(make: MakeRow) -> None:
    rows = [
        make(data="bars:bars", data_digest="a", code_digest="c"),
        make(data="bars:dots", data_digest="b", code_digest="d"),
    ]
    assert of_one_kind(rows) == (rows, ())


def test_other_code_of_the_same_parts_is_another_kind(make: MakeRow) -> None:
    rows = [make(data="digits", model="net:Net", code_digest=name) for name in ("new", "old", "new")]
    kept, (note,) = of_one_kind(rows)
    assert kept == [rows[0], rows[2]]
    assert "the digest of the code of net:Net is new in 2 rows and old in 1 row" in note


def test_rows_without_digests_are_unknown_once_and_apart_from_known_ones(make: MakeRow) -> None:
    unknown = [make(seed=seed) for seed in range(3)]
    assert kind_of(unknown[0]).data_digest == UNKNOWN
    kept, notes = of_one_kind(unknown)
    assert (kept, len(notes)) == (unknown, 1)
    known = [make(seed=seed, data_digest="a", code_digest="b") for seed in range(3, 6)]
    assert of_one_kind([*unknown, *known])[0] == known


def test_built_in_parts_need_no_digest(make_row: MakeRow) -> None:
    rows = [make_row(), make_row(TrialConfig(seed=1), data_digest="a", code_digest="b")]
    assert of_one_kind(rows) == (rows, ())
    others = [*rows, make_row(TrialConfig(seed=2), data_digest="c", code_digest="b")]
    assert len(of_one_kind(others)[0]) == 2


def test_rows_of_a_forced_merge_are_kept_apart(make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(seed=seed), merged_from=name) for seed, name in enumerate(["a", "b", "b"])]
    kept, (note,) = of_one_kind(rows)
    assert kept == rows[1:]
    assert "they were merged from b in 2 rows and a in 1 row" in note


def test_differences_are_those_of_known_digests(make: MakeRow) -> None:
    one, other = (kind_of(make(data_digest=name, code_digest="c")) for name in "ab")
    assert differences([one], [other]) == ["the digest of data=bars:bars is a and b"]
    assert differences([one], [one]) == differences([one], [kind_of(make())]) == []
    assert differences([one], [kind_of(make(data="bars:dots", data_digest="b"))]) == []
