"""Laws of what a notebook shows of a run, with a display in memory and in a real kernel."""

import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_sweep import Outcome, Status, Sweep, TrialConfig, run, trial_id
from mnist_sweep.errors import LedgerError
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.sweep import notebook
from mnist_sweep.sweep.notebook import NUM_BEST, NUM_LINES, NotebookView
from mnist_sweep.trials import events
from mnist_sweep.trials.config import to_flat
from tests.conftest import MakeRow
from tests.sweep.conftest import POINT


class Display:
    """A display that keeps what it has shown."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        assert not self.shown
        self.shown.append(bundle)

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        assert self.shown
        self.shown.append(bundle)

    @property
    def text(self) -> str:
        return self.shown[-1]["text/plain"]

    @property
    def page(self) -> str:
        return self.shown[-1].get("text/html", "")


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    """What a view shows itself with."""
    shown = Display()
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(DisplayHandle=lambda: shown))
    return shown


def test_a_view_leaves_the_filters_of_warnings_as_they_were(display: Display) -> None:
    before = [*warnings.filters]
    NotebookView()
    assert warnings.filters == before


@pytest.fixture
def begun(display: Display, sweep: Sweep) -> NotebookView:
    """The view of a run of three trials, of which the first one runs."""
    view, trial = NotebookView(), sweep.trials[0]
    view.on_event(events.RunStarted(rows=(), num_trials=3, fields=("optimizer.learning_rate",)))
    view.on_event(events.WorkersReady(num_workers=2))
    view.on_event(events.TrialStarted(trial_id=trial_id(trial), config=to_flat(trial)))
    view.on_event(events.TrialEvaluated(trial_id=trial_id(trial), evaluation=POINT._replace(step=2)))
    return view


def end(view: NotebookView, error: BaseException | None = None) -> None:
    view.on_event(events.RunEnded(num_run=0, error=error, can_write=False))


def test_a_view_shows_that_workers_start_what_runs_and_what_is_best(
    begun: NotebookView, display: Display, sweep: Sweep, make_row: MakeRow
) -> None:
    assert display.shown[0] == {"text/plain": notebook.STARTING}
    while "learning_rate=0.1" not in display.page:
        time.sleep(0.01)
    assert re.findall("<td>(.*?)</td>", display.page) == ["learning_rate=0.1", "2 of 4", "val 0.8000"]
    begun.on_event(events.RowCommitted(row=make_row(sweep.trials[0], val_accuracy=0.9)))
    begun.on_event(events.Notice(text="beware of <this>"))
    while "best" not in display.text or "beware of &lt;this&gt;" not in display.page:
        time.sleep(0.01)
    assert re.fullmatch(
        r"1 of 3 trials · best validation accuracy 90\.00% \(learning_rate=0\.1\) · about \d:\d\d left", display.text
    )
    end(begun)


@pytest.mark.parametrize(
    ("stop", "error", "text"),
    [
        (events.RunInterrupted(out_of_time=False), None, "interrupted: the same cell runs the rest"),
        (events.RunInterrupted(out_of_time=True), None, "out of time: the same cell runs the rest"),
        (None, LedgerError("the disk is full"), "ended by an error: LedgerError: the disk is full"),
    ],
)
def test_an_end_before_the_last_trial_is_shown_with_its_reason(
    begun: NotebookView, display: Display, stop: events.RunInterrupted | None, error: BaseException | None, text: str
) -> None:
    if stop:
        begun.on_event(stop)
        assert stop.text in display.text
    end(begun, error)
    assert display.text == f"0 of 3 trials · {text}"
    assert "<td>" not in display.page


def test_failures_are_counted_and_the_last_ones_shown_escaped(
    begun: NotebookView, display: Display, make_row: MakeRow
) -> None:
    for seed in range(2 * NUM_LINES):
        begun.on_event(events.RowCommitted(row=make_row(TrialConfig(seed=seed), status=Status.FAILED, error="<b>")))
    end(begun)
    assert f"{2 * NUM_LINES} failed" in display.text
    assert (display.page.count("<p>failed:"), display.page.count("&lt;b&gt;")) == (NUM_LINES, NUM_LINES)


def test_a_run_in_a_kernel_is_shown_and_one_elsewhere_is_not(
    tmp_path: Path, sweep: Sweep, instant: Runner, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    shells = {"kernel": SimpleNamespace(kernel=object()), "terminal": SimpleNamespace(), "none": None}
    for name in ("terminal", "none", "kernel"):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda name=name: shells[name]))
        assert run(sweep, results=tmp_path / name, runner=instant).complete
        assert bool(display.shown) == (name == "kernel")
    assert display.text.startswith("3 of 3 trials")


def test_an_outcome_is_a_table_of_the_best_configs_with_plots(make_row: MakeRow) -> None:
    trials = [TrialConfig(num_steps=steps, seed=seed) for steps in range(1, 2 * NUM_BEST) for seed in (0, 1)]
    rows = tuple(make_row(trial, val_accuracy=trial.num_steps / 100) for trial in trials)
    failed = make_row(TrialConfig(num_steps=1, seed=9), status=Status.FAILED, error="<script>")
    found = Outcome(folder=Path("<b>"), rows=(*rows, failed), num_trials=99, num_run=1, seconds=61.0, unsent=("<i>",))
    page = found._repr_html_()
    assert page.count("<tr>") == NUM_BEST + 1
    assert f"<td>num_steps={2 * NUM_BEST - 1}</td><td>2</td><td>19.00%</td>" in page
    assert page.count("<img ") == NUM_BEST + 1
    assert not [tag for tag in ("<script>", "<b>", "<i>") if tag in page]
    assert "http" not in page
    assert repr(found) == "<Outcome in <b>: 99 trials: 38 ok, 1 failed; ran 1 in 1:01>"
    assert len(page) < 10_000


@pytest.mark.parametrize("statuses", [[], [Status.FAILED]])
def test_an_outcome_without_results_says_so(make_row: MakeRow, statuses: list[Status]) -> None:
    rows = tuple(make_row(status=status, error="no") for status in statuses)
    page = Outcome(folder=Path("mine"), rows=rows, num_trials=1, num_run=0, seconds=1.0)._repr_html_()
    assert ("1 trial: 1 failed" if statuses else "1 trial: none finished") in page
    assert "<table" not in page


CELL = """
from mnist_sweep import *
BASE = TrialConfig(model=Softmax(), num_steps=150_000, evaluate_every=1_000)
run(Sweep(name="mine", trials=grid(BASE, {"seed": [0, 1]})), runner=RUNNER)
"""


@contextmanager
def kernel(folder: Path) -> Iterator[Any]:
    """A kernel of Jupyter in a folder, and a client of it."""
    manager = pytest.importorskip("jupyter_client.manager", reason="pip install -e '.[test]'").KernelManager()
    manager.start_kernel(cwd=folder)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(120)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def outputs(client: Any, code: str) -> Iterator[dict[str, Any]]:
    """Run a cell, and yield its outputs as they come."""
    cell = client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=300)
        assert message["parent_header"]["msg_id"] == cell  # also those that threads send
        if message["content"].get("execution_state") == "idle":
            return
        yield message["content"]


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["Local(workers=1)", "RayTune(num_cpus=1)"])
def test_an_interrupted_kernel_pauses_the_run_and_the_same_cell_resumes_it(tmp_path: Path, runner: str) -> None:
    code = CELL.replace("RUNNER", runner)
    with kernel(tmp_path) as (manager, client):
        shown, lines, is_interrupted = set[str](), list[str](), False
        for output in outputs(client, code):
            shown |= {*[output.get("transient", {}).get("display_id")]}
            lines.append(output.get("data", {}).get("text/plain") or "".join(output.get("traceback", [])))
            if not is_interrupted and re.search(r">[1-9]\S+ of 150,000", output.get("data", {}).get("text/html", "")):
                is_interrupted = True
                manager.interrupt_kernel()
        assert len(shown - {None}) == 1
        assert [line for line in lines if "stopping: running trials write" in line]
        assert re.fullmatch(r"[01] of 2 trials .*· interrupted: the same cell runs the rest", lines[-2])
        assert lines[-1] == "KeyboardInterrupt"
        assert list((tmp_path / "results" / "mine" / "checkpoints").iterdir())
        *_, view, outcome = outputs(client, code)
    assert view["data"]["text/plain"].startswith("2 of 2 trials · best validation accuracy")
    assert "<td>softmax</td><td>2</td>" in outcome["data"]["text/html"]
    assert outcome["data"]["text/plain"].startswith("<Outcome in results/mine: 2 trials: 2 ok; ran ")
