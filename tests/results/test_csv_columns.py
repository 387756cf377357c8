"""Laws of the frames: which columns, in which order, and figures with their intervals."""

import json
import math
import random
import statistics
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from mnist_sweep import CrossEntropy, LogLoss, TrialConfig, grid, repeat
from mnist_sweep.results.csv_columns import all_frames, fields_of, measure_of, trials_frame
from mnist_sweep.trials.row import Evaluation, Status
from mnist_sweep.trials.value_format import ACCURACY, Measure
from tests.conftest import MakeRow
from tests.optim.test_losses import squared


def test_columns_of_a_mixture_go_part_by_part(make_row: MakeRow, mixture: list[TrialConfig]) -> None:
    columns = list(trials_frame([make_row(config) for config in mixture]).columns)
    parts = [column.partition(".")[0] for column in columns[4 : columns.index("num_steps")]]
    assert list(dict.fromkeys(parts)) == ["data", "model", "optimizer", "schedule", "loss"]
    assert parts == sorted(parts, key=["data", "model", "optimizer", "schedule", "loss"].index)
    assert len(set(columns)) == len(columns)
    for config in mixture:
        own = [column for column in columns if column in make_row(config).config]
        assert {*own, "seed"} == set(make_row(config).config)


def test_rows_of_versions_without_losses_have_no_column_for_them(make_row: MakeRow) -> None:
    row = make_row()
    old = replace(row, config={name: value for name, value in row.config.items() if not name.startswith("loss")})
    assert not [name for name in trials_frame([old]).columns if name.startswith("loss")]
    assert trials_frame([old, row])["loss"].isna().sum() == 1


@pytest.mark.parametrize("ids", [("0-0", "1-0", "2-0"), ("2-0", "1-0", "0-0")])
def test_columns_are_ordered_by_the_names_of_types_and_not_by_ids(make_row: MakeRow, ids: tuple[str, ...]) -> None:
    models = [{"model": "a:Net", "model.x": 1}, {"model": "b:Net", "model.y": 1}, {"model": "c:Net", "model.x": 1}]
    common = {name: value for name, value in make_row().config.items() if not name.startswith("model")}
    rows = [replace(make_row(), trial_id=name, config=common | model) for name, model in zip(ids, models, strict=True)]
    assert [name for name in trials_frame(rows).columns if name.startswith("model.")] == ["model.x", "model.y"]


def test_lines_are_ordered_by_what_the_configs_say(make_row: MakeRow) -> None:
    configs = grid(TrialConfig(), {"model.filters": [(8,), (16,), (8, 16)], "batch_size": [9, 10, 100]})
    rows = [make_row(config) for config in repeat(configs, seeds=11)]
    random.Random(0).shuffle(rows)
    frame = trials_frame(rows)
    keys = [
        (json.loads(filters), size, seed)
        for filters, size, seed in zip(frame["model.filters"], frame["batch_size"], frame["seed"], strict=True)
    ]
    assert keys == sorted(keys)
    assert len(keys) == 99


def test_extending_a_sweep_keeps_the_order_of_the_lines_there_were(
    make_row: MakeRow, mixture: list[TrialConfig]
) -> None:
    rows = [make_row(config) for config in repeat(mixture, seeds=2)]
    more = [*rows, *(make_row(replace(config, batch_size=10)) for config in mixture)]
    before, after = list(trials_frame(rows)["trial_id"]), list(trials_frame(more)["trial_id"])
    assert [name for name in after if name in before] == before


@pytest.mark.parametrize(
    ("num_correct", "num_test", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_test_accuracy_has_its_wilson_interval(
    make_row: MakeRow, num_correct: int, num_test: int, low: float, high: float
) -> None:
    frame = trials_frame([make_row(test_accuracy=num_correct / num_test, num_test=num_test)])
    assert frame.loc[0, "test_accuracy_low"] == pytest.approx(low, abs=5e-5)
    assert frame.loc[0, "test_accuracy_high"] == pytest.approx(high, abs=5e-5)


def test_wilson_interval_is_that_of_its_formula_and_holds_the_accuracy(make_row: MakeRow) -> None:
    z = statistics.NormalDist().inv_cdf(0.975)
    for num_correct in (0, 9743, 9999, 10_000):
        p, n = num_correct / 10_000, 10_000
        centre, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        line = trials_frame([make_row(test_accuracy=p, num_test=n)]).iloc[0]
        assert line["test_accuracy_low"] == pytest.approx((centre - half) / (1 + z * z / n), abs=1e-12)
        assert line["test_accuracy_high"] == pytest.approx((centre + half) / (1 + z * z / n), abs=1e-12)
        assert line["test_accuracy_low"] <= p <= line["test_accuracy_high"]


def test_summary_is_n_mean_sample_deviation_and_t_interval_over_the_seeds(make_row: MakeRow) -> None:
    accuracies = [0.81, 0.83, 0.88]
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=value) for seed, value in enumerate(accuracies)]
    (line,) = dict(all_frames(rows))["summary"].to_dict("records")
    mean, std = statistics.mean(accuracies), statistics.stdev(accuracies)
    half = 4.302652729911275 * std / math.sqrt(3)  # t for 2 degrees of freedom, from a table
    assert line["n"] == 3
    assert line["val_accuracy_mean"] == pytest.approx(mean, rel=1e-12)
    assert line["val_accuracy_std"] == pytest.approx(std, rel=1e-12)
    assert (line["val_accuracy_low"], line["val_accuracy_high"]) == pytest.approx((mean - half, mean + half), rel=1e-9)


@pytest.mark.parametrize("figure", ["val_accuracy", "test_accuracy", "val_loss", "seconds_total"])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_every_averaged_figure_has_the_interval_that_scipy_computes(make_row: MakeRow, figure: str, n: int) -> None:
    values = [random.Random(seed).uniform(0.7, 0.72) for seed in range(n)]
    rows = [make_row(TrialConfig(seed=seed), **{figure: value}) for seed, value in enumerate(values)]
    (line,) = dict(all_frames(rows))["summary"].to_dict("records")
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (line[f"{figure}_low"], line[f"{figure}_high"]) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_interval_of_a_summary_ends_where_its_figure_cannot_lie(make_row: MakeRow) -> None:
    figures = [(0.99, 0.01, 0.1), (1.0, 0.0, 9.0)]
    rows = [
        make_row(TrialConfig(seed=seed), val_accuracy=val, test_accuracy=test, val_loss=seconds, seconds_total=seconds)
        for seed, (val, test, seconds) in enumerate(figures)
    ]
    (line,) = dict(all_frames(rows))["summary"].to_dict("records")
    assert line["val_accuracy_low"] < 0.99
    assert line["val_accuracy_high"] == 1
    assert line["test_accuracy_low"] == line["val_loss_low"] == line["seconds_total_low"] == 0
    assert min(line["val_loss_high"], line["seconds_total_high"]) > 9


def test_seeds_that_agree_give_no_interval_of_no_width(make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=0.9, val_loss=0.1 * seed) for seed in range(3)]
    (line,) = dict(all_frames(rows))["summary"].to_dict("records")
    assert (line["val_accuracy_mean"], line["val_accuracy_std"]) == pytest.approx((0.9, 0))
    assert math.isnan(line["val_accuracy_low"])
    assert math.isnan(line["val_accuracy_high"])
    assert line["val_loss_low"] < line["val_loss_high"]


def test_only_good_trials_are_averaged(make_row: MakeRow) -> None:
    good = [make_row(TrialConfig(seed=seed), val_accuracy=0.8 + seed / 100) for seed in range(3)]
    bad = [make_row(TrialConfig(seed=seed + 3), status=status) for seed, status in enumerate(Status) if status != "ok"]
    stopped = make_row(TrialConfig(seed=9), val_accuracy=0.1, status=Status.STOPPED)
    assert dict(all_frames([*bad, *good, stopped]))["summary"].equals(dict(all_frames(good))["summary"])


def test_summary_lists_configs_in_the_order_of_the_trials(make_row: MakeRow, mixture: list[TrialConfig]) -> None:
    rows = [make_row(config) for config in repeat(mixture, seeds=2)]
    trials = list(dict.fromkeys(trials_frame(rows)["config_id"]))
    assert list(dict(all_frames(rows[::-1]))["summary"]["config_id"]) == trials
    assert len(trials) == len(mixture)


def test_the_interval_of_a_loss_ends_at_0_only_where_no_loss_is_negative(make_row: MakeRow) -> None:
    def low(loss: Any, *, old: bool = False) -> float:
        configs = repeat([TrialConfig(loss=loss)], seeds=2)
        rows = [make_row(one, val_loss=value) for one, value in zip(configs, (0.1, 0.5), strict=True)]
        config = {name: value for name, value in rows[0].config.items() if not (old and name.startswith("loss"))}
        return float(dict(all_frames([replace(rows[0], config=config), rows[1]]))["summary"]["val_loss_low"].iloc[0])

    assert low(CrossEntropy()) == low(CrossEntropy(), old=True) == 0
    assert low(squared) < 0


def test_an_objective_that_is_no_share_has_values_above_1_whatever_its_name(make_row: MakeRow) -> None:
    percent = {"name": "top_accuracy", "direction": "maximize", "unit": "%"}
    rows = [
        make_row(TrialConfig(seed=seed), objective=percent, val_objective=90.0 + seed, test_objective=90.0 + seed)
        for seed in range(3)
    ]
    assert dict(all_frames(rows))["summary"]["val_top_accuracy_high"].iloc[0] > 91


def test_objectives_of_one_name_keep_their_values(make_row: MakeRow) -> None:
    directions = ("maximize", "minimize")
    rows = [
        make_row(
            TrialConfig(seed=seed),
            objective={"name": "rmse", "direction": direction, "unit": ""},
            val_objective=2.5,
            test_objective=3.5,
        )
        for seed, direction in enumerate(directions)
    ]
    assert trials_frame(rows)["val_rmse"].tolist() == [2.5, 2.5]


def test_another_objective_has_columns_at_the_end_of_each_table(make_row: MakeRow) -> None:
    curve = (Evaluation(1, None, None, 0.5, 0.5, 0.1, 0.1, 3.5), Evaluation(2, None, None, 0.4, 0.6, 0.1, 0.2, 2.5))
    judged = {
        "objective": {"name": "rmse", "direction": "minimize", "unit": ""},
        "val_objective": 2.5,
        "test_objective": 3,
        "test_objective_error": 0.5,
    }
    config = TrialConfig(objective=LogLoss())
    frames = dict(all_frames([make_row(config, **judged, history=curve), make_row(TrialConfig())]))
    history, trials, summary = frames.values()
    added = ["objective_name", "objective_direction", "objective_unit", "val_rmse", "val_rmse_error"]
    added += ["test_rmse", "test_rmse_error"]
    assert [*trials][-7:] == added
    assert not {*added} & {*fields_of(trials)}
    assert trials["test_rmse_error"].dropna().tolist() == [0.5]
    assert trials["val_rmse"].dropna().tolist() == [2.5]
    assert history["val_rmse"].dropna().tolist() == [3.5, 2.5]
    assert measure_of(trials[trials["objective_name"].notna()]) == Measure("rmse", "minimize", "")
    assert measure_of(trials[trials["objective_name"].isna()]) == ACCURACY
    assert [*dict(all_frames([make_row(TrialConfig())]))["trials"]][-1] == "merged_from"
    assert summary["n"].sum() == 1
