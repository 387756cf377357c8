"""Laws of the next run: it is what `next_runs` proposes, and where it proposes nothing, the reason is said."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mnist_sweep import LogLoss, TrialConfig, next_runs
from mnist_sweep.reports.blocks import Command, Plot
from mnist_sweep.reports.report_data import read_results
from mnist_sweep.reports.sections import best_config, next_run
from mnist_sweep.search import pending_proposals
from mnist_sweep.text.numbers import duration
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, MakeSweep, blocks_of


def rows_of(make_row: MakeRow, means: Sequence[float], num_seeds: int, spread: float) -> list[TrialRow]:
    return [
        make_row(TrialConfig(num_steps=steps, seed=seed), val_accuracy=mean + spread * (-1) ** (seed // steps))
        for steps, mean in enumerate(means, start=1)
        for seed in range(num_seeds)
    ]


def test_seeds_that_would_help_are_proposed_as_the_command_proposes_them(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    results = make_results(rows_of(make_row, [0.9, 0.9, 0.9], 2, 0.01))
    assert results.proposed == next_runs(results.folder)
    section = next_run.section(results)
    assert section.finding.startswith(
        "More seeds would help: 3 configs may be the best; with 3 seeds each, they are easier to tell apart. "
    )
    assert best_config.next_step(results)[1].startswith("3 configs with 3 seeds each (3 more trials")
    assert Command(text=f"mnist-sweep next {results.folder} --script SCRIPT") in section.blocks
    assert not blocks_of(section, Plot)  # too few configs for a curve with an interval
    assert len(blocks_of(next_run.section(make_results(rows_of(make_row, [0.9] * 10, 1, 0.01))), Plot)) == 1


@pytest.mark.parametrize(
    ("means", "num_seeds", "said"),
    [
        ([0.9, 0.5], 4, "not needed: no other config"),
        ([0.9, 0.9], 40, "would hardly help"),
        ([0.9], 1, "There is one config"),
    ],
)
def test_reason_for_no_more_seeds_is_said(
    make_row: MakeRow, make_results: MakeResults, means: list[float], num_seeds: int, said: str
) -> None:
    results = make_results(rows_of(make_row, means, num_seeds, 0.001))
    assert said in next_run.section(results).finding
    step = "other configs" if len(means) == 1 else "nothing more with these configs"
    assert best_config.next_step(results) == ("what to try next", step)


def test_a_population_is_not_said_to_need_no_seeds(
    make_row: MakeRow, write_rows: Callable[..., Path], tmp_path: Path
) -> None:
    changed = TrialConfig(num_steps=3, changes=((1, (("model.dropout", 0.5),)),))
    folder = write_rows(tmp_path, [*rows_of(make_row, [0.9, 0.8], 1, 0.0), make_row(changed)])
    (folder / pending_proposals.FOLDER).mkdir()
    results = read_results(folder)
    assert next_run.section(results).finding.startswith(next_run.POPULATION)
    assert best_config.next_step(results)[1].startswith("several seeds of the best configs")


def test_a_value_without_a_margin_has_its_third_seed_proposed_and_no_more(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    configs = [TrialConfig(objective=LogLoss(), num_steps=n, seed=s) for n in (1, 2) for s in range(3)]
    given = {"objective": {"name": "log_loss", "direction": "minimize", "unit": "nats"}, "test_objective": 0.3}
    rows = [make_row(one, val_objective=0.3 + one.seed / 10, **given) for one in configs]
    results = make_results(rows)
    assert "depends on the difference in log loss that matters" in next_run.section(results).finding
    assert best_config.next_step(results)[1] == "more seeds, if a smaller difference matters"
    assert best_config.next_step(make_results([row for row in rows if row.config["seed"] < 2]))[1].startswith(
        "2 configs with 3 seeds each"
    )


def test_a_trial_to_finish_is_no_headline_beside_seeds(make_row: MakeRow, make_results: MakeResults) -> None:
    killed = make_row(TrialConfig(num_steps=1, seed=2), status=Status.FAILED, error="killed")
    said = best_config.next_step(make_results([*rows_of(make_row, [0.9, 0.9], 2, 0.01), killed]))[1]
    assert said.startswith("2 configs with 3 seeds each (1 more trial")
    assert said.endswith("; first finish 1 trial)")
    assert best_config.next_step(make_results([make_row(), killed]))[1].startswith("finish 1 trial (")


def test_search_gets_more_trials(make_row: MakeRow, write_rows: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_rows(tmp_path, rows_of(make_row, [0.9, 0.8], 1, 0.0))
    (folder / pending_proposals.FOLDER).mkdir()
    results = read_results(folder)
    assert best_config.next_step(results)[1].startswith("1 trial more of the search (")
    assert next_run.section(results).finding.startswith("More seeds are not proposed before the search has ended. ")


def test_failures_alone_need_something_else(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row(status=Status.FAILED, error="no luck", traceback="no luck")])
    assert next_run.section(results).finding == next_run.NO_TRIAL
    assert best_config.next_step(results)[1] == "see the failures"


def test_the_curve_ends_at_what_was_spent(make_sweep: MakeSweep, tmp_path: Path) -> None:
    results = read_results(make_sweep(tmp_path, 40, num_evaluations=2))
    plot = next_run.expected_best(results)
    assert plot.table.rows[-1][0] == 40
    assert plot.table.rows[-1][1] == pytest.approx(results.good[0].val_accuracy)
    times = [row.seconds_total for row in results.rows if row.seconds_total is not None]
    assert f"A trial used {duration(sum(times) / len(times))} of one core on average." in plot.finding
