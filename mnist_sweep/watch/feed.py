"""The feed of a results folder: follows its files, and keeps what viewers are sent.

Rows are a list that only grows: a trial that ran again is in it twice, and the later one counts. So a viewer who was
away, asleep or slow resumes at a position in it, and costs nothing in between.
"""

import itertools
import json
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import predictions, runs, saved_race
from mnist_sweep.results.ledger import BadFile, Ledger
from mnist_sweep.search import saved_objectives
from mnist_sweep.statistics.intervals import half_width_of_mean
from mnist_sweep.sweep import live_run
from mnist_sweep.sweep.live_run import LiveRun
from mnist_sweep.system import folder_lock
from mnist_sweep.text.lines import one_line
from mnist_sweep.text.names import value
from mnist_sweep.trials.json_value import json_value
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.watch.live_state import LiveState, as_of, phase_of, summary, time_left_of

SECONDS_BETWEEN_LOOKS = 0.3, 2.0  # at least, and at most
MOST_SECONDS = 10.0  # between summaries
SECONDS_BETWEEN_PINGS = 10.0
MAX_TIME_SHARE = 0.01  # of a core for looks, and again for summaries of many rows
BATCH, MOST_ROWS = 1000, 2000  # of an event, and of a look
FILES = (live_run.FILE, saved_objectives.FILE, saved_race.FILE, runs.FILE, folder_lock.HOLDER)
READ = (*FILES, "rows", predictions.FOLDER, "data")


@dataclass(frozen=True, slots=True)
class Log:
    """Rows as JSON, with a value of each of the `fields`: `entries` only grow, and another list has another `name`.

    An entry is a list: when the trial ended, in Unix seconds, and the cells of its line in the table of trials.
    """

    fields: tuple[str, ...]
    name: str
    entries: list[bytes]


class Feed:
    """Follows a results folder, and yields its rows and its state to any number of viewers.

    Attributes:
        folder: The results folder.
        rows: Its rows by trial id, without learning curves.
        state: What it showed when it was looked at last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, dict[str, TrialRow]()
        self._ledger, self._bad, self._seen = Ledger(folder), dict[str, BadFile](), dict[str, int]()
        self._changes: Iterator[tuple[str, TrialRow | BadFile | None]] = iter(())
        self._unsent, self._log = list[str](), Log((), secrets.token_hex(4), [])
        self._summary, self._is_stale, self._next_summary = summary({}, folder), False, 0.0
        self.state = LiveState(phase="unknown", rows=self._summary, run=None, time_left=None, errors=(), time=0.0)
        self._changed, self._shown, self._version, self._text = threading.Condition(), object(), -1, b""

    def follow(self) -> Iterator[LiveState]:
        """Yield the state of the folder again and again, without end, whenever all of its rows have been read."""
        half_width_of_mean(1.0, 2)  # loads SciPy, whose time is none of a look's
        least, most = SECONDS_BETWEEN_LOOKS
        while True:
            start = time.thread_time()
            while self.look():
                pass
            yield self.state
            time.sleep(min(most, max(least, (time.thread_time() - start) / MAX_TIME_SHARE)))

    def look(self) -> bool:
        """Read what has changed in the folder, and wake the viewers; return whether there is more to read."""
        errors, run, is_partial, before = list[str](), None, False, self._place()
        try:
            require_inside(self.folder, READ)
            is_partial = self._read_rows()
            if is_partial:
                errors.append(f"The rows are still being read: {len(self.rows):,} so far.")
            if self._bad:
                errors.append(self._ledger.complaint([*self._bad.values()], len(self._seen)))
            self._send(self._log)
            try:
                run = live_run.read(self.folder)
            finally:  # whatever is wrong with it, the rows count
                if not (is_partial and self._summary.status.num_trials):
                    self._summarise(run.fields if run else (), again=is_partial)
        except LedgerError as error:
            errors.append(one_line(error))
        self._show(run, tuple(errors))
        if self._place() != before:
            with self._changed:
                self._changed.notify_all()
        return is_partial

    def events(self, resume: str) -> Iterator[bytes]:
        """Yield server-sent events to a viewer without end; `resume` is the id of the last one received, or `new`."""
        known_name, _, place = resume.partition("-")
        start, known_version = int(place or 0), -2
        yield _ping()
        while True:
            with self._changed:
                if self._place() == (known_name, start, known_version):
                    self._changed.wait(SECONDS_BETWEEN_PINGS)
                log, text, (name, end, version) = self._log, self._text, self._place()
            if (name, end, version) == (known_name, start, known_version):
                yield _ping()
            if name != known_name:
                start = 0
                yield _event("reset", json.dumps(log.fields).encode())
            if version != known_version and text:
                yield _event("state", text)
            for first in range(start, end, BATCH):
                last = min(end, first + BATCH)
                yield _event("rows", b"[" + b",".join(log.entries[first:last]) + b"]", f"{name}-{last}")
            known_name, start, known_version = name, end, version

    def _place(self) -> tuple[str, int, int]:
        return self._log.name, len(self._log.entries), self._version

    def _read_rows(self) -> bool:
        """Take up rows that are new, replaced or gone; return whether there may be more of them."""
        taken = [*itertools.islice(self._changes, MOST_ROWS)]
        if not taken:  # the last look has seen the end of them
            self._changes = self._ledger.changes(self._seen)
            taken = [*itertools.islice(self._changes, MOST_ROWS)]
        for name, found in taken:
            self._unsent.append(name)
            self.rows.pop(name, None)
            self._bad.pop(name, None)
            if isinstance(found, TrialRow):
                self.rows[name] = found
            elif found:
                self._bad[name] = found
        return len(taken) == MOST_ROWS

    def _send(self, log: Log) -> None:
        """Add the rows that viewers lack to a log, and let them have it."""
        added = [_entry(name, self.rows.get(name), log.fields) for name in self._unsent]
        with self._changed:
            log.entries.extend(added)
            self._log = log
        self._is_stale |= bool(added)
        self._unsent.clear()

    def _summarise(self, fields: Sequence[str], *, again: bool) -> None:
        """Summarise the rows if they have changed and it is time; if other fields vary then, begin another log.

        Args:
            fields: Those in which the trials of the run differ.
            again: It is time at the next call, too.

        Raises:
            LedgerError: A file of the folder is damaged.
        """
        if self._is_stale and time.monotonic() >= self._next_summary:
            start = time.thread_time()
            self._summary = summary(self.rows, self.folder, fields)
            if self._summary.status.fields != self._log.fields:
                self._unsent = [*self.rows]
                self._send(Log(self._summary.status.fields, secrets.token_hex(4), []))
            self._is_stale, cost = False, time.thread_time() - start
            self._next_summary = 0.0 if again else time.monotonic() + min(MOST_SECONDS, cost / MAX_TIME_SHARE)

    def _show(self, run: LiveRun | None, errors: tuple[str, ...]) -> None:
        """Let viewers have the state, if it differs from what they have."""
        phase = phase_of(run, self.folder)
        run = as_of(phase, run, self.rows)
        shown = phase, run, self._summary, errors
        if shown == self._shown:
            return
        now = time.time()
        left = time_left_of(run, self._summary, now) if run and phase == "running" else None
        self.state = LiveState(phase=phase, rows=self._summary, run=run, time_left=left, errors=errors, time=now)
        text = json.dumps(json_value(self.state), separators=(",", ":"), allow_nan=False).encode()
        with self._changed:
            self._shown, self._text = shown, text
            self._version += 1


def require_inside(folder: Path, names: Iterable[str | Path]) -> None:
    """Validate that no link leads out of a results folder from where a file of it is read.

    Raises:
        LedgerError: One does.
    """
    root = os.path.realpath(folder)
    for path in (folder / name for name in names):
        if not Path(os.path.realpath(path)).is_relative_to(root):  # Path.resolve raises for a loop of links
            raise LedgerError(f"{path} leads out of the results folder and is not followed: put the file in its place.")


def _entry(name: str, row: TrialRow | None, fields: Sequence[str]) -> bytes:
    """Return a row as the page shows it; of one that is gone, no cell but the id."""
    content: list[Any] = [None, name]
    if row:
        content[0] = row.started + row.seconds_total if row.started and row.seconds_total else None
        content += [row.status.value, *(_cell(key, row.config.get(key)) for key in fields)]
        content += [row.val, row.test, row.val_loss, row.seconds_total, row.worker]
    return json.dumps(json_value(content), separators=(",", ":"), allow_nan=False).encode()


def _cell(name: str, given: Any) -> str | float | None:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return given if given is None or is_number else value(name, given)


def _ping() -> bytes:
    return _event("ping", b"%.3f" % time.time())


def _event(kind: str, data: bytes, place: str = "") -> bytes:
    return (f"id: {place}\n" * bool(place) + f"event: {kind}\ndata: ").encode() + data + b"\n\n"
