"""Laws of the page in a browser: it reads well on every screen, asks for nothing, and is usable by everybody.

Every test leaves a screenshot in its folder.
"""

import base64
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.reports.report_data import read_results
from mnist_sweep.reports.writer import write_report
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.trials.row import Evaluation, Status

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browsers import LAPTOP, PATIENCE, PHONE, Browser, axe, browser, faults
from tests.conftest import MakeRow
from tests.reports.conftest import MakeSweep

__all__ = ["axe", "browser"]  # fixtures
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental"),  # of Optuna
]
REFERENCE = Path(__file__).parents[2] / "results" / "reference"
MEGABYTE = 2**20
LABELS = np.tile(np.arange(10, dtype=np.uint8), 30)
PREDICTED = predictions.Predictions(LABELS, LABELS)
CLASS_NAMES = ("=0", 'one, "1"', "<b>two</b>", *"3456789")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real sweep: the quickstart's 40 trials, with made-up predictions of one of them."""
    folder = tmp_path_factory.mktemp("real") / "quickstart"
    shutil.copytree(REFERENCE / "quickstart", folder)
    row = read_results(folder).good[0]
    data_id = predictions.data_id(row.config)
    predictions.write_labels(folder, data_id, PREDICTED)
    predictions.write(folder, row.trial_id, PREDICTED._replace(test=9 - PREDICTED.test // 2))
    data_cards.write(folder, data_id, data_cards.DataCard(class_names=CLASS_NAMES))
    return write_report(folder)


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


def test_browser_that_cannot_unpack_the_plots_says_so_and_shows_the_tables(browser: Browser, real: Path) -> None:
    script = {"source": "delete window.DecompressionStream"}
    added = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    browser.open(real)
    browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    browser.until("document.getElementById('no-plots').checkVisibility()")
    assert not browser.run("return [...document.querySelectorAll('.plot')].some(plot => plot.checkVisibility())")
    assert browser.run("return document.querySelectorAll('figure details table').length") > 5
    assert browser.messages() == []


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


def test_each_plot_has_its_data_as_csv_with_the_values_that_are_drawn(
    browser: Browser, real: Path, tmp_path: Path
) -> None:
    browser.open(real)
    browser.show_all()
    number = "return document.querySelectorAll(arguments[0]).length"
    assert browser.run(number, ".csv") == browser.run(number, ".plot") > 8
    sections = "best-config", "effects", "mistakes", "parallel-coordinates"
    files = browser.download(", ".join(f"#{name} .csv" for name in sections), tmp_path)
    tables: dict[str, Any] = {name.split("-")[2]: pd.read_csv(io.StringIO(text)) for name, text in files.items()}
    results = read_results(real.parent)

    levels, found = tables["optimizer.csv"], effects(results.trials).effects
    effect = next(one for one in found if one.name == "optimizer")
    means = {level.value: level.mean for level in effect.levels}
    assert dict(levels[["level", "mean val accuracy"]].to_numpy()) == pytest.approx(means)
    bars = levels["mean val accuracy high"] - levels["mean val accuracy low"]
    assert bars.to_numpy() == pytest.approx(effect.difference - effect.low)

    assert [*tables["confusion"]] == ["predicted class", "true class", "images"]
    counts = tables["confusion"].set_index(["true class", "predicted class"])["images"]
    assert (counts.sum(), counts["'=0", "9"], counts['one, "1"', "9"], counts["6", "6"]) == (300, 30, 30, 30)
    assert "<b>two</b>" in counts.index.levels[0]

    row, drawn = results.good[7], tables["hyperparameters"].set_index(["label", "axis"])["value"]
    assert float(drawn[results.label(row), "val accuracy"]) == row.val
    assert drawn[results.label(row), "optimizer"] == row.config["optimizer"]

    answer = tables["configs"].set_index("trace")
    assert [*answer] == ["accuracy", "accuracy low", "accuracy high", "config", "label"]
    assert answer.loc["validation, may be the best", "accuracy"].max() == results.configs[0].val
    assert (answer.loc["95% of validation, new images", "accuracy low"] < results.configs[0].val).all()
    assert browser.messages() == []


def test_values_far_worse_than_the_rest_are_drawn_at_the_edge_and_exported_as_they_are(
    browser: Browser, make_row: MakeRow, write_rows: Callable[..., Path], tmp_path: Path
) -> None:
    accuracies = [0.95, 0.94, 0.93, 0.92, 0.91, 0.1]
    points = [Evaluation(step, 1.0, 0.5, 1.0, value, 0.1, 1.0) for value in accuracies for step in (1, 2)]
    rows = [
        make_row(TrialConfig(batch_size=8 + n), val_accuracy=value, history=tuple(points[2 * n : 2 * n + 2]))
        for n, value in enumerate(accuracies)
    ]
    browser.open(write_report(write_rows(tmp_path / "collapsed", rows)))
    browser.show_all()
    drawn = "[...document.querySelectorAll('.plot')].filter(plot => plot.layout.meta?.better)"
    starts = browser.run(f"return {drawn}.map(plot => plot._fullLayout[plot.layout.meta.better[0] + 'axis'].range[0])")
    assert min(starts) > 0.5
    assert len(starts) == 3
    said = browser.run("return document.querySelector('#pareto-front figure p').textContent")
    assert said.endswith("Triangles at the edge: below 0.87.")
    many = {"x": [1, 2, 3, 4, 5], "y": [0.1, 0.1, 0.88, 0.89, 0.9]}  # more than a third are far worse
    assert browser.run(f"return atEdge([{many}], 'y', 1, String)[1]") == ""
    (exported := tmp_path / "exported").mkdir()
    (text,) = browser.download("#pareto-front .csv", exported).values()
    assert pd.read_csv(io.StringIO(text))["validation accuracy"].min() == 0.1
    assert browser.messages() == []


def test_a_link_opens_its_section_and_print_opens_all_for_its_time(browser: Browser, real: Path) -> None:
    opened = "return [...document.querySelectorAll('.fold[open]')].map(fold => fold.parentElement.id)"
    browser.open(real)
    assert browser.run(opened) == []
    browser.press("nav a[href='#effects']", 0)
    assert browser.run(opened) == ["effects"]
    browser.until("document.querySelector('#effects svg.main-svg')")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert len(browser.run(opened)) > 8
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(opened) == ["effects"]
    browser.open(f"{real.as_uri()}#pareto-front")
    browser.until("document.querySelector('#pareto-front .fold').open")


def test_table_is_usable_by_keyboard_alone(browser: Browser, real: Path) -> None:
    browser.open(real)
    active = browser.driver.switch_to
    while active.active_element.text != "Trials":
        active.active_element.send_keys(Keys.TAB)
    active.active_element.send_keys(Keys.ENTER)
    titles = browser.titles()
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
    browser.press("nav a[href='#trials']", 0)
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
    strange_row: MakeRow,
    make_row: MakeRow,
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
