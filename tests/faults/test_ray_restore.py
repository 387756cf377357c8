"""What `ray_restore` counts; its long form is in results/reference/faults."""

from pathlib import Path

from tests.faults.ray_restore import EPOCHS, counted


def test_what_was_trained_twice_is_counted_by_trials_trainings_and_steps(tmp_path: Path) -> None:
    files = {
        "afresh": ["1"],
        "starts": ["0-10", "1-11", "1-20", "2-12", "2-21", "2-30"],  # trial 2 ended and was run again
        "ends": ["0-10", "1-20", "2-12", "2-30"],
        "epochs": [
            *(f"{name}-{epoch}" for name in ("0-10", "1-20", "2-12", "2-30") for epoch in range(EPOCHS)),
            *(f"{name}-{epoch}" for name in ("1-11", "2-21") for epoch in range(3)),
        ],
        "results": ["3"],
    }
    for folder, names in files.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    assert counted(tmp_path, steps=50, trials=3) == {
        "results": 3,
        "trainings": 6,
        "trials_started_again": 2,
        "finished_trials_run_again": 1,
        "finished_trainings": 4,
        "steps_in_vain": (EPOCHS + 3 + 3) * 50,
        "started_afresh": 0,
    }
