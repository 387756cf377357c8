"""Laws of the live page in a browser, of real runs: what happens is shown, whatever is missed, and nothing is asked of
another host. Every test leaves a screenshot in its folder.
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mnist_sweep.analysis.folder_status import folder_status
from mnist_sweep.results import saved_race
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.search.race import Race
from mnist_sweep.sweep import live_run
from mnist_sweep.system.folder_lock import Lock
from mnist_sweep.trials import events
from mnist_sweep.trials.row import Status, TrialRow

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.common.exceptions import NoAlertPresentException

from tests.browsers import LAPTOP, PATIENCE, PHONE, Browser, axe, browser, faults
from tests.search.races import IDS, KNOWN, NUM_VAL, rows_of

__all__ = ["axe", "browser"]  # fixtures
pytestmark = pytest.mark.browser
Start = Callable[..., "subprocess.Popen[str]"]
SCRIPT = """
import dataclasses
import keras
import mnist_sweep
from mnist_sweep import Digits, GradientDescent, Softmax, Sweep, TrialConfig, grid

@dataclasses.dataclass(frozen=True)
class Odd:
    width: int = 8
    def build(self, image_shape, num_classes):
        parts = [keras.layers.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(self.width)]
        return keras.Sequential([*parts, keras.layers.Dense(num_classes)])

BASE = TrialConfig(data=Digits(), model=Odd(), optimizer=GradientDescent(), num_steps=900, evaluate_every=10)
AXES = {"model": [Odd(), Softmax()], "optimizer.learning_rate": [0.05, 0.1, 0.2, 1e30], "seed": [0, 1, 2]}
SWEEP = Sweep(name="live", trials=grid(BASE, AXES))

if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""
ROWS = "[...document.querySelectorAll('#trials tbody tr')]"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command of mnist-sweep in the test's folder; it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-P", "-m", "mnist_sweep", *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def watch(start: Start, folder: str = "sweep") -> "tuple[subprocess.Popen[str], str]":
    """Watch a folder; return the process and the page's address."""
    process = start("watch", folder)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{32}/", url)
    return process, url


def hosts(browser: Browser) -> set[str]:
    """Return where the page's requests went."""
    return {url.split("/")[2] for url in browser.requests() if url.startswith("http")}


def shows(text: str) -> str:
    return f"document.body.innerText.includes({text!r})"


def test_a_run_is_shown_from_its_first_row_to_its_end_over_an_interrupt(
    browser: Browser, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "live.py").write_text(SCRIPT)
    run = ["run", "live.py", "--runner", "local", "--quiet"]
    first = start(*run)
    while not (tmp_path / "results" / "live" / "live.json").exists():
        assert first.poll() is None
    _, url = watch(start, "results/live")
    browser.open(url)
    browser.until(f"{ROWS}.length > 0")
    browser.until(shows("Running now"))
    browser.until("/^worker\\s\\S+:[0-9]+ · step /.test(document.querySelector('#running small')?.textContent)")
    browser.until("document.querySelector('#curves svg.main-svg')")
    browser.picture(tmp_path / "running.png")
    first.send_signal(signal.SIGINT)
    browser.until(shows("Interrupted"))
    assert first.wait(PATIENCE) == 130
    shown = len(Ledger(tmp_path / "results" / "live").rows())
    assert 0 < shown < 24
    assert browser.run("return document.getElementById('bar').getAttribute('aria-label')").endswith("not started")
    browser.picture(tmp_path / "interrupted.png")
    resumed = start(*run)
    while (found := live_run.read(tmp_path / "results" / "live")) and found.phase == "ended":
        assert resumed.poll() is None
        time.sleep(0.1)
    browser.until("document.getElementById('phase').textContent === 'Running'")
    assert resumed.wait() == 0
    browser.until("document.getElementById('phase').textContent === 'Finished'")
    browser.until(shows("24 of 24"))
    browser.until(f"{ROWS}.length === 24")
    assert browser.run(f"return {ROWS}.filter(row => row.cells[1].textContent === 'diverged').length") > 0
    browser.picture(tmp_path / "finished.png")
    assert browser.messages() == []
    assert hosts(browser) == {url.split("/")[2]}


def test_a_row_and_a_failure_appear_and_the_end_of_the_server_and_a_reload_lose_nothing(
    browser: Browser, start: Start, folder: Path, rows: Sequence[TrialRow], make_row: Callable[..., TrialRow]
) -> None:
    server, url = watch(start)
    browser.open(url)
    browser.until(f"{ROWS}.length === 2")
    Ledger(folder).commit(rows[2])
    browser.until(f"{ROWS}.length === 3")
    Ledger(folder).commit(make_row(status=Status.FAILED, error="no luck at all"))
    browser.until(f"{ROWS}.length === 4 && {shows('no luck at all')}")
    server.kill()
    server.wait()
    browser.until("!document.getElementById('contact').hidden")
    Ledger(folder).commit(rows[3])
    _, again = watch(start)
    assert again == url
    browser.until(f"document.getElementById('contact').hidden && {ROWS}.length === 5")
    browser.driver.refresh()
    browser.until(f"{ROWS}.length === 5")


def test_a_page_that_slept_catches_up(browser: Browser, start: Start, folder: Path, rows: Sequence[TrialRow]) -> None:
    server, url = watch(start)
    browser.open(url)
    browser.until(f"{ROWS}.length === 2")
    server.send_signal(signal.SIGSTOP)  # nothing arrives
    browser.run("Date.now = (now => () => now() + 600000)(Date.now)")  # for ten minutes
    browser.until("!document.getElementById('contact').hidden")
    for row in rows[2:]:
        Ledger(folder).commit(row)
    server.send_signal(signal.SIGCONT)
    browser.until(f"document.getElementById('contact').hidden && {ROWS}.length === 4")


def test_a_viewer_whose_clock_is_wrong_sees_how_long_a_trial_has_run(
    browser: Browser, start: Start, folder: Path, rows: Sequence[TrialRow]
) -> None:
    writer = live_run.LiveRunWriter(folder)
    begun = events.RunStarted(rows=tuple(rows[:2]), num_trials=4, fields=("optimizer.learning_rate",))
    started = events.TrialStarted(trial_id=rows[2].trial_id, config=rows[2].config)
    with Lock(folder) as lock:
        lock.acquire()
        for event in (begun, started, events.WorkersReady(num_workers=2)):
            writer.on_event(event)
        _, url = watch(start)
        wrong = {"source": "Date.now = (now => () => now() + 3600000)(Date.now)"}
        script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", wrong)
        browser.open(url)
        browser.until(shows("Running now: 1 of 2 workers"))
        text = browser.run("return document.querySelector('#running small').textContent")
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
        writer.on_event(events.RunEnded(num_run=0, error=None, can_write=True))
    assert re.fullmatch(r"step 0 of 1,000 · not evaluated yet · (\d+ s|1 min) · .*", text)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_the_page_and_a_trial_are_shown_without_errors_overflow_or_barriers(
    browser: Browser, start: Start, folder: Path, axe: str, tmp_path: Path, screen: tuple[int, int], dark: bool
) -> None:
    _, url = watch(start)
    browser.driver.set_script_timeout(PATIENCE)
    browser.open(url, screen, dark=dark)
    browser.until("document.querySelector('#ended svg.main-svg')")
    browser.until(f"{shows('Best config, validation accuracy')} && {shows('90.00%')} && !{shows('undefined')}")
    assert browser.run("return document.documentElement.scrollWidth") == screen[0]
    assert faults(browser, axe) == []
    browser.picture(tmp_path / "page.png")
    browser.press("#trials tbody button", 0)
    browser.until(shows("mnist-sweep replay"))
    browser.until(shows("step 50, "))
    assert faults(browser, axe) == []
    browser.picture(tmp_path / "trial.png")
    assert browser.messages() == []


def test_on_a_narrow_screen_the_trials_fit_their_box_the_best_first(browser: Browser, start: Start) -> None:
    folder = Path(__file__).parents[2] / "results" / "reference" / "quickstart"
    _, url = watch(start, str(folder))
    browser.open(url, (800, 900))
    browser.until(f"{ROWS}.length === 25")
    browser.run("window.box = document.querySelector('#table .scroll')")
    assert browser.run("return box.scrollWidth <= box.clientWidth")
    assert "val loss" not in browser.titles()
    best = folder_status(list(Ledger(folder).rows().values()), folder).best
    shown = "return [...document.querySelectorAll('#trials tbody button')].map((one) => one.textContent)"
    assert browser.run(shown)[: len(best)] == [one.trial_ids[0] for one in best]  # equal values in the same order


def test_a_race_has_one_table_of_its_configs(
    browser: Browser, start: Start, folder: Path, tmp_path: Path, make_row: Callable[..., TrialRow]
) -> None:
    _, url = watch(start)
    browser.open(url)
    browser.until("!document.getElementById('best').hidden && document.getElementById('race').hidden")
    raced = Ledger(tmp_path / "race")
    raced.open()
    for row in rows_of(make_row):
        raced.commit(row)
    saved_race.write(tmp_path / "race", Race(IDS, KNOWN, num_val=NUM_VAL))
    _, url = watch(start, "race")
    browser.open(url)
    browser.until("document.querySelectorAll('#race tbody tr').length === 4")
    assert browser.run("return document.getElementById('best').hidden")
    browser.picture(tmp_path / "race.png")


def test_names_and_errors_become_no_markup(
    browser: Browser, start: Start, folder: Path, make_row: Callable[..., TrialRow]
) -> None:
    text = "<img src=x onerror=alert(1)><b>bold</b>"
    row = make_row(status=Status.FAILED, error=text, traceback=text)
    Ledger(folder).commit(row)
    _, url = watch(start)
    browser.open(url)
    browser.until(shows(text))
    browser.press(".causes button", 0)
    browser.until("document.querySelector('#details pre')")
    assert browser.run("return document.querySelectorAll('main b, main img, dialog b, dialog img').length") == 0
    with pytest.raises(NoAlertPresentException):
        browser.driver.switch_to.alert.dismiss()
    assert browser.messages() == []
