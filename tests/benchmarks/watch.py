"""How soon does the live page show a folder of many rows, and a row that has just been committed?

The rows are those of `tables`; the page is opened in Chromium, on the machine that serves it. Its first view has the
cards and the first lines of the table. Times of the page are since it was asked for, and measured in it.
"""

import contextlib
import dataclasses
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_sweep.results.ledger import Ledger
from tests.benchmarks.contest import OURS, Contest, Figures, Goal
from tests.benchmarks.memory import memory
from tests.benchmarks.tables import BASE, commit_rows, made_up

if TYPE_CHECKING:
    from tests.browsers import Browser

NUM_OPENED, NUM_EVENTS = 3, 8
MARKS = """
window.marks = {};
window.counts = {};
const mark = (name, holds) => { if (holds) marks[name] ??= performance.now() / 1000; };
new MutationObserver(() => {
  const status = document.querySelector("#trials [role=status]")?.textContent;
  mark("view", document.querySelector("#cards > *") && document.querySelector("#trials tbody tr"));
  mark("all", status?.endsWith("of NUM_ROWS"));
  mark("plot", document.querySelector("#ended svg.main-svg"));
  if (status) counts[status.split(" ").pop()] ??= Date.now() / 1000;
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Serve the live page of a folder while the body runs: the process, and the page's address."""
    command = [sys.executable, "-m", "mnist_sweep", "watch", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def page(folder: Path, num_rows: int) -> Figures:
    """Return seconds until the page shows what: while its server still reads the rows, then when it has read them."""
    from tests.browsers import chromium

    commit_rows(folder, num_rows)
    with chromium() as browser:
        script = {"source": MARKS.replace("NUM_ROWS", f"{num_rows:,}")}
        browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        start = time.time()
        with served(folder) as (process, url):
            cold = _opened(browser, url)
            from_command = browser.run("return performance.timeOrigin") / 1000 + cold["view"] - start
            warm = [_opened(browser, url) for _ in range(NUM_OPENED)]
            delays = [_delay(browser, folder, num_rows + number) for number in range(1, NUM_EVENTS + 1)]
            peak = memory(str(process.pid)).peak
    medians = {name: statistics.median(one[name] for one in warm) for name in ("view", "all", "plot")}
    return {
        "seconds": round(max(one["view"] for one in warm), 3),
        "from_command": round(from_command, 3),
        **{f"cold_{name}": round(seconds, 3) for name, seconds in cold.items()},
        **{f"warm_{name}": round(seconds, 3) for name, seconds in medians.items()},
        "event": round(statistics.median(delays), 3),
        "slowest_event": round(max(delays), 3),
        "server_memory": round(peak, 1),
    }


def _opened(browser: "Browser", url: str) -> dict[str, float]:
    browser.open(url)
    browser.until("['view', 'all', 'plot'].every(name => name in marks)")
    marks: dict[str, float] = browser.run("return marks")
    return marks


def _delay(browser: "Browser", folder: Path, number: int) -> float:
    """Commit one more row; return the seconds from then until the page shows that many."""
    Ledger(folder).commit(made_up(dataclasses.replace(BASE, seed=number), number))
    start = time.time()
    browser.until(f"{f'{number:,}'!r} in counts")
    return float(browser.run("return counts[arguments[0]]", f"{number:,}")) - start


def _contest(name: str, size: int, view: float, event: float | None) -> Contest:
    return Contest(
        name=name,
        work=f"a live page of rows on the disk, opened once at once and {NUM_OPENED} times when all have been read",
        size=size,
        contestants={OURS: page},
        goals=(
            Goal(says="seconds until the slowest first view", of=lambda one: one[OURS]["seconds"], at_most=view),
            Goal(says="the same with all rows in the table", of=lambda one: one[OURS]["warm_all"], at_most=view),
            Goal(says="seconds until a new row is shown", of=lambda one: one[OURS]["slowest_event"], at_most=event),
            Goal(says="MB of the server", of=lambda one: one[OURS]["server_memory"], at_most=400.0),
        ),
    )


CONTESTS = (_contest("watch_small", 200, 1.0, 1.0), _contest("watch_large", 20_000, 3.0, None))
