"""Laws of merging: no row is lost, none is changed, no figure is chosen over another unasked, no sweeps are mixed."""

import itertools
import os
import shutil
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CNN, MNIST, Digits, TrialConfig, effects, read_history, read_summary, read_trials
from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.results import merging
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.merging import MergeResult, RowDifference, contradiction, differences, merge
from mnist_sweep.results.row_json import to_json
from mnist_sweep.system import npz
from mnist_sweep.system.folder_lock import Lock
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.conftest import MakeRow, Refused

MakeFolder = Callable[..., Path]
POINTS = tuple(
    Evaluation(
        step=step,
        train_loss=1 / step,
        train_accuracy=0.5,
        val_loss=2 / step,
        val_accuracy=0.5,
        learning_rate=0.1,
        seconds=step / 3,
    )
    for step in (10, 20, 30)
)


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Results folders by their names, with these rows."""

    def make(name: str, *rows: TrialRow) -> Path:
        ledger = Ledger(tmp_path / name)
        ledger.open()
        for row in rows:
            ledger.commit(row)
        return ledger.folder

    return make


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def seeds(make_row: MakeRow, *numbers: int, **given: Any) -> list[TrialRow]:
    return [make_row(TrialConfig(seed=number), **given) for number in numbers]


def test_merged_folder_has_every_row_of_all(make_row: MakeRow, make_folder: MakeFolder) -> None:
    here, there = make_folder("here", *seeds(make_row, 0, 1)), make_folder("there", *seeds(make_row, 1, 2, 3))
    other = make_folder("other", *seeds(make_row, 3, 4))
    done = merge(here, [there, other])
    assert done == MergeResult(num_copied=3, num_replaced=0, num_known=2, num_files=0)
    assert list(Ledger(here).rows().values()) == seeds(make_row, 0, 1, 2, 3, 4)


def test_new_folder_gets_what_all_sources_have(make_row: MakeRow, make_folder: MakeFolder, tmp_path: Path) -> None:
    there, other = make_folder("there", *seeds(make_row, 0)), make_folder("other", *seeds(make_row, 1))
    assert merge(tmp_path / "all" / "of" / "it", [there, other]).num_copied == 2
    assert list(Ledger(tmp_path / "all" / "of" / "it").rows().values()) == seeds(make_row, 0, 1)


def test_rows_are_copied_byte_for_byte(make_row: MakeRow, make_folder: MakeFolder, tmp_path: Path) -> None:
    there = make_folder("there")
    name = f"rows/{make_row().trial_id}.json"
    (there / name).write_bytes(to_json(make_row()).replace("\n", "\r\n").encode())
    merge(tmp_path / "here", [there])
    assert content(tmp_path / "here")[name] == content(there)[name]


def test_tables_are_those_of_all_rows(make_row: MakeRow, make_folder: MakeFolder, tmp_path: Path) -> None:
    here, there = make_folder("here", *seeds(make_row, 0)), make_folder("there", *seeds(make_row, 1))
    write_tables(here, seeds(make_row, 0))
    merge(here, [there])
    expected = make_folder("expected")
    write_tables(expected, seeds(make_row, 0, 1))
    assert [(here / name).read_bytes() for name in ("trials.csv", "history.csv", "summary.csv")] == [
        (expected / name).read_bytes() for name in ("trials.csv", "history.csv", "summary.csv")
    ]
    assert (len(read_trials(here)), len(read_history(here))) == (2, 2)


def test_merging_again_changes_nothing(make_row: MakeRow, make_folder: MakeFolder) -> None:
    here, there = make_folder("here", *seeds(make_row, 0)), make_folder("there", *seeds(make_row, 0, 1))
    merge(here, [there])
    before = content(here)
    assert merge(here, [there]) == MergeResult(num_copied=0, num_replaced=0, num_known=2, num_files=0)
    assert content(here) == before


def test_sources_stay_as_they_are(make_row: MakeRow, make_folder: MakeFolder) -> None:
    here, there = make_folder("here", *seeds(make_row, 0)), make_folder("there", *seeds(make_row, 1))
    before = content(there)
    merge(here, [there])
    assert content(there) == before


def test_merge_that_was_cut_short_goes_on(make_row: MakeRow, make_folder: MakeFolder, tmp_path: Path) -> None:
    there = make_folder("there", *seeds(make_row, 0, 1, 2))
    merge(tmp_path / "whole", [there])
    shutil.copytree(tmp_path / "whole", tmp_path / "half")
    (tmp_path / "half" / "rows" / f"{seeds(make_row, 1)[0].trial_id}.json").unlink()
    (tmp_path / "half" / "trials.csv").unlink()
    merge(tmp_path / "half", [there])
    assert content(tmp_path / "half") == content(tmp_path / "whole")


SAME = [
    {},
    {"seconds_total": 99.0, "seconds_setup": 1.0, "seconds_train": 2.0, "seconds_evaluate": 3.0},
    {"worker": "elsewhere:7"},
    {"version": "0.2.0"},
    {"environment": {"processor": "another", "threads": 4}},
    {"error": "its model could not be saved: disk full"},
    {"history": tuple(point._replace(seconds=9.0) for point in POINTS)},
]


@pytest.mark.parametrize("given", SAME, ids=str)
def test_what_a_machine_may_do_otherwise_is_no_conflict_and_the_first_row_stays(
    make_row: MakeRow, make_folder: MakeFolder, given: dict[str, Any]
) -> None:
    row = make_row(history=POINTS)
    here, there = make_folder("here", row), make_folder("there", replace(row, **given))
    assert merge(here, [there]) == MergeResult(num_copied=0, num_replaced=0, num_known=1, num_files=0)
    assert Ledger(here).rows() == {row.trial_id: row}


OTHER = [
    ({"val_accuracy": 0.8999999999999999}, "val_accuracy is 0.9 in {here} but 0.8999999999999999 in {there}"),
    ({"num_test": None}, "num_test is 300 in {here} but None in {there}"),
    ({"val_loss": 0.31}, "val_loss"),
    ({"train_loss": 0.21}, "train_loss"),
    ({"num_test": 301}, "num_test"),
    ({"steps": 99}, "steps"),
    ({"parameters": 651}, "parameters"),
    ({"status": Status.DIVERGED}, "status is ok in {here} but diverged in {there}"),
    ({"history": POINTS[:2]}, "train_loss at step 30 is 0.03333333333333333 in {here} but None in {there}"),
    ({"history": (*POINTS[:2], POINTS[2]._replace(val_loss=0.0))}, "val_loss at step 30"),
    ({"history": (*POINTS[:2], POINTS[2]._replace(learning_rate=0.2))}, "learning_rate at step 30"),
    ({"val_accuracy": 0.8, "version": "0.2.0"}, "0.8 in {there}, of versions 0.1.0 and 0.2.0"),
]


@pytest.mark.parametrize(("given", "part"), OTHER, ids=str)
def test_other_figures_of_a_trial_are_a_conflict_and_nothing_is_written(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, given: dict[str, Any], part: str
) -> None:
    row, new = make_row(history=POINTS), make_row(TrialConfig(seed=1))
    here, there = make_folder("here", row), make_folder("there", replace(row, **given), new)
    before = content(here)
    told = part.format(here=here, there=there)
    with refused(LedgerError, "nothing was merged, since 1 trial has", f"{row.trial_id} (", told, "mnist-sweep replay"):
        merge(here, [there])
    assert content(here) == before


def test_conflict_between_two_sources_makes_no_new_folder(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path
) -> None:
    one, other = make_folder("one", make_row()), make_folder("other", make_row(val_loss=0.1))
    with refused(LedgerError, f"val_loss is 0.3 in {one} but 0.1 in {other}"):
        merge(tmp_path / "here", [one, other])
    assert not (tmp_path / "here").exists()


def test_many_conflicts_are_counted_and_the_first_five_named(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused
) -> None:
    here = make_folder("here", *seeds(make_row, *range(9)))
    there = make_folder("there", *seeds(make_row, *range(9), val_loss=0.1))
    named = [row.trial_id for row in seeds(make_row, *range(5))]
    with refused(LedgerError, "9 trials have", *named, "4 more; "):
        merge(here, [there])


def test_failed_row_gives_way_to_any_other(make_row: MakeRow, make_folder: MakeFolder) -> None:
    good = {status: make_row(status=status, val_loss=0.3) for status in Status if status is not Status.FAILED}
    failed = make_row(status=Status.FAILED, error="no luck")
    for status, row in good.items():
        here, there = make_folder(f"here {status}", failed), make_folder(f"there {status}", row)
        assert merge(here, [there]) == MergeResult(num_copied=0, num_replaced=1, num_known=0, num_files=0)
        assert list(Ledger(here).rows().values()) == [row]
        assert merge(there, [make_folder(f"late {status}", failed)]).num_known == 1
        assert list(Ledger(there).rows().values()) == [row]


def test_of_two_failures_the_first_stays(make_row: MakeRow, make_folder: MakeFolder) -> None:
    rows = [make_row(status=Status.FAILED, error=error) for error in ("no luck", "no memory")]
    here, there = make_folder("here", rows[0]), make_folder("there", rows[1])
    assert merge(here, [there]).num_known == 1
    assert list(Ledger(here).rows().values()) == [rows[0]]


STOPPED = {"status": Status.STOPPED, "val_accuracy": None, "val_loss": None}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_of_a_stopped_trial_the_row_stays_that_came_furthest(
    make_row: MakeRow, make_folder: MakeFolder, tmp_path: Path, order: tuple[int, ...]
) -> None:
    rows = [
        make_row(**STOPPED, steps=10, history=POINTS[:1]),
        make_row(**STOPPED, steps=20, history=POINTS[:2]),
        make_row(steps=30, history=POINTS),
    ]
    merge(tmp_path / "here", [make_folder(str(number), rows[number]) for number in order])
    assert list(Ledger(tmp_path / "here").rows().values()) == [rows[2]]


def test_stopped_row_with_other_points_than_the_whole_one_is_a_conflict(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused
) -> None:
    stopped = make_row(**STOPPED, steps=10, history=(POINTS[0]._replace(val_loss=9.0),))
    here, there = make_folder("here", stopped), make_folder("there", make_row(steps=30, history=POINTS))
    with refused(LedgerError, f"val_loss at step 10 is 9.0 in {here} but 0.2 in {there}"):
        merge(here, [there])


def add(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_models_and_predictions_go_along_with_their_rows_and_nothing_else_does(
    make_row: MakeRow, make_folder: MakeFolder
) -> None:
    here, there = make_folder("here", *seeds(make_row, 0)), make_folder("there", *seeds(make_row, 0, 1))
    known, new = (row.trial_id for row in seeds(make_row, 0, 1))
    add(here, f"models/{known}.keras", "ours")
    for name in (known, new, "0123456789ab-0"):
        add(there, f"models/{name}.keras", "theirs")
        add(there, f"predictions/{name}.npz", "theirs")
        add(there, f"predictions/{name}-mistakes.npz", "theirs")
    for name in ("predictions/labels-0123456789ab.npz", "logs/events", "runs.jsonl", "models/.half.keras"):
        add(there, name, "theirs")
    assert merge(here, [there]).num_files == 6
    companions = {name: text for name, text in content(here).items() if not name.endswith((".json", ".csv"))}
    assert companions == {
        f"models/{known}.keras": b"ours",
        f"models/{new}.keras": b"theirs",
        f"predictions/{known}.npz": b"theirs",
        f"predictions/{known}-mistakes.npz": b"theirs",
        f"predictions/{new}.npz": b"theirs",
        f"predictions/{new}-mistakes.npz": b"theirs",
        "predictions/labels-0123456789ab.npz": b"theirs",
    }


def test_what_a_failed_trial_left_does_not_go_along(make_row: MakeRow, make_folder: MakeFolder) -> None:
    row = make_row()
    here, there = make_folder("here", row), make_folder("there", make_row(status=Status.FAILED))
    add(there, f"predictions/{row.trial_id}.npz", "half")
    assert merge(here, [there]).num_files == 0


def test_folder_that_a_run_is_using_is_not_merged_into(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused
) -> None:
    here, there = make_folder("here", make_row()), make_folder("there", *seeds(make_row, 1))
    with Lock(here) as lock, refused(LedgerError, f"{here} is in use by process {os.getpid()}"):
        lock.acquire()
        merge(here, [there])
    assert list(Ledger(here).rows()) == [make_row().trial_id]
    assert merge(here, [there]).num_copied == 1


def test_rows_that_a_run_commits_into_a_new_folder_meanwhile_stay(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, failed = make_row(), make_folder("there", make_row(status=Status.FAILED))

    def compare(folders: Any) -> str | None:
        make_folder("here", there)  # as a run does that starts and ends now
        return contradiction(folders)

    monkeypatch.setattr(merging, "contradiction", compare)
    with refused(LedgerError, "another run has just written to", "run the same command again."):
        merge(tmp_path / "here", [failed])
    assert Ledger(tmp_path / "here").rows() == {there.trial_id: there}


@pytest.mark.parametrize("name", ["here", "here/../here", "link"])
def test_folder_is_not_merged_into_itself(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path, name: str
) -> None:
    here = make_folder("here", make_row())
    (tmp_path / "link").symlink_to(here)
    with refused(LedgerError, f"{tmp_path / name} cannot be merged into itself"):
        merge(here, [tmp_path / name])


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_source_without_rows_is_refused(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path, name: str
) -> None:
    here = make_folder("here", make_row())
    make_folder("empty")
    with refused(LedgerError, f"{tmp_path / name} holds no rows"):
        merge(here, [tmp_path / name])


@pytest.mark.parametrize("name", ["here", "there"])
def test_damaged_row_anywhere_is_named_before_anything_is_written(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path, name: str
) -> None:
    here, there = make_folder("here", make_row()), make_folder("there", *seeds(make_row, 1))
    (tmp_path / name / "rows" / "notes.txt").write_text("a note")
    before = content(here)
    with refused(RowError, "notes.txt", f"`mnist-sweep mend {tmp_path / name}`"):
        merge(here, [there])
    assert content(here) == before


def test_companions_that_cannot_be_copied_are_told(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused
) -> None:
    here, there = make_folder("here", make_row()), make_folder("there", make_row())
    add(there, f"models/{make_row().trial_id}.keras", "theirs")
    (here / "models").write_text("in the way")
    with refused(LedgerError, str(here / "models"), "File exists"):
        merge(here, [there])


def test_differences_are_found_bit_for_bit(make_row: MakeRow) -> None:
    one = make_row(val_loss=0.0, history=POINTS)
    other = replace(one, val_loss=-0.0, train_loss=0.2 + 2**-55)
    assert differences(one, one) == []
    assert differences(one, other) == [
        RowDifference("val_loss", None, 0.0, -0.0),
        RowDifference("train_loss", None, 0.2, 0.2 + 2**-55),
    ]


def test_a_point_that_a_row_lacks_is_a_difference_in_every_figure_of_it(make_row: MakeRow) -> None:
    found = differences(make_row(history=POINTS[1:]), make_row(history=POINTS))
    assert [(item.name, item.step, item.one) for item in found] == [
        (name, 10, None) for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
    ]


def test_rows_of_different_sweeps_lie_side_by_side(make_row: MakeRow, make_folder: MakeFolder) -> None:
    rows = [make_row(), make_row(TrialConfig(model=CNN(dropout=0.5)))]
    here, there = (make_folder(str(number), row) for number, row in enumerate(rows))
    merge(here, [there])
    assert Ledger(here).rows() == {row.trial_id: row for row in sorted(rows, key=lambda row: row.trial_id)}


@pytest.mark.parametrize("linked", ["models", "models/{}.keras", "predictions/{}.npz"])
def test_links_are_left_out_and_named_since_they_may_lead_anywhere(
    make_row: MakeRow, make_folder: MakeFolder, tmp_path: Path, linked: str
) -> None:
    row = make_row()
    there, outside = make_folder("there", row), tmp_path / "outside"
    outside.mkdir()
    (outside / f"{row.trial_id}.keras").write_text("private")
    link = there / linked.format(row.trial_id)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside if linked == "models" else outside / f"{row.trial_id}.keras")
    merged = merge(tmp_path / "all", [there])
    assert (merged.num_copied, merged.num_files, len(merged.left_out)) == (1, 0, 1)
    assert link in (merged.left_out[0], merged.left_out[0].parent)
    assert not list((tmp_path / "all").glob("models/*"))


def test_nothing_is_written_through_a_link(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path
) -> None:
    here, there = make_folder("here", make_row()), make_folder("there", make_row(TrialConfig(seed=1)))
    (there / "models").mkdir()
    (there / "models" / f"{make_row(TrialConfig(seed=1)).trial_id}.keras").write_text("a model")
    (tmp_path / "elsewhere").mkdir()
    (here / "models").symlink_to(tmp_path / "elsewhere")
    with refused(LedgerError, f"cannot be copied to {here / 'models'} ({here / 'models'} is a link)"):
        merge(here, [there])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_pipe_in_the_place_of_a_model_is_not_waited_for(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path
) -> None:
    there = make_folder("there", make_row())
    (there / "models").mkdir()
    os.mkfifo(there / "models" / f"{make_row().trial_id}.keras")
    with refused(LedgerError, "cannot be copied to", "(it is a special file)"):
        merge(tmp_path / "all", [there])


def test_file_of_any_size_takes_no_memory_and_one_that_no_command_reads_is_not_copied(
    make_row: MakeRow, make_folder: MakeFolder, refused: Refused, tmp_path: Path
) -> None:
    there, name = make_folder("there", make_row()), make_row().trial_id
    for file in (f"models/{name}.keras", f"predictions/{name}.npz"):
        (there / file).parent.mkdir(exist_ok=True)
        (there / file).touch()
        os.truncate(there / file, npz.MAX_BYTES + 1)
    tracemalloc.start()
    with refused(LedgerError, f"{name}.npz cannot be copied to", "more than the 67 MB allowed", "merge again"):
        merge(tmp_path / "all", [there])
    assert tracemalloc.get_traced_memory()[1] < npz.MAX_BYTES // 4
    tracemalloc.stop()
    assert [path.name for path in (tmp_path / "all").glob("*/*")] == [f"{name}.keras"]


FIRST, SECOND = Path("one"), Path("other")


def by_id(*rows: TrialRow) -> dict[str, TrialRow]:
    return {row.trial_id: row for row in rows}


def test_shares_of_one_sweep_are_related(make_row: MakeRow) -> None:
    one = [make_row(TrialConfig(data=Digits(val_size=10)), data_digest="a")]
    other = [make_row(TrialConfig(data=Digits(val_size=20)), data_digest="b"), make_row(TrialConfig(data=MNIST()))]
    assert contradiction({FIRST: by_id(*one), SECOND: by_id(*other)}) is None
    assert contradiction({FIRST: {}, SECOND: by_id(*other)}) is None


def test_other_digests_of_the_same_data_are_a_contradiction(make_row: MakeRow) -> None:
    one, other = make_row(data_digest="a"), make_row(data_digest="b")
    cause = contradiction({FIRST: by_id(one), SECOND: by_id(other)})
    assert cause is not None
    assert cause.startswith("one and other were trained with other data or code: the digest of data=digits")
    assert contradiction({FIRST: by_id(one), SECOND: by_id(make_row())}) is None


def test_data_sets_of_which_none_is_shared_are_a_contradiction(make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(data=data)) for data in (Digits(), MNIST())]
    cause = "one and other share no config and use different data: digits and mnist"
    assert contradiction({FIRST: by_id(rows[0]), SECOND: by_id(rows[1])}) == cause


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
