"""The report of a sweep: one page that answers the reader's questions, made from the rows alone.

Sections say what they have to say in blocks (`blocks`); `html` and `markdown` write the same blocks.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mnist_sweep.reports import html, markdown
from mnist_sweep.reports import report_data as folders
from mnist_sweep.reports.background import Submit, submit_here
from mnist_sweep.reports.blocks import Section
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import (
    best_config,
    curves,
    effects,
    expected_best,
    failures,
    mistakes,
    parallel_coordinates,
    pareto_front,
    provenance,
    timeline,
    trials,
)
from mnist_sweep.system.files import write_atomically

Format = Literal["html", "md"]
SECTIONS: tuple[Callable[[Results], Section | None], ...] = (
    best_config.section,
    trials.section,
    effects.section,
    parallel_coordinates.section,
    curves.section,
    pareto_front.section,
    expected_best.section,
    timeline.section,
    mistakes.section,
    failures.section,
    provenance.section,
)
OF_FINDINGS = {best_config.section, effects.section}  # made last: they wait for the answer


def write_report(folder: Path, *, format: Format = "html", submit: Submit = submit_here) -> Path:  # noqa: A002 # the option's name
    """Write `report.html`, or `report.md`, into a results folder; return its path.

    Args:
        folder: The results folder.
        format: Which of the two.
        submit: Where the selection and the effects are computed; by default in this process.

    Raises:
        LedgerError: The folder holds no rows, a file in it is damaged, or the report cannot be written.
    """
    results = folders.read(folder, submit)
    sections = {make: make(results) for make in sorted(SECTIONS, key=lambda make: make in OF_FINDINGS)}
    shown = [section for make in SECTIONS if (section := sections[make]) is not None]
    title = f"Sweep {folder.resolve().name}"
    if format == "md":
        text = markdown.render(title, shown)
    else:
        made = f"Made from the rows of `{folder}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
        text = html.render(title, made, shown)
    path = folder / f"report.{format}"
    write_atomically(path, text.encode(), "report")
    return path
