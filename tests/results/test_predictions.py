"""Laws of kept predictions: they come back as they were, and nothing else, nor another row's, is taken for them."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep import CIFAR10, MNIST, Digits, LogLoss, Softmax, TrialConfig
from mnist_sweep.errors import DataError, IncomparableError, LedgerError
from mnist_sweep.results.predictions import (
    Predictions,
    are_kept,
    data_id,
    equal,
    image_values,
    path_of,
    read,
    read_labels,
    write,
    write_labels,
)
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow, Refused

KEPT = Predictions(np.arange(300, dtype=np.uint8) % 10, np.arange(200, dtype=np.uint8) % 7)
LABELS = Predictions(np.array([0, 1, 2, 3]), np.array([3, 2, 1]))
ACCURACIES = {"val_accuracy": 0.75, "test_accuracy": 1.0}


@pytest.mark.parametrize(
    ("num_classes", "dtype"), [(1, "uint8"), (10, "uint8"), (256, "uint8"), (257, "uint16"), (2**16, "uint16")]
)
@pytest.mark.parametrize("given_dtype", ["int64", "int32", "uint16"])
def test_classes_come_back_in_the_smallest_dtype(
    tmp_path: Path, num_classes: int, dtype: str, given_dtype: str
) -> None:
    kept = Predictions(np.array([num_classes - 1, 0]), np.array([0, num_classes - 1, num_classes // 2]))
    write(tmp_path, "abc-0", Predictions(*(classes.astype(given_dtype) for classes in kept[:2])))
    found = read(tmp_path, "abc-0")
    assert equal(found, kept)
    assert [classes.dtype.name for classes in found[:2]] == [dtype, dtype]


def test_an_image_takes_a_byte_at_most(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    write(tmp_path, "abc-0", Predictions(draw.integers(0, 10, 5000), draw.integers(0, 10, 10_000)))
    assert path_of(tmp_path, "abc-0").stat().st_size < 15_000


def test_same_predictions_make_the_same_bytes(tmp_path: Path) -> None:
    for trial_id in ("abc-0", "abc-1"):
        write(tmp_path, trial_id, KEPT)
    assert path_of(tmp_path, "abc-0").read_bytes() == path_of(tmp_path, "abc-1").read_bytes()


def test_writing_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    write(tmp_path, "abc-0", KEPT)
    write(tmp_path, "abc-0", KEPT._replace(val=KEPT.val[::-1]))
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == ["predictions/abc-0.npz"]
    assert (read(tmp_path, "abc-0").val == KEPT.val[::-1]).all()


JUDGED = {"objective": {"name": "log_loss", "direction": "minimize", "unit": "nats"}, "val_accuracy": 0.5}


def test_the_values_of_images_are_those_of_the_rows_and_of_no_others(
    tmp_path: Path, make_row: MakeRow, refused: Refused
) -> None:
    values = np.linspace(0, 1, 4), np.linspace(0, 2, 3)
    errors = {"val_objective_error": 0.1, "test_objective_error": 0.1}
    row = make_row(TrialConfig(objective=LogLoss()), val_objective=0.5, test_objective=1.0, **JUDGED, **errors)
    write_labels(tmp_path, data_id(row.config), LABELS)
    write(tmp_path, row.trial_id, LABELS._replace(val_values=values[0], test_values=values[1]))
    assert are_kept(tmp_path, [row])
    for found, expected in zip(image_values(tmp_path, [row, row]), values, strict=True):
        assert found.dtype == np.float64
        assert found == pytest.approx(np.stack([expected] * 2))
    with refused(LedgerError, "does not give the log loss of the trial's row"):
        image_values(tmp_path, [replace(row, val_objective=0.6)])
    without = replace(row, val_objective_error=None)
    assert not are_kept(tmp_path, [row, without])
    with refused(IncomparableError, "no image has its own log loss"):
        image_values(tmp_path, [without])


def test_a_results_folder_that_is_moved_away_is_not_made_again(tmp_path: Path, refused: Refused) -> None:
    with refused(LedgerError, "No such file or directory", "make or restore the folder"):
        write(tmp_path / "moved", "a-0", Predictions(val=np.array([1]), test=np.array([1])))
    assert not (tmp_path / "moved").exists()


def test_labels_lie_once_for_each_data_set(tmp_path: Path) -> None:
    digits, cifar10 = (data_id(to_flat(TrialConfig(data=data))) for data in (Digits(), CIFAR10()))
    for _ in range(2):
        write_labels(tmp_path, digits, KEPT)
    write_labels(tmp_path, cifar10, KEPT._replace(val=KEPT.test))
    assert sorted(path.name for path in (tmp_path / "predictions").iterdir()) == sorted(
        [f"labels-{digits}.npz", f"labels-{cifar10}.npz"]
    )
    assert equal(read_labels(tmp_path, digits), KEPT)


def test_data_id_is_that_of_the_data_alone() -> None:
    ids = {
        data_id(to_flat(config))
        for config in (TrialConfig(), TrialConfig(seed=3, model=Softmax()), TrialConfig(num_steps=7))
    }
    assert len(ids) == 1
    assert data_id(to_flat(TrialConfig(data=Digits(val_size=200)))) not in ids


def test_other_labels_of_the_same_data_are_refused(tmp_path: Path, refused: Refused) -> None:
    write_labels(tmp_path, "abc", KEPT)
    with refused(LedgerError, "labels-abc.npz", "other labels"):
        write_labels(tmp_path, "abc", KEPT._replace(test=KEPT.test[:-1]))
    assert equal(read_labels(tmp_path, "abc"), KEPT)


@pytest.mark.parametrize("classes", [[-1, 2], [2**16], [0.5], [[1, 2]], [], ["1"]])
def test_what_are_no_classes_are_refused(tmp_path: Path, refused: Refused, classes: Any) -> None:
    with refused(DataError, "class"):
        write(tmp_path, "abc-0", Predictions(np.array(classes), KEPT.test))
    assert list(tmp_path.iterdir()) == []


def test_missing_files_are_named_with_the_way_out(tmp_path: Path, refused: Refused) -> None:
    with refused(LedgerError, "abc-0", str(tmp_path / "predictions"), "move", "rows/abc-0.json"):
        read(tmp_path, "abc-0")
    with refused(LedgerError, "labels-abc.npz", "next run"):
        read_labels(tmp_path, "abc")


def content(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def archive(name: str, text: bytes, *others: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for one in (name, *others):
            written.writestr(one, text)
    return file.getvalue()


HUGE = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(117)
DAMAGED = {
    "nothing": b"",
    "text": b"a note",
    "one array": content(val=KEPT.val),
    "two axes": content(val=KEPT.val[None], test=KEPT.test),
    "floats": content(val=KEPT.val / 1.0, test=KEPT.test),
    "no images": content(val=KEPT.val[:0], test=KEPT.test),
    "no arrays": archive("val.npy", b"a note", "test.npy"),
    "objects": content(val=np.array([{}, {}]), test=KEPT.test),
    "another archive": archive("val.npy", b"a note"),
    "a size that no memory holds": archive("val.npy", HUGE + b"\n"),
}


@pytest.mark.parametrize("name", list(DAMAGED))
def test_file_that_holds_no_predictions_is_named(tmp_path: Path, refused: Refused, name: str) -> None:
    write(tmp_path, "abc-0", KEPT)
    path_of(tmp_path, "abc-0").write_bytes(DAMAGED[name])
    with refused(LedgerError, str(path_of(tmp_path, "abc-0")), "damaged", "move it away"):
        read(tmp_path, "abc-0")


@settings(max_examples=100, deadline=None, database=None)
@given(data=st.data())
def test_changed_bytes_are_named_or_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage", numbered=True)
    write(folder, "abc-0", KEPT)
    path = path_of(folder, "abc-0")
    changed = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(changed[: data.draw(st.integers(0, len(changed)))] if data.draw(st.booleans()) else changed))
    try:
        message = "" if equal(read(folder, "abc-0"), KEPT) else "other predictions"
    except LedgerError as error:
        message = str(error)
    assert message == "" or (str(path) in message and len(message.splitlines()) == 1)


@pytest.fixture
def keep(tmp_path: Path, make_row: MakeRow) -> Callable[..., TrialRow]:
    """Rows of trials that are wrong about the last validation image, and whose predictions are kept."""

    def make(config: TrialConfig, labels: Predictions = LABELS, **given: Any) -> TrialRow:
        row = make_row(config, **(ACCURACIES | given))
        write(tmp_path, row.trial_id, labels._replace(val=np.array([0, 1, 2, 9])))
        write_labels(tmp_path, data_id(row.config), labels)
        return row

    return make


def test_images_are_told_apart_in_the_order_of_the_trials(tmp_path: Path, keep: Callable[..., TrialRow]) -> None:
    rows = [keep(TrialConfig(seed=seed)) for seed in range(2)]
    assert are_kept(tmp_path, rows)
    found = image_values(tmp_path, rows)
    assert found.val.tolist() == [[True, True, True, False]] * 2
    assert found.test.tolist() == [[True, True, True]] * 2


def test_predictions_that_are_not_kept_are_named(tmp_path: Path, make_row: MakeRow, refused: Refused) -> None:
    row = make_row()
    assert not are_kept(tmp_path, [row])
    with refused(LedgerError, row.trial_id, "not kept"):
        image_values(tmp_path, [row])


@pytest.mark.parametrize("given", [{"val_accuracy": 1.0}, {"test_accuracy": 0.5}, {"test_accuracy": None}])
def test_predictions_that_contradict_their_row_are_refused(
    tmp_path: Path, keep: Callable[..., TrialRow], refused: Refused, given: dict[str, Any]
) -> None:
    row = keep(TrialConfig(), **given)
    with refused(LedgerError, f"{row.trial_id}.npz", "the accuracy of the trial's row"):
        image_values(tmp_path, [row])


def test_trials_on_different_images_are_not_paired(
    tmp_path: Path, keep: Callable[..., TrialRow], refused: Refused
) -> None:
    rows = [keep(TrialConfig()), keep(TrialConfig(data=MNIST()), LABELS._replace(test=np.array([1, 2, 3])))]
    with refused(LedgerError, rows[0].trial_id, "different images"):
        image_values(tmp_path, rows)
