"""Laws of the report as files: whole, without a network, with every text as text, and within its time and size."""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Softmax, TrialConfig
from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.reports.html import content_security_policy
from mnist_sweep.reports.report_data import analyse, read_results
from mnist_sweep.reports.writer import SECTIONS, Format, write_report
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow, Refused
from tests.reports.conftest import MakeResults, MakeSweep
from tests.reports.strange_texts import read_html

pytestmark = pytest.mark.filterwarnings("ignore:Argument ``normalize`` is an experimental")  # of Optuna
REFERENCE = Path(__file__).parents[2] / "results" / "reference"
MEGABYTE = 2**20
STRANGE = [
    "<script>alert(1)</script>",
    "=1+1",
    "@everyone",
    "</script><script>alert(2)</script>",
    "a|b`c`*d*_e_[f](http://g)",
    "",
]


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """A copy of the quickstart's real rows and tables."""
    return Path(shutil.copytree(REFERENCE / "quickstart", tmp_path / "quickstart"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The quickstart's report in both forms."""
    folder = Path(shutil.copytree(REFERENCE / "quickstart", tmp_path_factory.mktemp("written") / "quickstart"))
    forms: tuple[Format, ...] = ("html", "md")
    return {form: write_report(folder, format=form).read_text(encoding="utf-8") for form in forms}


@pytest.fixture
def strange(tmp_path: Path, write_rows: Any, strange_row: MakeRow, make_row: MakeRow) -> Path:
    """Rows whose configs and errors hold text that some reader might run."""
    rows = [strange_row(text) for text in STRANGE]
    rows += [make_row(TrialConfig(seed=seed), Status.FAILED, error=text) for seed, text in enumerate(STRANGE, start=1)]
    folder: Path = write_rows(tmp_path / "<script>alert(3)</script>".replace("/", "_"), rows)
    return folder


def unpacked(page: str) -> str:
    """Return Plotly's script as a page unpacks it."""
    (packed,) = re.findall(r'<script type="application/gzip" id="plotly">(.*?)</script>', page)
    return gzip.decompress(base64.b64decode(packed)).decode()


def test_report_lies_in_the_folder_and_nothing_else_is_left(quickstart: Path) -> None:
    before = {path.name for path in quickstart.iterdir()}
    assert write_report(quickstart, format="md") == quickstart / "report.md"
    assert {path.name for path in quickstart.iterdir()} - before == {"report.md"}


def test_page_asks_for_nothing_and_forbids_it(reports: dict[str, str]) -> None:
    text = reports["html"]
    page = read_html(text)
    sources = page.values("src", "href", "data", "action", "srcset")
    assert [source for source in sources if not source.startswith(("#", "data:image/png;base64,"))] == []
    assert not {"link", "iframe", "object", "base"} & set(page.tags)
    (given,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    scripts = [*re.findall(r"<script>(.*?)</script>", text, re.DOTALL), unpacked(text)]
    assert given.replace("&#x27;", "'") == content_security_policy(scripts)
    assert "default-src 'none'" in content_security_policy(scripts)
    assert "http:" not in content_security_policy(scripts)


def test_links_and_labels_lead_somewhere_and_ids_are_unique(reports: dict[str, str]) -> None:
    page = read_html(reports["html"])
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    links = {link[1:] for link in page.values("href") if link.startswith("#")}
    assert {*page.values("aria-labelledby", "for", "aria-describedby"), *links} <= set(ids)


def test_both_forms_say_the_same(reports: dict[str, str]) -> None:
    page, markdown = " ".join(read_html(reports["html"]).text.split()), reports["md"]
    best = read_results(REFERENCE / "quickstart").good[0]
    findings = [part.split("\n\n")[1] for part in markdown.split("## ")[1:] if not part.startswith("#")]
    assert len(findings) > 8
    for finding in findings:
        assert finding.replace("`", "").replace("\\", "").split("\n")[0] in page.replace("`", "")
    assert f"{best.val_accuracy:.2%}" in page
    assert best.trial_id in page
    assert best.trial_id in markdown
    assert "<" not in markdown


def test_every_trial_is_in_the_pages_data(make_sweep: MakeSweep, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "sweep", 120, num_evaluations=2)
    text = write_report(folder).read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="rows-table\d+">(.*?)</script>', text)
    cells = json.loads(data)["cells"]
    rows = read_results(folder).rows
    assert cells[0] == [row.trial_id for row in rows]
    accuracy = [column["name"] for column in json.loads(data)["columns"]].index("val_accuracy")
    assert cells[accuracy] == [row.val_accuracy for row in rows]


@pytest.mark.parametrize("format", ["html", "md"])
def test_text_of_configs_errors_and_names_stays_text(strange: Path, format: Any) -> None:  # noqa: A002
    text = write_report(strange, format=format).read_text(encoding="utf-8")
    if format == "html":
        page = read_html(text)
        assert page.tags.count("script") == 4 + len(re.findall('<script type="application/', text))
        assert all(what in page.text for what in STRANGE)
        assert "<script>alert" not in text
    else:
        shown = "\n".join(line for line in text.splitlines() if not line.startswith("    "))  # without commands
        shown = re.sub("`[^`\n]*`", "", shown)  # and code
        assert re.findall(r"(?<!\\)<script", shown) == []
        assert re.findall(r"(?<!\\)\]\(http", shown) == []
        assert re.findall(r"(?<!\w)@\w", shown) == []
        assert "=1+1" in shown


def test_tables_of_markdown_have_as_many_cells_in_every_line(strange: Path) -> None:
    lines = write_report(strange, format="md").read_text(encoding="utf-8").splitlines()
    width = 0
    for line in lines:
        bars = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("|") and width:
            assert bars == width, line
        width = bars if line.startswith("|") else 0


def test_a_report_does_not_take_the_place_of_a_device_or_a_pipe(quickstart: Path, refused: Refused) -> None:
    os.mkfifo(pipe := quickstart / "pipe")
    with refused(LedgerError, f"report {pipe} cannot be written", "it is a special file", "choose another FILE"):
        write_report(quickstart, output=pipe, format="md")
    assert pipe.is_fifo()


def test_folder_without_rows_is_refused(tmp_path: Path, refused: Refused) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with refused(LedgerError, f"{folder} holds no rows"):
            write_report(folder)


def test_tampered_row_is_named(quickstart: Path, refused: Refused) -> None:
    path = next((quickstart / "rows").iterdir())
    path.write_text(path.read_text(encoding="utf-8").replace('"val_accuracy": 0.', '"val_accuracy": 1.', 1))
    with refused(RowError, str(quickstart / "rows"), path.name, "damaged or edited"):
        write_report(quickstart)
    assert not (quickstart / "report.html").exists()


def test_report_is_made_from_rows_whatever_the_tables_say(quickstart: Path) -> None:
    before = write_report(quickstart, format="md").read_bytes()
    for name in ("trials", "history", "summary"):
        (quickstart / f"{name}.csv").write_text("trial_id,seed\na-0,0\n")
    assert write_report(quickstart, format="md").read_bytes() == before


def test_only_failed_trials_are_a_report(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(config, Status.FAILED, error="x") for config in (TrialConfig(), TrialConfig(model=Softmax()))]
    results = make_results(rows)
    sections = {make.__module__.rpartition(".")[2]: make(results) for make in SECTIONS}
    none = {name for name, section in sections.items() if section is None}
    assert none == {
        "certainty",
        "effects",
        "learning_curves",
        "parallel_coordinates",
        "pareto_front",
        "race",
        "timeline",
    }


def test_report_that_cannot_be_written_leaves_the_one_before(
    quickstart: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_report(quickstart, format="md").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with refused(LedgerError, "report.md", "No space left on device"):
        write_report(quickstart, format="md")
    assert (quickstart / "report.md").read_bytes() == before


def test_report_that_a_run_writes_meanwhile_stays(quickstart: Path) -> None:
    write_report(quickstart)

    def submit(trials: Any) -> Any:
        replaced = write_report(quickstart)
        replaced.write_text(replaced.read_text(encoding="utf-8") + "<!-- newer -->", encoding="utf-8")
        return lambda: analyse(trials)

    kept = [write_report(quickstart, submit=submit, keep_newer=keep).read_text() for keep in (True, False)]
    assert [text.endswith("<!-- newer -->") for text in kept] == [True, False]


def test_report_needs_neither_tensorflow_nor_ray(quickstart: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mnist_sweep.reports.writer import SECTIONS, Format, write_report; "
        f"print(sorted({{'plotly', 'pandas', 'scipy.stats', 'sklearn'}} & sys.modules.keys())); "
        f"write_report(Path({str(quickstart)!r}), format='md'); "
        "print(sorted({'tensorflow', 'keras', 'ray'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", "[]"]


def test_report_of_200_trials_fits_into_an_e_mail(make_sweep: MakeSweep, tmp_path: Path) -> None:
    assert write_report(make_sweep(tmp_path / "sweep", 200)).stat().st_size < 3 * MEGABYTE


def test_large_sweep_takes_time_in_proportion_and_a_bounded_file(make_sweep: MakeSweep, tmp_path: Path) -> None:
    """For 20,000 trials the limit is 12 MB; `tests/benchmarks/answers` holds 10,000 to 10 s."""

    def seconds(folder: Path) -> float:
        start = time.process_time()
        write_report(folder)
        return time.process_time() - start

    few, large = make_sweep(tmp_path / "few", 400), make_sweep(tmp_path / "large", 2000)
    seconds(few)  # loads what reports need
    assert seconds(large) < 15 * seconds(few)  # three times what is in proportion
    assert (large / "report.html").stat().st_size < 4 * MEGABYTE


@pytest.mark.slow
def test_report_of_a_large_sweep_takes_a_bounded_memory_in_all(make_sweep: MakeSweep, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "large", 2000)
    code = (
        "import sys; from pathlib import Path; from mnist_sweep.reports.writer import write_report; "
        "from mnist_sweep.system.machine import peak_memory; write_report(Path(sys.argv[1])); print(peak_memory())"
    )
    command = [sys.executable, "-c", code, str(folder)]
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 0 < peak < 2 * 2**30
