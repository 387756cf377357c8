"""Laws of all sections of a report together."""

from collections.abc import Callable, Sequence

import pytest

from mnist_sweep import Softmax, TrialConfig
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.writer import SECTIONS
from mnist_sweep.trials.row import Status, TrialRow

pytestmark = pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental")  # of Optuna
MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]


def test_no_section_needs_more_than_failures(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(config, Status.FAILED, error="x") for config in (TrialConfig(), TrialConfig(model=Softmax()))]
    results = make_results(rows)
    sections = {make.__module__.rpartition(".")[2]: make(results) for make in SECTIONS}
    none = {name for name, section in sections.items() if section is None}
    assert none == {"effects", "expected_best", "learning_curves", "parallel_coordinates", "pareto_front"}
