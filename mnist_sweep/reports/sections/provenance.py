"""The provenance of the results: runs, machines, versions, code, data and seeds, and how to reproduce a row."""

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mnist_sweep.reports.blocks import Block, Cell, Command, Facts, Paragraph, Section, Table, columns_of
from mnist_sweep.reports.report_data import Results
from mnist_sweep.results.runs import RunRecord
from mnist_sweep.results.runs import read as read_runs
from mnist_sweep.text.lines import listed
from mnist_sweep.text.names import value
from mnist_sweep.text.numbers import counted, duration, size
from mnist_sweep.trials.config import REGISTRIES
from mnist_sweep.trials.ranking import BEST_TRIAL
from mnist_sweep.trials.row import TrialRow

MAX_VALUES = 6
MAX_RUNS = 50
MAX_COMMANDS = 5
NO_RUNS = "No run is recorded: the folder has no `runs.jsonl`."


def section(results: Results) -> Section:
    """Return the runs, the environments of the rows, the fixed hyperparameters, and how to replay a row.

    Raises:
        LedgerError: The record of the runs is damaged; the message names it.
    """
    runs, folder = read_runs(results.folder), shlex.quote(str(results.folder))
    row = results.configs[0].median_seed if results.configs else results.rows[0]
    role = (results.configs[0].role(row) or BEST_TRIAL) if results.configs else "a trial"
    again, command = _replay(folder, row, role, runs)
    blocks: list[Block] = [
        *([Command(text=command)] if command else []),
        *(_run_blocks(runs) if runs else [Paragraph(text=NO_RUNS)]),
    ]
    fixed = ("fixed hyperparameters", _fixed_hyperparameters(results))
    blocks.append(Facts(facts=[fixed, *_row_facts(results.rows)]))
    blocks.append(Paragraph(text="Rebuild the tables and this report from the rows:"))
    blocks.append(Command(text=f"mnist-sweep table {folder} && mnist-sweep report {folder}"))
    finding = f"{again} {_finding(results, runs)}"
    return Section(key="provenance", title="How do I run it again?", finding=finding, blocks=blocks)


def _replay(folder: str, row: TrialRow, role: str, runs: Sequence[RunRecord]) -> tuple[str, str]:
    """Return how to replay a row in words, and the command for it, empty if there is none.

    Code of the user's own is in the script of the last run, or a module named so.
    """
    own = [str(row.config.get(part)) for part in REGISTRIES if ":" in str(row.config.get(part))]
    modules = {name.partition(":")[0].partition(".")[0] for name in own}
    if "__main__" in modules or "<stdin>" in modules:
        defined = f"Its trials use {listed(own)}, defined in a notebook, on standard input or by `python -c`"
        return f"{defined}: to compare trials with their rows, run the same code into another folder.", ""
    words = [word for run in reversed(runs) for word in run.command if word.endswith(".py")]
    scripts = [word for word in words if Path(word).name != "__main__.py"]
    script = next(iter([*scripts, *(f"{module}.py" for module in sorted(modules))])) if own else ""
    command = f"mnist-sweep replay {folder} {row.trial_id}" + f" --script {shlex.quote(script)}" * bool(script)
    return f"`{command}` trains {role} again and compares every number with its row, bit for bit.", command


def _finding(results: Results, runs: Sequence[RunRecord]) -> str:
    machines = counted(len({row.worker.rpartition(":")[0] for row in results.rows if row.worker}), "machine")
    text = f"{counted(len(results.rows), 'row')} from {machines}"
    if not runs:
        return f"{text}."
    text += f" in {counted(len(runs), 'run')}, from {_time(runs[0].started)} to {_time(runs[-1].ended)} UTC."
    last = runs[-1]
    if last.predicted_seconds:
        text += f" The last run took {duration(last.seconds)}; the prediction was {duration(last.predicted_seconds)}."
    return text


def _run_blocks(runs: Sequence[RunRecord]) -> list[Block]:
    commands = dict.fromkeys(_command_line(run.command) for run in reversed(runs))
    blocks: list[Block] = [Paragraph(text="Commands of the whole sweep, the latest first:")]
    blocks += [Command(text=command) for command in list(commands)[:MAX_COMMANDS]]
    last = runs[-1]
    memory = f", {size(last.memory_bytes)} of memory" if last.memory_bytes else ""
    versions = [f"Python {last.python}", *(f"{name} {number}" for name, number in last.packages.items())]
    digests: dict[str, dict[str, str]] = {}
    for name, digest in [pair for run in runs for pair in run.data.items()]:
        data, _, split = name.rpartition(" ")
        digests.setdefault(data, {})[split] = digest
    facts = [
        ("machine of the last run", f"{last.host}, {counted(last.cpus, 'CPU')}{memory}"),
        ("versions in the last run", ", ".join(versions)),
        *((f"SHA-256 of {data}", ", ".join(map(" ".join, of.items()))) for data, of in digests.items()),
    ]
    return [*blocks, _table(runs), Facts(facts=facts)]


def _command_line(command: Sequence[str]) -> str:
    """Return a command as it is typed in a terminal, without the location of this package's own script."""
    name = Path(command[0]).name if command else ""
    if name in ("__main__.py", "mnist-sweep", "mnist-sweep.exe"):
        return shlex.join(["mnist-sweep", *command[1:]])
    return shlex.join(["python", *command] if name.endswith(".py") else command)


def _table(runs: Sequence[RunRecord]) -> Table:
    numbers = ("trials at a time", 0), ("trials run", 0), ("seconds", 1), ("predicted seconds", 1)
    return Table(
        caption="Runs" if len(runs) <= MAX_RUNS else f"The last {MAX_RUNS} of {len(runs):,} runs",
        columns=columns_of("started (UTC)", "host", "runner", *numbers, "git commit"),
        rows=[*map(_row, runs[-MAX_RUNS:])],
    )


def _row(run: RunRecord) -> list[Cell]:
    commit = f"{run.git_commit[:12]}{' (modified)' if run.git_dirty else ''}" if run.git_commit else "none"
    numbers = run.num_workers, run.num_run, run.seconds, run.predicted_seconds
    return [_time(run.started), run.host, run.runner, *numbers, commit]


def _time(utc: str) -> str:
    return utc.replace("T", " ").removesuffix("Z")


def _row_facts(rows: Sequence[TrialRow]) -> list[tuple[str, str]]:
    """Return the environment that the rows recorded: what is the same in all, then what differs."""
    recorded = [row for row in rows if row.environment]  # the others failed before they trained
    names = dict.fromkeys(name for row in recorded for name in row.environment)
    texts = {"mnist_sweep": [_text(row.version) for row in rows]}
    texts |= {name: [_text(row.environment.get(name)) for row in recorded] for name in names}
    same = ", ".join(f"{name} {values[0]}" for name, values in texts.items() if len(set(values)) == 1)
    differing = [(name, _tally(values)) for name, values in texts.items() if len(set(values)) > 1]
    without = len(rows) - len(recorded)
    if without:
        differing.append(("environment not recorded", counted(without, "row")))
    return [("seeds", _seeds(row.config["seed"] for row in rows)), ("environment of all rows", same), *differing]


def _seeds(seeds: Iterable[int]) -> str:
    distinct = sorted(set(seeds))
    if len(distinct) > MAX_VALUES:
        return f"{len(distinct):,} seeds from {distinct[0]} to {distinct[-1]}"
    return ", ".join(map(str, distinct))


def _text(given: Any) -> str:
    return "not recorded" if given in (None, "") else str(given)


def _tally(texts: Iterable[str]) -> str:
    """Return distinct texts with their number of rows, most frequent first."""
    count = Counter(texts)
    shown = [f"{text} ({counted(number, 'row')})" for text, number in count.most_common(MAX_VALUES)]
    return ", ".join(shown) + (f" and {len(count) - MAX_VALUES} more" if len(count) > MAX_VALUES else "")


def _fixed_hyperparameters(results: Results) -> str:
    """Return the fields that do not vary; those of a part that does, such as the optimizer, for each of its values."""
    fixed, names = [], dict.fromkeys(name for row in results.rows for name in row.config)
    for name in names:
        if name in (*results.varying, "seed"):
            continue
        part = name.partition(".")[0] if "." in name else ""
        of_part = {row.config[part] if part else "": row.config[name] for row in results.rows if name in row.config}
        texts = {one: "none" if given in (None, []) else value(name, given) for one, given in of_part.items()}
        if part in results.varying:
            texts = {one: f"{text} ({value(part, one)})" for one, text in texts.items()}
        fixed.append(f"{name} {' or '.join(dict.fromkeys(texts.values()))}")
    return ", ".join(fixed) or "none"
