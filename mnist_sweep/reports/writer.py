"""Writes the report of a sweep: builds its sections from the rows and renders them as HTML or Markdown."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mnist_sweep.errors import LedgerError
from mnist_sweep.reports import html, markdown
from mnist_sweep.reports.blocks import Paragraph, Section
from mnist_sweep.reports.report_data import Results, Submit, read_results
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
    sweep_comparison,
    timeline,
    trials,
)
from mnist_sweep.reports.sections.sweep_comparison import SweepComparison, compare_sweeps
from mnist_sweep.system.atomic_files import version, write_atomically

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
    submit: Submit | None = None,
    keep_newer: bool = False,
) -> Path:
    """Write `report.html` or `report.md` into a results folder, or another file, and return its path.

    The selection and the effects are computed where `submit` says, by default in this process. With `keep_newer`, a
    report that a run has written meanwhile stays.

    Raises:
        LedgerError: The folder holds no rows, a file in it is damaged, or the report cannot be written.
    """
    path = output or folder / f"report.{format}"
    before, results = version(path), read_results(folder, submit)
    sections = {make: make(results) for make in sorted(SECTIONS, key=lambda make: make in NEED_ANALYSIS)}
    shown = [section for make in SECTIONS if (section := sections[make]) is not None]
    notes = [Paragraph(text=note) for note in results.notes]
    shown[:1] = [replace(first, blocks=[*notes, *first.blocks]) for first in shown[:1]]
    if keep_newer and version(path) != before:
        return path
    return _write(path, f"Sweep {folder.resolve().name}", f"`{folder}`", shown, format, [str(folder)])


def write_comparison(
    folder: Path,
    other: Path,
    *,
    format: Format = "html",  # noqa: A002 # as above
    output: Path | None = None,
    within: float | None = None,
) -> tuple[Path, SweepComparison]:
    """Write `comparison.html` or `comparison.md`, of two sweeps, into the first one's folder, or another file.

    Raises:
        LedgerError: A folder holds no rows or no successful ones, both are the same, a file is damaged, or the page
            cannot be written; as an IncomparableError, they are judged by different objectives.
        ConfigError: `within`, the margin of `verdict` in points, is out of range, or lacking.
    """
    compared = compare_sweeps(read_results(folder), read_results(other), within=within)
    title, path = f"Sweeps {' and '.join(compared.names)}", output or folder / f"comparison.{format}"
    arguments = [str(folder), "--compare", str(other)]
    of_both = f"`{folder}` (first) and `{other}` (second)"
    return _write(path, title, of_both, sweep_comparison.sections(compared), format, arguments), compared


def _write(
    path: Path, title: str, source: str, sections: Sequence[Section], kind: Format, arguments: Sequence[str]
) -> Path:
    if path.exists() and not (path.is_file() or path.is_dir()):  # a file would take the place of /dev/stdout
        raise LedgerError(f"report {path} cannot be written (it is a special file): choose another FILE with --output.")
    if kind == "md":
        text = markdown.render(title, sections)
    else:
        subtitle = f"Generated from the rows in {source} on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
        text = html.render(title, subtitle, sections)
    command = shlex.join(["mnist-sweep", "report", *arguments, *(["--format", "md"] if kind == "md" else [])])
    write_atomically(path, text.encode(), "report", then=f"run `{command}`, which also takes --output FILE")
    return path
