"""Laws of saved objectives: the tables of a search with several show its Pareto front, and other tables are as ever."""

from pathlib import Path

import pytest

from mnist_sweep import Local, LogUniform, Search, Softmax, Sweep, TrialConfig, grid, read_summary, run
from mnist_sweep.analysis.folder_status import folder_status
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.search import saved_objectives
from tests.conftest import MakeRow, Refused

BOTH = ("accuracy", "parameters")


def test_the_summary_says_which_configs_are_on_the_front_of_their_means(tmp_path: Path, make_row: MakeRow) -> None:
    found = {0.0: (0.9, 100), 0.1: (0.8, 50), 0.2: (0.7, 80), 0.3: (0.95, None), 0.4: (0.8, 50)}
    rows = [
        make_row(trial, val_accuracy=found[trial.weight_decay][0] + step, parameters=found[trial.weight_decay][1])
        for step, seed in ((-0.01, 0), (0.01, 1))
        for trial in grid(TrialConfig(seed=seed), {"weight_decay": [*found]})
    ]
    write_tables(tmp_path, rows)
    before = (tmp_path / "summary.csv").read_bytes(), (tmp_path / "trials.csv").read_bytes()
    assert "pareto_front" not in read_summary(tmp_path)
    saved_objectives.write(tmp_path, BOTH)
    write_tables(tmp_path, rows[::-1])
    summary = read_summary(tmp_path).set_index("weight_decay")
    assert summary["pareto_front"].to_dict() == {0.0: True, 0.1: True, 0.2: False, 0.3: False, 0.4: True}
    assert summary["parameters_mean"].dropna().tolist() == [100, 50, 80, 50]
    status = folder_status(rows, tmp_path)
    assert status.objectives == BOTH
    assert {*status.pareto_front} == {*summary.loc[[0.0, 0.1, 0.4], "config_id"]}
    saved_objectives.write(tmp_path, ())
    write_tables(tmp_path, rows)
    assert before == ((tmp_path / "summary.csv").read_bytes(), (tmp_path / "trials.csv").read_bytes())


def test_a_search_leaves_its_objectives_for_every_later_command(tmp_path: Path) -> None:
    base = TrialConfig(model=Softmax(), num_steps=2, evaluate_every=2)
    axes = {"optimizer.learning_rate": LogUniform(low=1e-4, high=1.0)}
    search = Search(base=base, axes=axes, num_trials=3, objectives=(*BOTH, "latency"))
    outcome = run(Sweep(name="both", search=search), results=tmp_path, runner=Local(in_process=True))
    assert saved_objectives.read(outcome.folder) == search.objectives
    front = {trial.user_attrs["trial_id"] for trial in outcome.to_study(search.objectives).best_trials}
    summary = read_summary(outcome.folder)
    assert {f"{name}-0" for name in summary.loc[summary["pareto_front"], "config_id"]} == front
    assert {*summary["latency_mean"]} == {row.latency for row in outcome.rows}
    assert all(0 < latency < 1000 for latency in summary["latency_mean"])


@pytest.mark.parametrize("content", ["[]", '{"names": "accuracy"}', '{"names": ["accuracy", "size"]}', "{"])
def test_damaged_objectives_are_named_with_the_way_out(tmp_path: Path, refused: Refused, content: str) -> None:
    (tmp_path / saved_objectives.FILE).write_text(content)
    with refused(LedgerError, saved_objectives.FILE, "damaged", "delete it"):
        saved_objectives.read(tmp_path)
