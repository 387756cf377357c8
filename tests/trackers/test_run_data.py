import pytest

from mnist_sweep import Adam, Evaluation, Status, TrialConfig
from mnist_sweep.trackers import run_data
from mnist_sweep.trials.config import config_id, to_flat
from tests.conftest import MakeRow

FIRST = Evaluation(5, 2.0, 0.3, None, None, 0.1, 0.5)
SECOND = Evaluation(10, 1.0, 0.5, 1.5, 0.4, 0.1, 1.0)


def test_a_curve_has_every_figure_of_its_points_and_none_that_is_not_there(make_row: MakeRow) -> None:
    row = make_row(history=(FIRST, SECOND), steps=10)
    assert [(point.step, point.seconds) for point in run_data.curve(row)] == [(5, 0.5), (10, 1.0)]
    first, second = (point.metrics for point in run_data.curve(row))
    assert sorted(first) == ["learning_rate", "train_accuracy", "train_loss"]
    assert sorted(second) == sorted(run_data.CURVE_METRICS)


def test_a_curve_ends_with_what_the_trial_ended_with(make_row: MakeRow) -> None:
    *_, last = run_data.curve(make_row(history=(FIRST, SECOND), steps=12, val_accuracy=0.75))
    assert (last.step, last.metrics["val_accuracy"]) == (12, 0.75)


def test_no_point_lies_before_the_start_of_its_trial_or_after_its_end(make_row: MakeRow) -> None:
    third = SECOND._replace(step=15, seconds=1.5)
    row = make_row(history=(FIRST, SECOND, third), steps=15, seconds_total=0.75)  # began where another had ended
    assert [point.seconds for point in run_data.curve(row)] == [0.0, 0.25, 0.75]


def test_a_failed_trial_has_no_figures_and_its_cause(make_row: MakeRow) -> None:
    row = make_row(status=Status.FAILED, error="ValueError: no")
    assert (list(run_data.curve(row)), run_data.final_metrics(row)) == ([], {})
    expected = {"status": "failed", "error": "ValueError: no", "sweep": "mine"}
    assert run_data.tags(row, "mine", []).items() >= expected.items()


@pytest.mark.parametrize("fields", [[], ["seed"], ["optimizer", "optimizer.learning_rate", "seed"]], ids=str)
def test_runs_are_named_by_their_settings_and_grouped_by_config(fields: list[str]) -> None:
    one, other = (TrialConfig(optimizer=Adam(learning_rate=0.01), seed=seed) for seed in (0, 1))
    names = [run_data.run_name(to_flat(trial), fields) for trial in (one, other)]
    groups = {run_data.group_name(to_flat(trial), fields, config_id(trial)) for trial in (one, other)}
    settings = "adam learning_rate=0.01" if len(fields) > 1 else "cnn"
    assert groups == {f"{settings} {config_id(one)}"}
    seeds = ["seed=0", "seed=1"]
    assert names == ([f"{settings} {seed}" for seed in seeds] if len(fields) > 1 else seeds if fields else ["cnn"] * 2)


def test_names_fit_and_are_printable() -> None:
    flat = {"model": "cnn", "model.text": "\x1b" + "x" * 999}
    assert len(run_data.group_name(flat, ["model.text"], "0" * 12)) < 128
    assert run_data.run_name(flat, ["model.text"]).startswith(r"text=\x1bxx")


def test_settings_leave_out_what_is_none(make_row: MakeRow) -> None:
    row = make_row()
    assert run_data.params(row) == {name: value for name, value in row.config.items() if value is not None}
