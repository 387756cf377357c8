"""A browser for tests: Chromium without a window, through Selenium, and axe-core, which finds what keeps people out."""

import base64
import contextlib
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

LAPTOP, PHONE = (1280, 800), (390, 844)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
PATIENCE = 60.0  # of a machine that does other work meanwhile


class Browser:
    """A browser with one page, its messages and its requests."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path | str, screen: tuple[int, int] = LAPTOP, *, dark: bool = False) -> None:
        """Open a page on a screen of this size, with no message and no request left from the one before."""
        self.resize(*screen)
        self.prefer(dark=dark)
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(page if isinstance(page, str) else page.as_uri())

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
        """Open all sections, make the screen as high as the page, and wait until every plot is drawn."""
        self.run("document.querySelectorAll('.fold').forEach(fold => { fold.open = true; })")
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

    def download(self, selector: str, folder: Path) -> dict[str, str]:
        """Press the buttons that a selector names, with the keyboard; return what each downloads, by file name."""
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
        buttons = self.driver.find_elements(By.CSS_SELECTOR, selector)
        for number, button in enumerate(buttons, start=1):
            button.send_keys(Keys.ENTER)
            files = WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _, n=number: _complete(folder, n))
        return {path.name: path.read_text(encoding="utf-8") for path in files}

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


def _complete(folder: Path, number: int) -> list[Path]:
    """Return the files of a folder if they are that many; none while a download goes on."""
    files = [*folder.iterdir()]
    return files if len(files) == number and all(file.suffix == ".csv" for file in files) else []


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser, which ends with the body."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield Browser(started)
    started.quit()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python, which brings axe-core, is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def faults(browser: Browser, axe: str) -> list[str]:
    """Return the serious faults that axe-core finds, with the first element of each."""
    browser.run(axe)
    script = "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(found => done(found.violations))"
    found: list[dict[str, Any]] = browser.driver.execute_async_script(script)
    serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]}" for fault in serious]
