import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mnist_sweep.cli.views import status_watch
from mnist_sweep.cli.views.status_watch import Lines, Screen, headline
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.statistics.time_left import TimeLeft
from mnist_sweep.sweep.live_run import LiveRun, RunningTrial
from mnist_sweep.trials.row import Status
from mnist_sweep.watch.feed import Feed
from mnist_sweep.watch.live_state import LiveState, Phase
from tests.conftest import MakeRow

TRIAL = RunningTrial(
    trial_id="t", label="rate=0.5", num_steps=100, started=980.0, worker="host:4711", step=50, last="val 0.6250"
)
RUN = LiveRun(started=900.0, num_trials=4, num_done=1, num_workers=2, running=(TRIAL,), notices=("beware",))
LEFT = TimeLeft(90.0, 60.0, 120.0)


@pytest.fixture
def folder(tmp_path: Path, make_row: MakeRow) -> Path:
    """A results folder with a row."""
    ledger = Ledger(tmp_path / "sweep")
    ledger.open()
    ledger.commit(make_row(started=1.0))
    return ledger.folder


@pytest.fixture
def state(folder: Path) -> LiveState:
    """The state of that folder, with a run into it."""
    feed = Feed(folder)
    feed.look()
    return replace(feed.state, phase="running", run=RUN, time_left=LEFT, time=1000.0)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def console(width: int = 80, height: int = 24) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, color_system=None)


def screen(state: LiveState, width: int = 80, height: int = 24) -> list[str]:
    """Return the lines of a terminal of this size."""
    shown = console(width, height)
    return ["".join(part.text for part in line) for line in shown.render_lines(Screen(state), pad=False)]


def test_the_headline_says_how_far_how_long_and_at_what_cost(state: LiveState) -> None:
    assert headline(state, 1030.0) == (
        "running: 1 of 4 trials · 2 min 10 s so far · about 1:00 left (95% interval 0:30 to 1:30) · 12 s of training"
    )
    ended = replace(
        state,
        phase="interrupted",
        time_left=None,
        run=replace(RUN, phase="ended", ended=945.0, error="the disk is full"),
    )
    assert headline(ended, 1030.0) == "interrupted: 1 of 4 trials · took 45 s · 12 s of training · the disk is full"
    assert headline(replace(ended, run=RUN, phase="killed"), 1030.0) == "killed: 1 of 4 trials · 12 s of training"
    assert headline(replace(ended, run=None, phase="unknown"), 0.0).startswith("no run is known: 1 trial · ")


def test_a_screen_has_what_the_page_has(state: LiveState) -> None:
    lines = "\n".join(screen(replace(state, errors=("torn.json is no row",))))
    for part in ("running: 1 of 4", "best val accuracy 90.00%", "95% interval", "running: 1 of 2 workers", "beware"):
        assert part in lines
    for part in ("4711  step 50/100  val 0.6250", "rate=0.5", "best by validation accuracy", "torn.json is no row"):
        assert part in lines


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 60)])
def test_a_screen_fits_a_terminal_of_any_size(state: LiveState, width: int, height: int) -> None:
    many = replace(RUN, running=(replace(TRIAL, label="rate=0.5 " * 3),) * 100, notices=("beware " * 9,) * 20)
    lines = screen(replace(state, run=many), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert sum("more lines" in line for line in lines) >= 1
    assert any("step 50/100" in line for line in lines) or width < 80


def test_lines_say_what_has_changed_and_nothing_twice(state: LiveState, make_row: MakeRow) -> None:
    shown = console()
    lines, first = Lines(shown), make_row()
    failed = make_row(status=Status.FAILED, error="no luck")
    lines.show(state, {"a": first})
    assert printed(shown).splitlines()[0] == "beware"
    assert [line.split(":")[0] for line in printed(shown).splitlines()[1:]] == [
        "running",
        "best val accuracy 90.00% (cnn); test 91.00%, 95% interval 87.22% to 93.74% for new images",
    ]
    start = len(printed(shown))
    lines.show(state, {"a": first})
    assert printed(shown)[start:] == ""
    lines.show(replace(state, run=replace(RUN, notices=("beware", "again"))), {"a": first, "b": failed})
    assert [line.split()[0] for line in printed(shown)[start:].splitlines()] == ["failed", "again"]
    start = len(printed(shown))
    lines.show(replace(state, phase="ended"), {"a": first, "b": failed})
    assert printed(shown)[start:].startswith("finished: 1 of 4 trials")


@pytest.mark.parametrize(
    ("phase", "status", "is_good"),
    [("ended", Status.OK, True), ("ended", Status.FAILED, False), ("killed", Status.OK, False)],
)
def test_a_run_is_followed_to_its_end_and_what_comes_with_it(
    folder: Path,
    state: LiveState,
    make_row: MakeRow,
    monkeypatch: pytest.MonkeyPatch,
    phase: Phase,
    status: Status,
    is_good: bool,
) -> None:
    feed, shown = Feed(folder), console()

    def states(_: Feed) -> Iterator[LiveState]:
        yield state
        feed.state = replace(state, phase=phase)
        yield feed.state
        feed.rows["last"] = make_row(status=status)
        yield feed.state
        raise AssertionError

    monkeypatch.setattr(Feed, "follow", states)
    assert status_watch.follow(feed, shown) is is_good
    assert printed(shown).splitlines()[-1].startswith(status.value)


def test_a_run_is_followed_no_further_when_nobody_reads(
    folder: Path, state: LiveState, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    states = itertools.repeat(state, 3)
    monkeypatch.setattr(Feed, "follow", lambda _: states)
    monkeypatch.setattr(Lines, "show", lambda *_: None)
    with os.fdopen(writer, "w") as pipe:
        status_watch.follow(Feed(folder), Console(file=pipe))
    assert len([*states]) == 2
