"""Laws of the content of a results folder: best first, and labelled by what varies."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.analysis import next_run_rules
from mnist_sweep.analysis.next_run_rules import ProposedRuns
from mnist_sweep.reports.report_data import evenly_spaced, read_results
from mnist_sweep.reports.sections import best_config, failures, next_run
from mnist_sweep.results import predictions
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults


def test_successful_rows_are_first_by_accuracy_and_the_others_last(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=value) for seed, value in enumerate([0.7, 0.9])]
    rows.append(make_row(TrialConfig(seed=2), Status.FAILED, error="x"))
    results = make_results(rows)
    assert [row.config["seed"] for row in results.rows] == [1, 0, 2]
    assert results.good == results.rows[:2]


def test_fields_that_vary_make_the_labels(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(TrialConfig(seed=seed, batch_size=10 + seed)) for seed in range(2)]
    results = make_results(rows)
    assert (results.varying, results.hyperparameters) == (["batch_size", "seed"], ["batch_size"])
    assert sorted(map(results.label, results.rows)) == ["batch_size=10 seed=0", "batch_size=11 seed=1"]


def test_what_to_run_next_is_found_once_for_all_sections(
    make_row: MakeRow, make_results: MakeResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, calls = make_results([make_row(TrialConfig(num_steps=steps)) for steps in (1, 2)]), list[object]()
    original = next_run_rules.runs_after

    def counted(*given: Any) -> ProposedRuns:
        calls.append(given)
        return original(*given)

    monkeypatch.setattr(next_run_rules, "runs_after", counted)
    assert next_run.section(results).blocks
    assert best_config.next_step(results)[1].startswith("2 configs with 3 seeds each")
    assert len(calls) == 1


def test_trials_that_guess_are_said_with_what_they_share(make_row: MakeRow, make_results: MakeResults) -> None:
    values = {1: 0.9, 2: 0.3, 3: 0.1}
    rows = [
        make_row(TrialConfig(batch_size=size, seed=seed), val_accuracy=value)
        for size, value in values.items()
        for seed in (0, 1)
    ]
    results = make_results(rows)
    assert results.guessing == ""  # without labels nothing is known of guesses
    labels = np.array([0, 0, 0, *range(7)], np.uint8)  # of which the most frequent class has 4 of 10
    predictions.write_labels(results.folder, predictions.data_id(rows[0].config), Predictions(labels, labels))
    assert read_results(results.folder).guessing == "4 of 6 successful trials are no better than guessing."
    rows = [row if row.config["batch_size"] != 2 else replace(row, val_accuracy=0.5) for row in rows]
    for row in rows:
        Ledger(results.folder).commit(row)
    said = "2 of 6 successful trials, all with batch_size=3, are no better than guessing."
    results = read_results(results.folder)
    assert results.guessing == said
    assert best_config.section(results).finding.endswith(said)
    assert failures.section(results).finding.endswith(said)


@pytest.mark.parametrize(("number", "spaced"), [(3, 3), (5000, 1000)])
def test_rows_are_thinned_evenly_with_both_ends(make_row: MakeRow, number: int, spaced: int) -> None:
    row = make_row()
    kept = [int(row.trial_id) for row in evenly_spaced([replace(row, trial_id=str(n)) for n in range(number)], 1000)]
    assert len(set(kept)) == len(kept) == spaced
    assert (kept[0], kept[-1]) == (0, number - 1)
    assert max(b - a for a, b in itertools.pairwise(kept)) <= -(-number // spaced) + 1
