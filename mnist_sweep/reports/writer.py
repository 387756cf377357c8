"""Writes the report of a sweep: builds its sections from the rows and renders them as HTML or Markdown."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mnist_sweep.reports import html, markdown
from mnist_sweep.reports.blocks import Paragraph, Section
from mnist_sweep.reports.report_data import Results, Submit, read_results, submit_here
from mnist_sweep.reports.sections import (
    best_config,
    certainty,
    effects,
    failures,
    learning_curves,
    mistakes,
    next_run,
    parallel_coordinates,
    pareto_front,
    provenance,
    race,
    timeline,
    trials,
)
from mnist_sweep.system.files import write_atomically

Format = Literal["html", "md"]
SECTIONS: tuple[Callable[[Results], Section | None], ...] = (
    best_config.section,
    race.section,
    certainty.section,
    next_run.section,
    effects.section,
    failures.section,
    provenance.section,
    mistakes.section,
    trials.section,
    pareto_front.section,
    learning_curves.section,
    parallel_coordinates.section,
    timeline.section,
)
NEED_ANALYSIS = {best_config.section, certainty.section, next_run.section, effects.section}  # built last


def write_report(
    folder: Path,
    *,
    format: Format = "html",  # noqa: A002 # the option's name
    output: Path | None = None,
    submit: Submit = submit_here,
) -> Path:
    """Write `report.html` or `report.md` into a results folder, or another file, and return its path.

    The selection and the effects are computed where `submit` says, by default in this process.

    Raises:
        LedgerError: The folder holds no rows, a file in it is damaged, or the report cannot be written.
    """
    results = read_results(folder, submit)
    sections = {make: make(results) for make in sorted(SECTIONS, key=lambda make: make in NEED_ANALYSIS)}
    shown = [section for make in SECTIONS if (section := sections[make]) is not None]
    notes = [Paragraph(text=note) for note in results.notes]
    shown[:1] = [replace(first, blocks=[*notes, *first.blocks]) for first in shown[:1]]
    title = f"Sweep {folder.resolve().name}"
    if format == "md":
        text = markdown.render(title, shown)
    else:
        subtitle = f"Generated from the rows in `{folder}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
        text = html.render(title, subtitle, shown)
    path = output or folder / f"report.{format}"
    command = shlex.join(["mnist-sweep", "report", str(folder), *(["--format", "md"] if format == "md" else [])])
    write_atomically(path, text.encode(), "report", then=f"run `{command}`, which also takes --output FILE")
    return path
