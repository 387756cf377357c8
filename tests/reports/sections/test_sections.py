"""Laws of the words of a report, and of all its sections together."""

from collections.abc import Callable, Sequence

import pytest

from mnist_sweep import Softmax, TrialConfig
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.writer import SECTIONS
from mnist_sweep.text.wording import duration, listed
from mnist_sweep.trials.row import Status, TrialRow

pytestmark = pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental")  # of Optuna
MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4234, "0.42 s"), (9.96, "10 s"), (59.7, "1 min 0 s"), (17.2, "17 s"), (303, "5 min 3 s"), (7500, "2 h 5 min")],
)
def test_durations_are_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_lists_are_in_words() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_no_section_needs_more_than_failures(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(config, Status.FAILED, error="x") for config in (TrialConfig(), TrialConfig(model=Softmax()))]
    results = make_results(rows)
    sections = {make.__module__.rpartition(".")[2]: make(results) for make in SECTIONS}
    none = {name for name, section in sections.items() if section is None}
    assert none == {"curves", "effects", "expected_best", "parallel_coordinates", "pareto_front"}
