"""Laws of the tables: which columns, in which order, and that no figure shifts, vanishes or is made up."""

import csv
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep import (
    CNN,
    Adam,
    GradientDescent,
    Momentum,
    Softmax,
    TrialConfig,
    grid,
    read_history,
    read_summary,
    read_trials,
    repeat,
)
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import all_frames, trials_frame
from mnist_sweep.results.csv_io import table_versions, write_table, write_tables
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.conftest import MakeRow, Refused

SOFTMAX = TrialConfig(model=Softmax(), optimizer=GradientDescent())

CONFIG = (
    "data, data.val_size, data.test_size, model, model.initializer, optimizer, optimizer.learning_rate, schedule, "
    "schedule.warmup_steps, loss, loss.label_smoothing, loss.class_weights, "
    "num_steps, batch_size, evaluate_every, precision, log_every, weight_decay, augmentation, "
    "changes"
)
TRIALS = (
    f"trial_id, config_id, seed, status, {CONFIG}, val_accuracy, val_loss, test_accuracy, test_accuracy_low, "
    "test_accuracy_high, train_loss, steps, parameters, seconds_total, seconds_setup, seconds_train, "
    "seconds_evaluate, worker, version, error, data_digest, code_digest, merged_from"
)
HISTORY = "trial_id, step, train_loss, train_accuracy, val_loss, val_accuracy, learning_rate, seconds"
SUMMARY = (
    f"config_id, {CONFIG}, n, val_accuracy_mean, val_accuracy_std, val_accuracy_low, val_accuracy_high, "
    "test_accuracy_mean, test_accuracy_std, test_accuracy_low, test_accuracy_high"
)


def point(**given: Any) -> Evaluation:
    figures = {"train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}
    return Evaluation(**{"step": 1, "learning_rate": 0.1, "seconds": 0.1} | figures | given)


def cells(path: Path) -> list[dict[str, str]]:
    """Return the lines of a CSV file as text, read by Python's own reader."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(folder: Path, rows: list[TrialRow]) -> list[dict[str, str]]:
    return cells(write_tables(folder, rows)[0])


def test_files_are_trials_history_and_summary_and_nothing_else(tmp_path: Path, make_row: MakeRow) -> None:
    names = ["trials.csv", "history.csv", "summary.csv"]
    assert [path.name for path in write_tables(tmp_path, [make_row()])] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_tables_that_a_run_has_written_since_the_rows_were_read_stay(tmp_path: Path, make_row: MakeRow) -> None:
    older, *newer = (make_row(TrialConfig(seed=seed)) for seed in range(3))
    for num_newer in (1, 2):
        before = table_versions(tmp_path)
        files = write_tables(tmp_path, [older, *newer[:num_newer]])
        assert write_tables(tmp_path, [older], instead_of=before) == files
        assert len(cells(files[0])) == 1 + num_newer
    write_tables(tmp_path, [older], instead_of=table_versions(tmp_path))
    assert len(cells(files[0])) == 1
    assert sorted(tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize(("name", "columns"), [("trials", TRIALS), ("history", HISTORY)])
def test_columns_are_those_of_the_contract(tmp_path: Path, make_row: MakeRow, name: str, columns: str) -> None:
    write_tables(tmp_path, [make_row(SOFTMAX)])
    assert (tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0] == columns.replace(", ", ",")


def test_columns_of_the_summary_begin_as_in_the_contract_and_each_figure_has_its_four(
    tmp_path: Path, make_row: MakeRow
) -> None:
    write_tables(tmp_path, [make_row(SOFTMAX)])
    columns = (tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    contract = SUMMARY.split(", ")
    assert columns[: len(contract)] == contract
    figures = [column.removesuffix("_mean") for column in columns if column.endswith("_mean")]
    assert columns[columns.index("n") + 1 :] == [
        f"{f}_{end}" for f in figures for end in ("mean", "std", "low", "high")
    ]


def test_a_table_of_an_earlier_version_is_read_without_its_later_columns(tmp_path: Path, make_row: MakeRow) -> None:
    now = cells(write_tables(tmp_path, [make_row(SOFTMAX, data_digest="ab12")])[0])
    later = ("data_digest", "code_digest", "merged_from")
    earlier = [{name: cell for name, cell in line.items() if name not in later} for line in now]
    with (tmp_path / "trials.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, earlier[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(earlier)
    frame = read_trials(tmp_path)
    assert frame["val_accuracy"].tolist() == [0.9]
    assert frame[[*later]].isna().all(axis=None)


@pytest.mark.parametrize("text", ["a,b", "a\nb", "a\rb"])
def test_cells_are_written_as_pandas_writes_them(tmp_path: Path, text: str) -> None:
    columns = {
        "text": pd.Series([text, None, 'say "it"'], dtype="str"),
        "float": [1.0, float("nan"), -1e-05],
        "whole": pd.Series([2**62, None, 0], dtype="Int64"),
        "flag": [True, False, True],
        "mixed": pd.Series([True, None, 2**70], dtype="object"),
    }
    frame = pd.DataFrame(columns)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if "\r" in text else csv.QUOTE_MINIMAL
    expected = frame.to_csv(index=False, lineterminator="\n", quoting=quoting)
    assert write_table(tmp_path / "effects.csv", frame).read_bytes().decode() == expected


def test_every_config_is_one_line_with_its_own_fields_only(
    tmp_path: Path, make_row: MakeRow, mixture: list[TrialConfig]
) -> None:
    rows = {row.trial_id: row for row in map(make_row, mixture)}
    lines = written(tmp_path, list(rows.values()))
    assert sorted(line["trial_id"] for line in lines) == sorted(rows)
    for line in lines:
        config = rows[line["trial_id"]].config
        for column in list(line)[4 : list(line).index("val_accuracy")]:
            value = config.get(column)
            shown = "" if value is None else json.dumps(value) if isinstance(value, list) else str(value)
            assert line[column] == shown, column


def test_whole_numbers_are_written_whole_among_rows_that_have_none(tmp_path: Path, make_row: MakeRow) -> None:
    lines = written(tmp_path, [make_row(TrialConfig()), make_row(SOFTMAX)])
    assert sorted((line["model"], line["model.units"]) for line in lines) == [("cnn", "1024"), ("softmax", "")]


def test_large_whole_number_is_exact_beside_a_missing_one(tmp_path: Path, make_row: MakeRow) -> None:
    rows = [make_row(parameters=2**62 - 1), make_row(SOFTMAX, parameters=None)]
    assert sorted(line["parameters"] for line in written(tmp_path, rows)) == ["", str(2**62 - 1)]
    assert 2**62 - 1 in read_trials(tmp_path)["parameters"].tolist()


@pytest.mark.parametrize("value", [2**64 - 1, -(10**20)])
def test_whole_number_of_a_config_that_needs_more_than_64_bits_is_exact(
    tmp_path: Path, make_row: MakeRow, value: int
) -> None:
    row = make_row()
    rows = [replace(row, trial_id=str(key), config={**row.config, "model.key": key}) for key in (value, 3, None)]
    assert sorted(line["model.key"] for line in written(tmp_path, rows)) == sorted(["", "3", str(value)])


def test_lists_are_json(tmp_path: Path, make_row: MakeRow) -> None:
    (line,) = written(tmp_path, [make_row(TrialConfig(model=CNN(filters=(8, 16))))])
    assert json.loads(line["model.filters"]) == [8, 16]


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED, Status.STOPPED])
def test_row_without_a_figure_has_an_empty_cell_and_never_a_0(
    tmp_path: Path, make_row: MakeRow, status: Status
) -> None:
    lines = written(tmp_path, [make_row(TrialConfig(seed=1)), make_row(status=status, error="no luck", steps=None)])
    (line,) = (line for line in lines if line["status"] == status.value)
    figures = list(line)[list(line).index("val_accuracy") : list(line).index("worker")]
    assert {name: line[name] for name in figures} == dict.fromkeys(figures, "")
    assert (line["error"], line["seed"], line["worker"]) == ("no luck", "0", "host:1")


def test_figures_are_those_of_the_row(tmp_path: Path, make_row: MakeRow) -> None:
    row = make_row(val_accuracy=0.1 + 0.2, val_loss=5e-324, train_loss=1e300, parameters=2**53 + 1, seconds_total=1 / 3)
    (line,) = written(tmp_path, [row])
    assert line["parameters"] == str(2**53 + 1)
    for name in ("val_accuracy", "val_loss", "test_accuracy", "train_loss", "seconds_total", "seconds_train"):
        assert float(line[name]) == getattr(row, name)


def test_same_rows_make_the_same_bytes_in_any_order(
    tmp_path: Path, make_row: MakeRow, mixture: list[TrialConfig]
) -> None:
    rows = [make_row(config) for config in repeat(mixture, seeds=3)]
    contents = []
    for shuffle in range(4):
        random.Random(shuffle).shuffle(rows)
        contents.append([path.read_bytes() for path in write_tables(tmp_path, rows)])
    assert all(content == contents[0] for content in contents)


def test_history_is_every_evaluation_in_the_order_of_trials_and_steps(tmp_path: Path, make_row: MakeRow) -> None:
    curves = {0: (3, 6, 100), 1: (5,), 2: ()}
    rows = [
        make_row(TrialConfig(seed=seed), history=tuple(point(step=step, seconds=step / 3) for step in steps))
        for seed, steps in curves.items()
    ]
    write_tables(tmp_path, rows[::-1])
    lines = cells(tmp_path / "history.csv")
    assert [(line["trial_id"][-1], int(line["step"])) for line in lines] == [("0", 3), ("0", 6), ("0", 100), ("1", 5)]
    assert [float(line["seconds"]) for line in lines] == [1.0, 2.0, 100 / 3, 5 / 3]


def test_point_of_a_diverged_trial_has_an_empty_cell(tmp_path: Path, make_row: MakeRow) -> None:
    write_tables(tmp_path, [make_row(history=(point(train_loss=None),), status=Status.DIVERGED)])
    (line,) = cells(tmp_path / "history.csv")
    assert (line["train_loss"], line["val_loss"]) == ("", "1")


def test_one_seed_has_a_mean_and_nothing_that_needs_two(tmp_path: Path, make_row: MakeRow) -> None:
    write_tables(tmp_path, [make_row()])
    (line,) = cells(tmp_path / "summary.csv")
    figures = {name: line[f"val_accuracy_{name}"] for name in ("mean", "std", "low", "high")}
    assert (line["n"], figures) == ("1", {"mean": "0.9", "std": "", "low": "", "high": ""})


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED, Status.STOPPED])
def test_config_without_a_good_trial_stays_with_n_0_and_no_figure(
    tmp_path: Path, make_row: MakeRow, status: Status
) -> None:
    rows = [make_row(SOFTMAX), *(make_row(TrialConfig(seed=seed), status=status) for seed in range(2))]
    write_tables(tmp_path, rows)
    lines = {line["model"]: line for line in cells(tmp_path / "summary.csv")}
    assert (lines["softmax"]["n"], lines["cnn"]["n"]) == ("1", "0")
    figures = [name for name in lines["cnn"] if name.endswith(("_mean", "_std", "_low", "_high"))]
    assert {lines["cnn"][name] for name in figures} == {""}


def test_nothing_but_failures_is_still_a_table(tmp_path: Path, make_row: MakeRow) -> None:
    write_tables(tmp_path, [make_row(status=Status.FAILED, error="no luck")])
    assert [line["n"] for line in cells(tmp_path / "summary.csv")] == ["0"]
    assert [line["error"] for line in cells(tmp_path / "trials.csv")] == ["no luck"]
    assert cells(tmp_path / "history.csv") == []


def test_no_rows_make_three_empty_tables_that_can_be_read(tmp_path: Path) -> None:
    write_tables(tmp_path, [])
    assert [len(read(tmp_path)) for read in (read_trials, read_history, read_summary)] == [0, 0, 0]


READERS: dict[str, Callable[[Any], pd.DataFrame]] = {
    "trials": read_trials,
    "history": read_history,
    "summary": read_summary,
}
NAMES = list(READERS)


@pytest.mark.parametrize("name", NAMES)
def test_table_is_read_back_exactly(tmp_path: Path, make_row: MakeRow, mixture: list[TrialConfig], name: str) -> None:
    drawn = random.Random(0)
    rows = [
        make_row(config, **{name: drawn.random() for name in ("val_accuracy", "val_loss", "train_loss")})
        for config in repeat(mixture, seeds=3)
    ]
    rows += [make_row(replace(SOFTMAX, seed=9), status=Status.FAILED, error="no luck")]
    write_tables(tmp_path, rows)
    original, again = dict(all_frames(rows))[name], READERS[name](tmp_path)
    assert list(again.columns) == list(original.columns)
    for column in again.columns:
        pairs = zip(original[column], again[column], strict=True)
        assert all(pd.isna(other) if pd.isna(one) else one == other for one, other in pairs), column


@pytest.mark.parametrize(
    ("columns", "dtype"),
    [
        (["seed", "steps", "parameters"], "Int64"),
        (["num_steps", "batch_size", "data.val_size", "model.units", "schedule.warmup_steps"], "Int64"),
        (["val_accuracy", "test_accuracy_low", "seconds_total"], "float64"),
        (["model.dropout", "optimizer.learning_rate", "optimizer.momentum"], "float64"),
        (["trial_id", "config_id", "status", "worker", "version", "error"], "str"),
        (["data", "model", "model.filters", "precision"], "str"),
    ],
)
@pytest.mark.parametrize(
    "optimizers", [[Momentum()], [Momentum(), Adam()], [Momentum(learning_rate=1.0, momentum=0.0)]], ids=str
)
def test_column_has_the_dtype_of_its_field_whatever_the_values(
    tmp_path: Path, make_row: MakeRow, optimizers: list[Any], columns: list[str], dtype: str
) -> None:
    configs = grid(TrialConfig(model=CNN(dropout=0.0)), {"optimizer": optimizers})
    configs += [SOFTMAX] if len(optimizers) > 1 else []
    write_tables(tmp_path, [make_row(config) for config in configs])
    frame = read_trials(tmp_path)
    assert {column: str(frame[column].dtype) for column in columns} == dict.fromkeys(columns, dtype)


def test_dtypes_of_history_and_summary(tmp_path: Path, make_row: MakeRow) -> None:
    write_tables(tmp_path, [make_row()])
    history, summary = read_history(tmp_path), read_summary(tmp_path)
    assert [str(dtype) for dtype in history.dtypes] == ["str", "Int64", *["float64"] * 6]
    assert (str(summary["n"].dtype), str(summary["val_accuracy_std"].dtype)) == ("Int64", "float64")


@pytest.mark.parametrize("name", NAMES)
def test_reader_takes_the_folder_or_the_file(tmp_path: Path, make_row: MakeRow, name: str) -> None:
    write_tables(tmp_path, [make_row()])
    assert READERS[name](str(tmp_path)).equals(READERS[name](tmp_path / f"{name}.csv"))


IN_CELLS = ["commas, and, more", "\"quotes\" and 'quotes'", "two\nlines", "two\r\nlines", "two\rlines", " spaces "]
LIKE_VALUES = ["NA", "nan", "null", "None", "1", "1e5", "# hash", "tab\t", "é\u2028\U0001f600", '"', "=1+1"]


@pytest.mark.parametrize("text", IN_CELLS + LIKE_VALUES)
def test_text_of_an_error_survives(tmp_path: Path, make_row: MakeRow, text: str) -> None:
    write_tables(tmp_path, [make_row(TrialConfig(seed=1)), make_row(status=Status.FAILED, error=text)])
    frame = read_trials(tmp_path)
    assert list(frame["error"].dropna()) == [text]
    assert len(frame) == 2


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "\n=1", "\0=1", " =1", "\xa0=1", "\uff1d1", "=", "-"]
FORMULAS += ["'=1", "''-1", "' @a"]
PLAIN = ["'a", "a=1", "1-1", "'1", " a", "a@b", '"=1', "[-1]", "(=1)"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_starts_a_formula_has_one_apostrophe_in_front(tmp_path: Path, make_row: MakeRow, text: str) -> None:
    config = {**make_row().config, "model.note": text}
    (line,) = written(tmp_path, [replace(make_row(status=Status.FAILED, error=text, worker=text), config=config)])
    assert [line[name] for name in ("error", "worker", "model.note")] == [f"'{text}"] * 3
    assert cells(tmp_path / "summary.csv")[0]["model.note"] == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_text_that_starts_no_formula_is_written_as_it_is(tmp_path: Path, make_row: MakeRow, text: str) -> None:
    (line,) = written(tmp_path, [make_row(status=Status.FAILED, error=text)])
    assert line["error"] == text


def test_an_empty_text_is_not_a_missing_one(tmp_path: Path, make_row: MakeRow) -> None:
    texts = ["", "'", "''", None, "a"]
    rows = [
        replace(row, config={**row.config, "model.suffix": text, "model.tag": ""})
        for row, text in zip(map(make_row, repeat([TrialConfig()], seeds=5)), texts, strict=True)
    ]
    written(tmp_path, rows)
    frame = read_trials(tmp_path).sort_values("seed")
    assert [None if cell != cell else cell for cell in frame["model.suffix"]] == texts
    assert [*frame["model.tag"]] == [""] * 5
    assert {*frame.groupby("model.suffix").groups} == {"", "'", "''", "a"}


@pytest.mark.parametrize("text", ["a\r=1", "a\r\n=1", "a\n=1", "\r", "a,=1", 'a",=1', 'a"\r=1'])
def test_text_stays_in_one_cell(tmp_path: Path, make_row: MakeRow, text: str) -> None:
    rows = [make_row(), make_row(TrialConfig(seed=1), status=Status.FAILED, error=text)]
    lines = written(tmp_path, rows)
    assert [line["error"].removeprefix("'") for line in lines] == ["", text]
    assert read_trials(tmp_path).drop(columns="error").equals(trials_frame(rows).drop(columns="error"))


def test_numbers_stay_numbers_whatever_their_sign(tmp_path: Path, make_row: MakeRow) -> None:
    config = {**make_row().config, "model.shift": -3, "model.scale": -0.5}
    (line,) = written(tmp_path, [replace(make_row(val_loss=-1.5), config=config)])
    assert [line[name] for name in ("val_loss", "model.shift", "model.scale")] == ["-1.5", "-3", "-0.5"]
    frame = cast(Any, read_trials(tmp_path))
    assert [frame[name][0] for name in ("val_loss", "model.shift", "model.scale")] == [-1.5, -3, -0.5]


def test_numbers_among_texts_of_a_column_stay_as_they_are(tmp_path: Path, make_row: MakeRow) -> None:
    rows = [
        replace(row, config={**row.config, "model.shift": shift})
        for row, shift in zip(map(make_row, repeat([TrialConfig()], seeds=3)), (-3, "-3", None), strict=True)
    ]
    assert sorted(line["model.shift"] for line in written(tmp_path, rows)) == ["", "'-3", "-3"]


EXAMPLES = pytest.mark.parametrize("max_examples", [15, pytest.param(30, marks=pytest.mark.slow)])
TEXTS = st.lists(
    st.builds(
        "{}{}".format,
        st.text("'=+-@ \t\r\n\0\x0b\xa0\uff1d\uff0b\uff0d\uff20\"a1", max_size=6),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    ).filter(bool),
    min_size=5,
    max_size=20,
)


@EXAMPLES
def test_any_text_is_read_back_exactly_and_starts_no_formula(
    tmp_path: Path, make_row: MakeRow, max_examples: int
) -> None:
    @settings(max_examples=max_examples, deadline=None, derandomize=True)
    @given(texts=TEXTS)
    def hold(texts: list[str]) -> None:
        # A column of texts that all look like numbers is one of numbers once it is read; one word more makes it texts.
        rows = [
            replace(
                make_row(TrialConfig(seed=seed), status=Status.FAILED, error=text, worker=text),
                config={**make_row().config, "model.note": text, "seed": seed},
            )
            for seed, text in enumerate([*texts, "word"])
        ]
        lines = written(tmp_path, rows)
        frame = read_trials(tmp_path).sort_values("seed")
        for name in ("error", "worker", "model.note"):
            assert list(frame[name]) == [*texts, "word"]
            cells = [line[name] for line in lines]
            assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20")]
            assert not [cell for cell in cells if cell[0] in "\t\r\n\0"]

    hold()


FIGURE = st.none() | st.floats(allow_nan=False, allow_infinity=False)
FIGURES = st.fixed_dictionaries(
    {
        **dict.fromkeys(("val_accuracy", "val_loss", "train_loss", "seconds_total"), FIGURE),
        **dict.fromkeys(("steps", "parameters"), st.none() | st.integers(0, 2**63 - 1)),
    }
)


@EXAMPLES
def test_any_figures_are_read_back_bit_for_bit(tmp_path: Path, make_row: MakeRow, max_examples: int) -> None:
    @settings(max_examples=max_examples, deadline=None, derandomize=True)
    @given(figures=st.lists(FIGURES, min_size=1, max_size=4))
    def hold(figures: list[dict[str, Any]]) -> None:
        rows = [make_row(TrialConfig(seed=seed), **row) for seed, row in enumerate(figures)]
        write_tables(tmp_path, rows)
        frame = read_trials(tmp_path).sort_values("seed")
        for name in figures[0]:
            cells_read = [None if pd.isna(cell) else cell for cell in frame[name].tolist()]
            assert repr(cells_read) == repr([row[name] for row in figures]), name

    hold()


def test_text_that_is_no_unicode_breaks_no_table(tmp_path: Path, make_row: MakeRow) -> None:
    lines = written(tmp_path, [make_row(status=Status.FAILED, error="no file caf\udce9.npz")])
    assert [line["error"].startswith("no file caf") for line in lines] == [True]


def broken_tables() -> list[Any]:
    header = TRIALS.replace(", ", ",")
    width = header.count(",")
    before = TRIALS.split(", ").index("val_accuracy") - 3
    return [
        pytest.param(b"", ["trials.csv"], id="empty"),
        pytest.param(b"\n\n", ["trials.csv"], id="blank"),
        pytest.param(b"trial_id,seed\na-0,0\n", ["lacks", "config_id", "error"], id="columns missing"),
        pytest.param(f"{header}\n1,2,3,ok,{'x,' * 30}\n".encode(), ["trials.csv"], id="ragged"),
        pytest.param(f"{header}\na,b,none,ok{',' * (width - 3)}\n".encode(), ["none"], id="text for a number"),
        pytest.param(
            f"{header}\na,b,0,ok{',' * before}high{',' * (width - before - 3)}\n".encode(),
            ["high"],
            id="text for a figure",
        ),
        pytest.param(f"{header}\na,b,0.5,ok{',' * (width - 3)}\n".encode(), ["trials.csv"], id="half a seed"),
        pytest.param(f"{header}\na,b,0,fine{',' * (width - 3)}\n".encode(), ["fine", "ok, stopped"], id="no status"),
        pytest.param(b"\xff\xfe\x00trial_id", ["trials.csv"], id="bytes"),
        pytest.param(f'{header}\n"a,b,0,ok\n'.encode(), ["trials.csv"], id="open quote"),
    ]


@pytest.mark.parametrize(("content", "parts"), broken_tables())
def test_table_that_cannot_be_read_is_told_with_the_way_out(
    tmp_path: Path, refused: Refused, content: bytes, parts: list[str]
) -> None:
    (tmp_path / "trials.csv").write_bytes(content)
    with refused(LedgerError, str(tmp_path / "trials.csv"), "`mnist-sweep table DIR`", *parts):
        read_trials(tmp_path)


def repeated(content: bytes) -> bytes:
    return content + content.splitlines(keepends=True)[-1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (repeated, "_id {last}"),
        (repeated, "has more than one line of"),
        (lambda content: content[:-1], "ends in the middle of a line"),
        (lambda content: content[:-9], "ends in the middle of a line"),
        (lambda content: content.replace(b"\n", b"\r\n"), "CR LF"),
    ],
    ids=["a line twice, by its id", "a line twice", "no end", "half a line", "another program's"],
)
def test_table_that_was_changed_is_told_with_the_way_out(
    tmp_path: Path, make_row: MakeRow, refused: Refused, name: str, damage: Callable[[bytes], bytes], part: str
) -> None:
    write_tables(tmp_path, [make_row(one, history=(point(step=5), point(step=9))) for one in (TrialConfig(), SOFTMAX)])
    assert len(READERS[name](tmp_path)) >= 2
    path = tmp_path / f"{name}.csv"
    last = path.read_text(encoding="utf-8").splitlines()[-1].partition(",")[0]
    path.write_bytes(damage(path.read_bytes()))
    with refused(LedgerError, str(path), part.format(last=last), "`mnist-sweep table DIR`"):
        READERS[name](tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_table_that_is_not_there_is_told_with_the_way_out(tmp_path: Path, refused: Refused, name: str) -> None:
    with refused(LedgerError, f"there is no {tmp_path / name}.csv", "`mnist-sweep table DIR`"):
        READERS[name](tmp_path)
    with refused(LedgerError, f"there is no {tmp_path / 'nowhere.csv'}"):
        READERS[name](tmp_path / "nowhere.csv")


def test_one_table_is_not_taken_for_another(tmp_path: Path, make_row: MakeRow, refused: Refused) -> None:
    write_tables(tmp_path, [make_row()])
    with refused(LedgerError, "history.csv", "lacks", "config_id"):
        read_trials(tmp_path / "history.csv")


@pytest.mark.parametrize("folder", ["nowhere", "file/below"])
def test_folder_that_cannot_be_written_is_told_with_the_cause(
    tmp_path: Path, make_row: MakeRow, refused: Refused, folder: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    with refused(LedgerError, str(tmp_path / folder / "history.csv"), "cannot be written"):
        write_tables(tmp_path / folder, [make_row()])
    with pytest.raises(LedgerError) as caught:
        write_tables(tmp_path / folder, [make_row()])
    assert "None" not in str(caught.value)


def test_table_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, make_row: MakeRow, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables(tmp_path, [make_row()])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with refused(LedgerError, "history.csv", "No space left on device"):
        write_tables(tmp_path, [make_row(seconds_total=99.0)])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_users_fields_of_every_json_type_are_kept(tmp_path: Path, make_row: MakeRow) -> None:
    mine = {
        "model": "mine:Net",
        "model.wide": True,
        "model.note": "007",
        "model.sizes": [[1, 2], [3]],
        "model.none": None,
    }
    row = replace(make_row(), config={**make_row().config, **mine})
    (line,) = written(tmp_path, [row])
    assert [line[name] for name in mine] == ["mine:Net", "True", "007", "[[1, 2], [3]]", ""]
    assert cast(Any, read_trials(tmp_path))["model"].tolist() == ["mine:Net"]
