from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_sweep.analysis.folder_status import folder_status
from mnist_sweep.cli.views.status import race_parts, show
from mnist_sweep.search import saved_objectives
from mnist_sweep.search.race import Race
from mnist_sweep.search.race_summary import summary
from mnist_sweep.trials.row import Status, TrialRow
from tests.cli.conftest import shown
from tests.conftest import MakeRow
from tests.search.races import IDS, KNOWN, NUM_VAL, rows_of


def row(trial_id: str, status: Status = Status.OK, **figures: Any) -> TrialRow:
    config = {
        "data": "digits",
        "model": "mine:Model",
        "optimizer": "adam",
        "schedule": "constant",
        "seed": int(trial_id),
    }
    return TrialRow(trial_id=trial_id, config_id=f"x{trial_id}", status=status, config=config, **figures)


def text_of(rows: list[TrialRow], folder: Path, *, width: int = 80) -> str:
    return shown(show, folder_status(rows, folder), width)


def finished(trial_id: str, val_accuracy: float) -> TrialRow:
    return row(trial_id, val_accuracy=val_accuracy, val_loss=1.0, test_accuracy=0.5, seconds_total=1.0, steps=7)


def test_the_best_come_first_by_validation_accuracy(tmp_path: Path) -> None:
    rows = [finished(str(number), accuracy) for number, accuracy in enumerate([0.1, 0.9, 0.5, 0.7, 0.3, 0.2, 0.95])]
    lines = text_of(rows, tmp_path).splitlines()
    assert lines[0] == "7 trials: 7 ok"
    assert [line.split()[:2] for line in lines[3:8]] == [
        ["6", "0.9500"],
        ["1", "0.9000"],
        ["3", "0.7000"],
        ["2", "0.5000"],
        ["4", "0.3000"],
    ]


def test_values_in_a_large_or_small_unit_can_be_read(tmp_path: Path) -> None:
    unit: dict[str, Any] = {
        "objective": {"name": "cost", "direction": "minimize", "unit": "USD"},
        "test_objective": 2e-7,
    }
    text = text_of([replace(finished("1", 0.9), val_objective=1234567.8, **unit)], tmp_path)
    assert " 1,234,568 " in text
    assert " 2e-07 " in text


def test_configs_with_several_seeds_come_by_their_means_the_selected_one_first(tmp_path: Path) -> None:
    lucky = [replace(finished(str(seed), accuracy), config_id="lucky") for seed, accuracy in enumerate((0.95, 0.7))]
    steady = [replace(finished(str(seed), accuracy), config_id="steady") for seed, accuracy in enumerate((0.9, 0.89))]
    lines = text_of([*lucky, *steady, finished("5", 0.99)], tmp_path).splitlines()
    assert lines[1].strip() == "best by mean validation accuracy"
    assert [line.split()[:4] for line in lines[2:6]] == [
        ["config", "seeds", "val", "test"],
        ["steady", "2", "0.8950", "0.5000"],
        ["lucky", "2", "0.8250", "0.5000"],
        ["x5", "1", "0.9900", "0.5000"],
    ]


def test_failures_are_grouped_by_cause_the_most_frequent_first(tmp_path: Path) -> None:
    causes = ["once: [x]", "often", "often", "often"]
    rows = [row(str(number), Status.FAILED, error=cause) for number, cause in enumerate(causes)]
    lines = text_of(rows, tmp_path).splitlines()
    assert lines[:3] == ["4 trials: 4 failed", "failed: often: 1 and 2 more", "failed: once: [x]: 0"]


def test_of_many_causes_the_first_ten_are_told_and_the_others_counted(tmp_path: Path) -> None:
    rows = [row(str(number), Status.FAILED, error=f"no luck {min(number, 14)}") for number in range(17)]
    lines = text_of(rows, tmp_path).splitlines()
    assert lines[1] == "failed: no luck 14: 14 and 2 more"
    assert lines[10:12] == ["failed: no luck 8: 8", "failed: 5 trials more, with 5 other causes"]


def test_a_terminal_obeys_nothing_that_a_row_holds(tmp_path: Path) -> None:
    bad = row("1", Status.FAILED, error="\x1b]0;title\x07\x1b[2J")
    model = {**bad.config, "model": "mine:\x1b[2J"}
    good = replace(finished("2", 0.5), config=model)
    seen = text_of([bad, good], tmp_path)
    assert "\x1b" not in seen
    assert "failed: \\x1b]0;title\\x07\\x1b[2J: 1" in seen


def test_the_front_of_several_objectives_is_listed(tmp_path: Path) -> None:
    saved_objectives.write(tmp_path, ("accuracy", "seconds_total"))
    lines = text_of([finished("1", 0.5), finished("2", 0.75)], tmp_path).splitlines()
    assert "Pareto front of accuracy and seconds_total: configs x2" in lines


def test_ids_and_paths_are_never_cut(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").touch()
    rows = [finished("123456789012345678901234567890", 0.5), finished("2", 0.4)]
    seen = text_of(rows, tmp_path, width=60)
    assert "123456789012345678901234567890" in seen
    assert f"{tmp_path}/: trials.csv, rows/" in seen


def race_lines(race: Race, width: int = 140) -> list[str]:
    text = shown(lambda race, console: console.print(*race_parts(race), sep="\n", soft_wrap=True), summary(race), width)
    return [line.rstrip() for line in text.splitlines()]


def test_configs_of_a_race_are_listed_with_their_state_and_then_the_answer(make_row: MakeRow) -> None:
    lines = race_lines(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows_of(make_row)))
    assert lines[0] == "race"
    assert [line.split()[0] for line in lines[2:6]] == [
        f"learning_rate={rate}" for rate in ("0.1", "0.3", "0.4", "0.2")
    ]
    assert lines[2].endswith("remains")
    assert "points worse than" in lines[5]
    assert lines[6].startswith("Of 4 configs, 2 remain within 2 points")


def test_a_narrow_terminal_folds_the_state_and_not_the_config(make_row: MakeRow) -> None:
    lines = race_lines(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows_of(make_row)), width=70)
    configs = [line.split()[0] for line in lines if line.startswith("learning_rate")]
    assert configs == [f"learning_rate={rate}" for rate in ("0.1", "0.3", "0.4", "0.2")]
    last = lines[[line.startswith("learning_rate=0.2") for line in lines].index(True) :]
    assert "out after 4 seeds: 20.45 points worse than" in " ".join(" ".join(last).split())


def test_a_race_that_goes_on_shows_its_forecast_last(make_row: MakeRow) -> None:
    lines = race_lines(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows_of(make_row, 3)))
    assert lines[-1].startswith("to run: about ")


def test_a_race_without_rows_can_be_shown() -> None:
    assert race_lines(Race(IDS, KNOWN, num_val=NUM_VAL)) == ["No trial of the race has finished."]
