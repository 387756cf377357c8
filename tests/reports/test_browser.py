"""Laws of the page in a browser: it reads well on every screen, asks for nothing, and is usable by everybody.

Chromium runs without a window through Selenium; axe-core, which the package axe-playwright-python brings, looks for
faults that keep people out. Every test leaves a screenshot in its folder.
"""

import base64
import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep.reports.writer import write_report
from mnist_sweep.trials.row import Status, TrialRow

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

MakeSweep = Callable[..., Path]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental"),  # of Optuna
]
REFERENCE = Path(__file__).parents[2] / "results" / "reference"
LAPTOP, PHONE = (1280, 800), (390, 844)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
PATIENCE = 60.0  # of a machine that does other work meanwhile
MEGABYTE = 2**20


class Browser:
    """A browser with one page, its messages and its requests."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, screen: tuple[int, int] = LAPTOP, *, dark: bool = False) -> None:
        """Open a page on a screen of this size, with no message and no request left from the one before."""
        self.resize(*screen)
        self.prefer(dark=dark)
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(page.as_uri())

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, *, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: str) -> None:
        """Wait until a JavaScript condition holds."""
        WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _: self.run(f"return {condition}"), condition)

    def show_all(self) -> None:
        """Make the screen as high as the page, and wait until every plot is drawn."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        self.resize(width, height)
        self.until("[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('svg.main-svg'))")

    def messages(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        entries = self.driver.get_log("performance")
        events = [json.loads(entry["message"])["message"] for entry in entries]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> float:
        """Write a picture of the screen; return how light its corner is, in [0, 255]."""
        from PIL import Image

        path.write_bytes(base64.b64decode(self.driver.get_screenshot_as_base64()))
        with Image.open(path) as picture:
            return float(np.asarray(picture.convert("L"))[:3, :3].mean())

    def cells(self, column: int) -> list[str]:
        """Return what the trials' table shows in a column, counted from 0."""
        rows = "[...document.querySelectorAll('#trials tbody tr')]"
        texts: list[str] = self.run(f"return {rows}.map(row => row.cells[arguments[0]].textContent)", column)
        return texts

    def titles(self) -> list[str]:
        """Return the headings of the trials' table."""
        heads = self.driver.find_elements(By.CSS_SELECTOR, "#trials thead th")
        return [head.text.strip() for head in heads]

    def press(self, selector: str, number: int) -> None:
        """Press the button that is this one of those that a selector names, counted from 0."""
        self.run("document.querySelectorAll(arguments[0])[arguments[1]].click()", selector, number)

    def status(self) -> str:
        return str(self.driver.find_element(By.CSS_SELECTOR, "#trials [role=status]").text)

    def filter(self, text: str) -> None:
        field = self.driver.find_element(By.CSS_SELECTOR, "#trials input")
        before = self.status()
        field.clear()
        field.send_keys(text)
        WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _: self.status() != before)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield Browser(started)
    started.quit()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python, which brings axe-core, is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real sweep: the quickstart's 40 trials."""
    folder = tmp_path_factory.mktemp("real") / "quickstart"
    shutil.copytree(REFERENCE / "quickstart", folder)
    return write_report(folder)


def faults(browser: Browser, axe: str) -> list[str]:
    """Return the serious faults that axe-core finds, with the first element of each."""
    browser.run(axe)
    script = "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(found => done(found.violations))"
    found: list[dict[str, Any]] = browser.driver.execute_async_script(script)
    serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]}" for fault in serious]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_page_of_a_real_sweep_is_drawn_without_errors_requests_or_barriers(
    browser: Browser, real: Path, axe: str, tmp_path: Path, screen: tuple[int, int], dark: bool
) -> None:
    browser.driver.set_script_timeout(PATIENCE)
    browser.open(real, screen, dark=dark)
    assert (browser.picture(tmp_path / "first.png") < 60) is dark
    browser.show_all()
    browser.picture(tmp_path / "whole.png")
    assert browser.run("return document.documentElement.scrollWidth") == screen[0]
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert faults(browser, axe) == []
    assert browser.messages() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [real.as_uri()]


def test_network_cannot_be_reached_even_if_a_script_tries(browser: Browser, real: Path) -> None:
    browser.open(real)
    browser.driver.set_script_timeout(PATIENCE)
    asked = "fetch('http://127.0.0.1:9/').then(() => 'ok', String).then(arguments[0])"
    assert "TypeError" in browser.driver.execute_async_script(asked)
    assert any("Content Security Policy" in message for message in browser.messages())


def test_plots_follow_the_scheme_and_are_all_there_in_print(browser: Browser, real: Path) -> None:
    browser.open(real)
    browser.show_all()
    color = "getComputedStyle(document.querySelector('#plot1 .ytitle')).fill"
    light = browser.run(f"return {color}")
    browser.prefer(dark=True)
    browser.until(f"{color} !== '{light}'")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.until(f"{color} === '{light}'")
    widths = browser.run("return [...document.querySelectorAll('.plot')].map(plot => plot._fullLayout.width)")
    assert len(widths) > 5
    assert set(widths) == {300, 660}
    browser.run("dispatchEvent(new Event('afterprint'))")
    browser.until(f"{color} !== '{light}'")
    assert len(base64.b64decode(browser.driver.print_page())) > 20_000


@pytest.mark.parametrize(("number", "expected"), [(40, "Rows 1 to 40 of 40"), (600, "Rows 1 to 500 of 600")])
def test_paper_has_the_trials_of_all_pages_or_says_how_many_more_there_are(
    browser: Browser, make_sweep: MakeSweep, tmp_path: Path, number: int, expected: str
) -> None:
    browser.open(write_report(make_sweep(tmp_path / "sweep", number, num_evaluations=2)))
    num_rows = "return document.querySelectorAll('#trials tbody tr').length"
    browser.run("[...document.querySelectorAll('#trials button')].find(one => one.textContent === 'Next').click()")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.run("dispatchEvent(new Event('beforeprint'))")
    controls = "[...document.querySelectorAll('#trials .controls > *')].filter(one => one.checkVisibility())"
    seen, printed = browser.run(f"return {controls}.map(one => one.textContent)"), browser.run(num_rows)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert (seen, printed) == ([expected], min(number, 500))
    assert browser.run(num_rows) == min(25, number - 25)


def test_table_is_usable_by_keyboard_alone(browser: Browser, real: Path) -> None:
    browser.open(real)
    titles = browser.titles()
    active = browser.driver.switch_to
    for _ in range(60):
        active.active_element.send_keys(Keys.TAB)
        if active.active_element.text.startswith("seconds"):
            break
    active.active_element.send_keys(Keys.ENTER)
    head = browser.driver.find_elements(By.CSS_SELECTOR, "#trials thead th")[titles.index("seconds")]
    assert head.get_attribute("aria-sort") == "ascending"
    seconds = [float(cell) for cell in browser.cells(titles.index("seconds"))]
    assert seconds == sorted(seconds)
    active.active_element.send_keys(Keys.SPACE)
    assert head.get_attribute("aria-sort") == "descending"
    assert browser.run("return document.querySelectorAll('#trials [aria-sort]').length") == 1


def test_page_of_5000_trials_paints_sorts_filters_and_turns(
    browser: Browser, make_sweep: MakeSweep, tmp_path: Path
) -> None:
    page = write_report(make_sweep(tmp_path / "large", 5000))
    assert page.stat().st_size < 12 * MEGABYTE
    browser.open(page)
    browser.picture(tmp_path / "first.png")
    painted = browser.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 3000
    titles = browser.titles()
    val = titles.index("val accuracy")
    assert browser.status() == "Rows 1 to 25 of 5,000"

    best = browser.cells(val)
    browser.press("#trials thead button", val)
    ascending = [float(cell) for cell in browser.cells(val)]
    assert ascending == sorted(ascending)
    assert max(ascending) < float(best[-1])
    browser.press("#trials thead button", val)
    assert browser.cells(val) == best

    browser.filter("momentum learning_rate>=0.01 seed<2 model.dropout=0.2")
    assert set(browser.cells(titles.index("optimizer"))) == {"momentum"}
    assert {float(cell) for cell in browser.cells(titles.index("learning_rate"))} <= {0.01, 0.1}
    assert {int(cell) for cell in browser.cells(titles.index("seed"))} <= {0, 1}
    number = 2 * 2 * 2  # learning rates, batch sizes and seeds
    assert browser.status().startswith(f"Rows 1 to {number} of {number} (5,000 in total)")
    browser.filter("status=failed")
    assert set(browser.cells(1)) == {"failed"}
    assert browser.status() == "Rows 1 to 25 of 100 (5,000 in total)"
    browser.filter("seed < 1 val_accuracy >= 0.95")
    assert set(browser.cells(titles.index("seed"))) == {"0"}
    assert min(map(float, browser.cells(val))) >= 0.95
    browser.filter(f"seconds={browser.cells(titles.index('seconds'))[0]}")
    assert len({*browser.cells(titles.index("seconds"))}) == 1
    browser.filter("nothing-has-this-text")
    assert (browser.status(), browser.cells(0)) == ("Rows 0 (5,000 in total)", [])

    browser.driver.find_element(By.CSS_SELECTOR, "#trials input").send_keys(Keys.CONTROL, "a")
    browser.driver.find_element(By.CSS_SELECTOR, "#trials input").send_keys(Keys.DELETE)
    WebDriverWait(browser.driver, PATIENCE).until(lambda _: browser.status() == "Rows 1 to 25 of 5,000")
    browser.press("#trials .controls button", 1)
    assert browser.status() == "Rows 26 to 50 of 5,000"
    browser.show_all()
    browser.picture(tmp_path / "whole.png")
    assert browser.messages() == []
    assert browser.run("return document.querySelectorAll('*').length") < 40_000


def test_text_of_configs_and_errors_runs_nothing(
    browser: Browser,
    strange_row: Callable[..., TrialRow],
    make_row: Callable[..., TrialRow],
    write_rows: Callable[..., Path],
    tmp_path: Path,
) -> None:
    texts = ["<script>alert(1)</script>", "=1+1", "</script><img src=x onerror=alert(2)>", "<b>bold</b>"]
    rows = [strange_row(text, val_accuracy=0.9 - index / 100) for index, text in enumerate(texts)]
    rows += [make_row(status=Status.FAILED, error=text, config=None) for text in texts[:1]]
    page = write_report(write_rows(tmp_path / "strange", rows))
    browser.open(page)
    browser.show_all()
    browser.picture(tmp_path / "whole.png")
    said = browser.driver.find_element(By.TAG_NAME, "body").text
    assert [text for text in texts if text not in said] == []
    assert browser.run("return document.querySelectorAll('main b, main img, main script').length") == 0
    labels = browser.run("return [...document.querySelectorAll('.plot .annotation-text')].map(one => one.textContent)")
    assert any(label.startswith("<script>") for label in labels)
    with pytest.raises(WebDriverException):
        browser.driver.switch_to.alert.dismiss()
    assert browser.messages() == []
