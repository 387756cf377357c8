"""Rows as pandas DataFrames: columns, order and dtypes.

A frame has one set of columns for all its rows, so a column can neither shift nor vanish. Its lines are sorted by the
fields of the configs, so the same rows give the same frame, whatever their order.
"""

import dataclasses
import json
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mnist_sweep.optim.losses import LOSSES
from mnist_sweep.text.names import PARTS, REQUIRED_PARTS
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure

if TYPE_CHECKING:
    import pandas as pd

ID_COLUMNS = {"trial_id": "str", "config_id": "str", "seed": "Int64", "status": "str"}
METRICS = ("val_accuracy", "val_loss", "test_accuracy", "test_accuracy_low", "test_accuracy_high", "train_loss")
TIMES = ("seconds_total", "seconds_setup", "seconds_train", "seconds_evaluate")
RESULT_COLUMNS = {
    **dict.fromkeys(METRICS, "float64"),
    **dict.fromkeys(("steps", "parameters"), "Int64"),
    **dict.fromkeys(TIMES, "float64"),
    **dict.fromkeys(("worker", "version", "error", *kinds.FIELDS), "str"),
}
OBJECTIVE_COLUMNS = {f"objective_{name}": name for name in ("name", "direction", "unit")}  # unless it is the accuracy
POINT = tuple(name for name in Evaluation._fields if name != "val_objective")
HISTORY_COLUMNS = {"trial_id": "str", **dict.fromkeys(POINT, "float64"), "step": "Int64"}
AVERAGED = ("val_accuracy", "test_accuracy", "val_loss", "seconds_total")
SUMMARY_COLUMNS = {"n": "Int64"} | {
    f"{name}_{statistic}": "float64" for name in AVERAGED for statistic in ("mean", "std", "low", "high")
}


def all_frames(rows: Iterable[TrialRow]) -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield the frames of the three tables with their names, the largest first, so that it is alone in memory.

    `trials` has one line for each row, as `trials_frame` says. `history` has one line for each evaluation, in the order
    of `trials` and then of the steps. `summary` has one line for each config, over its seeds with status `ok`: `n`
    counts them, `_std` is the sample standard deviation, and `_low` and `_high` are the 95% t-interval of the mean, cut
    off at the limits of the metric. The last three are missing where n is below 2, and the interval also where all
    values are equal, which does not tell how they vary. Rows of another kind than most (`trials.kinds`) are left out.
    """
    ordered, columns = _ordered(rows)
    yield "history", _history(ordered)
    trials = _trials(ordered, columns)
    yield "trials", trials
    kept = {row.trial_id for row in kinds.of_one_kind(ordered)[0]}
    is_kept = np.array([row.trial_id in kept for row in ordered], bool)
    yield "summary", _summary(trials, is_kept)


def trials_frame(rows: Iterable[TrialRow]) -> "pd.DataFrame":
    """Return one line for each row: ids, the fields of its config, and results.

    Results that a trial does not have are missing. `test_accuracy_low` and `_high` are the 95% Wilson interval.
    """
    return _trials(*_ordered(rows))


def fields_of(trials: "pd.DataFrame") -> list[str]:
    """Return the columns of a table of trials that are fields of their configs, without the seed."""
    results = ID_COLUMNS.keys() | RESULT_COLUMNS.keys() | OBJECTIVE_COLUMNS.keys()
    names = {str(name) for name in trials["objective_name"].dropna()} if "objective_name" in trials else ()
    results |= {f"{split}_{name}{end}" for name in names for split in ("val", "test") for end in ("", "_error")}
    return [str(name) for name in trials if name not in results]


def config_columns(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns for flat configs: part by part, a part's classes by name, their fields as declared."""
    columns: dict[str, None] = {}
    kinds = {(*(config.get(part) for part in PARTS), *config): config for config in configs}.values()
    for part in PARTS:
        if part not in REQUIRED_PARTS and not any(part in config for config in kinds):
            continue
        columns[part] = None
        seen: dict[tuple[str, ...], str] = {}
        for config in sorted((one for one in kinds if part in one), key=lambda config: str(config[part])):
            seen.setdefault(tuple(name for name in config if name.startswith(f"{part}.")), config[part])
        for names in sorted(seen, key=lambda names: (seen[names], names)):
            columns |= dict.fromkeys(names)
    for config in kinds:
        columns |= dict.fromkeys(name for name in config if "." not in name and name != "seed")
    return list(columns)


def _ordered(rows: Iterable[TrialRow]) -> tuple[list[TrialRow], list[str]]:
    by_id = sorted(rows, key=lambda row: row.trial_id)
    columns = config_columns([row.config for row in by_id])
    cells = _configs(by_id, [*columns, "seed"])
    differing = [name for name in columns if cells[name].count(next(iter(cells[name]), None)) < len(by_id)]
    keys = zip(*(_keys(cells[name]) for name in [*differing, "seed"]), strict=True)
    return [row for _, row in sorted(zip(keys, by_id, strict=True), key=operator.itemgetter(0))], columns


def _configs(rows: Iterable[TrialRow], names: Sequence[str]) -> dict[str, Any]:
    return _by_column(names, [[*map(row.config.get, names)] for row in rows])


def _by_column(names: Sequence[str], lines: Sequence[Iterable[Any]]) -> dict[str, Any]:
    return dict(zip(names, zip(*lines, strict=True) if lines else [()] * len(names), strict=True))


def _keys(column: Sequence[Any]) -> Iterable[Any]:
    kinds = {*map(type, column)}
    return column if kinds <= {int, float, bool} or kinds == {str} else map(_sortable, column)


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    if isinstance(value, bool | int | float):
        return 1, value
    if isinstance(value, list):
        return 3, tuple(_sortable(item) for item in value)
    return 2, str(value)


def _trials(ordered: Sequence[TrialRow], columns: Sequence[str]) -> "pd.DataFrame":
    from mnist_sweep.statistics.intervals import wilson_interval

    results = [item.name for item in dataclasses.fields(TrialRow)]
    table = _by_column(results, [*map(operator.attrgetter(*results), ordered)])
    configs = _configs(ordered, [*columns, "seed"])
    table["seed"] = configs.pop("seed")
    table["status"] = [status.value for status in table["status"]]
    num_test = np.array(table["num_test"], np.float64)  # None becomes NaN
    num_correct = np.round(np.array(table["test_accuracy"], np.float64) * num_test)
    table["test_accuracy_low"], table["test_accuracy_high"] = wilson_interval(num_correct, num_test)
    kinds = {name: {*map(type, cells)} for name, cells in configs.items()}
    for name in (one for one in columns if kinds[one] & {list, dict}):
        configs[name] = [json.dumps(value) if isinstance(value, list | dict) else value for value in configs[name]]
    whole = {name: _whole(configs[name]) for name in columns if kinds[name] <= {int, type(None)}}
    columns_of = {name: table[name] for name in ID_COLUMNS} | configs | {name: table[name] for name in RESULT_COLUMNS}
    judged, dtypes = _judged(ordered)
    return _typed(columns_of | judged, ID_COLUMNS | whole | RESULT_COLUMNS | dtypes)


def _judged(ordered: Sequence[TrialRow]) -> tuple[dict[str, list[Any]], dict[str, str]]:
    objectives = sorted({row.measure.name for row in ordered if row.objective})
    if not objectives:
        return {}, {}
    texts = {name: [row.objective and row.objective[key] for row in ordered] for name, key in OBJECTIVE_COLUMNS.items()}
    values = {
        f"{split}_{name}{end}": [getattr(row, f"{split}{of}") if row.measure.name == name else None for row in ordered]
        for name in objectives
        for split in ("val", "test")
        for end, of in (("", ""), ("_error", "_objective_error"))
    }
    return texts | values, dict.fromkeys(texts, "str") | dict.fromkeys(values, "float64")


def measure_of(trials: "pd.DataFrame") -> Measure:
    """Return what the trials of a table, which are of one kind, are judged by."""
    if "objective_name" not in trials or trials["objective_name"].isna().all():
        return ACCURACY
    cells = trials.loc[trials["objective_name"].notna(), [*OBJECTIVE_COLUMNS]].iloc[0].fillna("")
    return Measure(*cast(Any, map(str, cells)))


def _whole(cells: Sequence[int | None]) -> str:
    """Return the dtype for integers, as those of a user's own class may need more than 64 bits."""
    return "Int64" if max(map(abs, filter(None, cells)), default=0) < 2**63 else "object"


def parse_cell(cell: Any) -> Any:
    """Return the value of a config's field from its cell: lists and objects are parsed from JSON."""
    try:
        return json.loads(cell) if isinstance(cell, str) and cell.startswith(("[", "{")) else cell
    except ValueError:
        return cell


def _history(ordered: Sequence[TrialRow]) -> "pd.DataFrame":
    points = [point for row in ordered for point in row.history]
    table: dict[str, Any] = {
        name: np.array([point[number] for point in points], np.int64 if name == "step" else np.float64)
        for number, name in enumerate(Evaluation._fields)
        if name != "val_objective"
    }
    for name in sorted({row.measure.val for row in ordered if row.objective}):
        table[name] = [
            point.val_objective if row.measure.val == name else None for row in ordered for point in row.history
        ]
    dtypes = HISTORY_COLUMNS | dict.fromkeys(table.keys() - {"step"}, "float64")
    history, ids = (_typed(cells, dtypes) for cells in (table, {"trial_id": [row.trial_id for row in ordered]}))
    history.insert(0, "trial_id", ids["trial_id"].repeat([len(row.history) for row in ordered]).array)
    return history


def _summary(trials: "pd.DataFrame", is_kept: "np.typing.NDArray[np.bool_]") -> "pd.DataFrame":
    from mnist_sweep.statistics.intervals import half_width_of_mean
    from mnist_sweep.statistics.paired_tests import SMALLEST_STD

    columns, measure = fields_of(trials), measure_of(trials[is_kept])
    table = trials.drop_duplicates("config_id")[["config_id", *columns]].set_index("config_id")
    groups = trials[is_kept & (trials["status"] == Status.OK.value)].groupby("config_id", sort=False)
    table["n"] = groups.size().reindex(table.index, fill_value=0)
    has_own_loss = "loss" in table and not table["loss"].dropna().isin(LOSSES).all()  # others are never negative
    judged = [] if measure.is_accuracy else [measure.val, measure.test]
    for name in [*AVERAGED, *judged]:
        mean, std = groups[name].mean().reindex(table.index), groups[name].std(ddof=1).reindex(table.index)
        half = half_width_of_mean(std.where(std > SMALLEST_STD), table["n"])
        table[f"{name}_mean"], table[f"{name}_std"] = mean, std
        is_share = measure.is_share if name in judged else name in ("val_accuracy", "test_accuracy")
        least = None if (name in judged and not is_share) or (name == "val_loss" and has_own_loss) else 0.0
        largest = 1.0 if is_share else None
        table[f"{name}_low"], table[f"{name}_high"] = (mean - half).clip(lower=least), (mean + half).clip(upper=largest)
    return table.reset_index().astype(SUMMARY_COLUMNS)


def _typed(table: Mapping[str, Sequence[Any]], dtypes: Mapping[str, str]) -> "pd.DataFrame":
    import pandas as pd

    def column(name: str, values: Sequence[Any]) -> Any:
        if dtypes.get(name, "str") == "str":
            # Bytes of a file name that are not Unicode are written as escapes.
            texts = (text for text in {*values} if isinstance(text, str) and not text.isascii())
            escaped = {text: text.encode(errors="backslashreplace").decode() for text in texts}
            return [escaped.get(value, value) for value in values] if escaped else list(values)
        if dtypes[name] == "float64":
            return np.array(values, np.float64)
        # Otherwise large integers beside missing ones become floats.
        return pd.Series(values, dtype=dtypes[name])

    frame = pd.DataFrame({name: column(name, values) for name, values in table.items()})
    return frame.astype({name: dtype for name, dtype in dtypes.items() if name in frame.columns})
