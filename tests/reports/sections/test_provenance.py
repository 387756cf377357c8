"""Laws of provenance: what is known of runs and rows is said, with the way to replay one."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_sweep import Adam, Momentum, TrialConfig
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.blocks import Command, Facts
from mnist_sweep.reports.sections import provenance
from mnist_sweep.results import runs
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow, Refused
from tests.reports.conftest import MakeResults, blocks_of

DIGESTS = {"my images train": "ab" * 32, "my images val": "cd" * 32}


def test_runs_machine_data_and_prediction_are_said(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    run = runs.describe_run(seconds=0.0, runner="ray", num_workers=2, num_run=1, data=DIGESTS, predicted_seconds=90)
    runs.append(
        results.folder,
        replace(run, seconds=100.0, started="2000-01-02T03:04:05Z", command=("mnist-sweep", "run", "my sweep.py")),
    )
    section = provenance.section(results)
    assert "The last run took 1 min 40 s; the prediction was 1 min 30 s." in section.finding
    text = str(section.blocks)
    parts = ["mnist-sweep run 'my sweep.py'", run.host, f"numpy {np.__version__}"]
    parts += [f"('SHA-256 of my images', 'train {'ab' * 32}, val {'cd' * 32}')", "'2000-01-02 03:04:05'"]
    assert [part for part in parts if part not in text] == []


def test_settings_of_a_part_that_varies_are_fixed_for_each_of_its_values(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    optimizers = Adam(learning_rate=0.01), Momentum(learning_rate=0.05, momentum=0.8)
    rows = [make_row(TrialConfig(optimizer=one), environment={"device": "CPU"}) for one in optimizers]
    rows.append(make_row(TrialConfig(seed=1, optimizer=optimizers[0]), Status.FAILED, error="x", environment={}))
    facts = dict(fact for block in blocks_of(provenance.section(make_results(rows)), Facts) for fact in block.facts)
    assert "optimizer.learning_rate 0.01 (adam) or 0.05 (momentum), " in facts["fixed hyperparameters"]
    assert "optimizer.momentum 0.8 (momentum)" in facts["fixed hyperparameters"]
    assert "device CPU" in facts["environment of all rows"]
    assert facts["environment not recorded"] == "1 row"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("sweeps/mine.py", "--seeds", "5"), "python sweeps/mine.py --seeds 5"),
        (("/opt/venv/bin/mnist-sweep", "run", "my sweep.py"), "mnist-sweep run 'my sweep.py'"),
        (("/opt/site-packages/mnist_sweep/__main__.py", "run", "mine.py"), "mnist-sweep run mine.py"),
        (("/opt/venv/bin/pytest", "tests"), "/opt/venv/bin/pytest tests"),
        ((), ""),
    ],
)
def test_command_is_one_that_can_be_typed(
    make_row: MakeRow, make_results: MakeResults, given: tuple[str, ...], expected: str
) -> None:
    results = make_results([make_row()])
    run = runs.describe_run(seconds=0.0, runner="ray", num_workers=2, num_run=1, data={})
    runs.append(results.folder, replace(run, command=given))
    assert Command(text=expected) in provenance.section(results).blocks


def test_rows_say_their_versions_and_seeds_and_how_to_replay_one(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(TrialConfig(seed=n), environment={"device": "GPU" if n else "CPU"}) for n in range(3)]
    results = make_results(rows)
    section = provenance.section(results)
    text = str(section.blocks)
    assert provenance.NO_RUNS in text
    assert "('device', 'GPU (2 rows), CPU (1 row)')" in text
    assert "('seeds', '0, 1, 2')" in text
    assert f"mnist-sweep replay {results.folder} {results.configs[0].median_seed.trial_id}" in text
    assert "model cnn" in text
    assert "changes none" in text


@pytest.mark.parametrize(
    ("model", "command", "script"),
    [
        ("mine:Net", ("mnist-sweep", "run", "my sweep.py", "--seeds", "2"), " --script 'my sweep.py'"),
        ("mine:Net", ("sweeps/mine.py",), " --script sweeps/mine.py"),
        ("mine.nets:Net", ("/opt/site-packages/mnist_sweep/__main__.py", "run", "a.py"), " --script a.py"),
        ("mine.nets:Net", ("/opt/bin/pytest",), " --script mine.py"),
        ("softmax", ("sweeps/mine.py",), ""),
    ],
)
def test_a_row_of_own_code_is_replayed_with_its_script(
    make_row: MakeRow, make_results: MakeResults, model: str, command: tuple[str, ...], script: str
) -> None:
    row = make_row()
    results = make_results([replace(row, config={**row.config, "model": model})])
    run = runs.describe_run(seconds=0.0, runner="ray", num_workers=2, num_run=1, data={})
    runs.append(results.folder, replace(run, command=command))
    expected = f"mnist-sweep replay {results.folder} {row.trial_id}{script}"
    assert Command(text=expected) in provenance.section(results).blocks


def test_a_row_of_a_notebook_has_no_command_that_cannot_work(make_row: MakeRow, make_results: MakeResults) -> None:
    row = make_row()
    section = provenance.section(make_results([replace(row, config={**row.config, "model": "__main__:Net"})]))
    assert "__main__:Net, defined in a notebook" in section.finding
    assert "mnist-sweep replay" not in str(section)


def test_damaged_record_is_an_error(make_row: MakeRow, make_results: MakeResults, refused: Refused) -> None:
    results = make_results([make_row()])
    (results.folder / "runs.jsonl").write_text("garbage\n")
    with refused(LedgerError, "line 1 of", "runs.jsonl"):
        provenance.section(results)
