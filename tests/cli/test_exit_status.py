"""Laws of the exit statuses: they stay, and the document lists each of them."""

from pathlib import Path

from mnist_sweep.cli.exit_status import ExitStatus, status_of_signal

DOCUMENT = Path(__file__).parents[2] / "sweeps" / "README.md"


def test_statuses_stay() -> None:
    statuses = {"OK": 0, "NOT_ALL": 1, "REFUSED": 2, "EQUIVALENT": 3, "UNDECIDED": 4}
    assert {status.name: status.value for status in ExitStatus} == statuses
    assert [status_of_signal(number) for number in (1, 2, 15)] == [129, 130, 143]


def test_the_document_lists_each_status() -> None:
    lines = DOCUMENT.read_text().splitlines()
    assert [status for status in ExitStatus if not any(line.startswith(f"| {status} | ") for line in lines)] == []
