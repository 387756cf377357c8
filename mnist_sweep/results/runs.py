"""The provenance of a results folder: one line of `runs.jsonl` for each run, and the command that runs it again.

A row holds what its own numbers depend on; the record of a run holds the rest: the command, the machine, the code and
the data. What looks like a secret is removed from the command line first. A record that is damaged, or cannot be read
or written, raises LedgerError.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.system import commands, machine
from mnist_sweep.system.atomic_files import ledger_errors, read_regular, write_atomically
from mnist_sweep.text.secrets import without_secrets
from mnist_sweep.validation import coerce, require

FILE = "runs.jsonl"
MAX_BYTES = 64 << 20
REPLACED = ("--num-trials", "--seeds", "--configs", "--retry", "--time-budget", "--results", "--notify")  # with values
FLAGS = ("--json", "--quiet", "--set-aside")
PACKAGES = ("mnist-sweep", "tensorflow", "keras", "ray", "numpy", "pandas", "scipy", "optuna")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The provenance of one run.

    Attributes:
        started: Start in UTC, such as `2026-11-21T14:26:00Z`.
        ended: End in the same form.
        command: The words of the command line, without secrets.
        host: Name of the driver's machine.
        cpus: Number of CPUs that the driver may use.
        memory_bytes: Memory of that machine in bytes; None if the system does not report it.
        python: Version of Python.
        packages: Versions of the installed packages that matter, by name.
        git_commit: Commit of the script's folder; None outside a repository, or without git.
        git_dirty: Whether tracked files differed from that commit; None if `git_commit` is None.
        runner: Name of the runner, such as `ray`.
        num_workers: Maximum number of trials at a time.
        num_run: Number of trials that the run ran.
        seconds: Wall time in seconds.
        data: SHA-256 of the data by the name of its files or arrays.
        code: Digest of each definition of the user's own that the trials reached, by its name, such as `net:Net`.
        predicted_seconds: Wall time that `mnist-sweep plan` predicted, in seconds, or None.
    """

    started: str
    ended: str
    command: tuple[str, ...]
    host: str
    cpus: int
    memory_bytes: int | None = None
    python: str
    packages: Mapping[str, str]
    git_commit: str | None = None
    git_dirty: bool | None = None
    runner: str
    num_workers: int
    num_run: int
    seconds: float
    data: Mapping[str, str]
    code: Mapping[str, str] = dataclasses.field(default_factory=dict)
    predicted_seconds: float | None = None

    def __post_init__(self) -> None:
        coerce(self)
        for name in ("packages", "data", "code"):
            given = getattr(self, name)
            texts = isinstance(given, Mapping) and all(isinstance(text, str) for pair in given.items() for text in pair)
            require(texts, f"RunRecord.{name} maps names to texts", **{name: given})
        object.__setattr__(self, "command", without_secrets(self.command))


def describe_run(seconds: float, script_folder: Path | None = None, **given: Any) -> RunRecord:
    """Return the record of this process's run, which ends now and took these seconds by a monotonic clock.

    It has the git commit of the sweep script's folder if that is given. The fields of RunRecord that only the caller
    knows are keywords.
    """
    ended = time.time()
    commit, dirty = git_state(script_folder) if script_folder else (None, None)
    return RunRecord(
        started=_utc(ended - seconds),
        ended=_utc(ended),
        command=tuple(sys.argv),
        host=socket.gethostname(),
        cpus=machine.num_cpus(),
        memory_bytes=machine.total_memory(),
        python=platform.python_version(),
        packages=dict(_versions()),
        git_commit=commit,
        git_dirty=dirty,
        seconds=seconds,
        **given,
    )


def append(folder: Path, run: RunRecord) -> None:
    """Append a run to the record of a results folder, atomically and durably."""
    path = folder / FILE
    before = _bytes(path)  # written again as a whole, since a crash could leave half of an appended line
    line = json.dumps(dataclasses.asdict(run), allow_nan=False).encode() + b"\n"
    write_atomically(path, before + (b"\n" if before and not before.endswith(b"\n") else b"") + line, "list of runs")


def read(folder: Path) -> list[RunRecord]:
    """Return the recorded runs of a results folder, first to last; none if there is no record."""
    path = folder / FILE
    lines = _bytes(path).splitlines()
    return [_run(line, f"line {number} of {path}") for number, line in enumerate(lines, start=1)]


def rerun_command(command: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Return the words of a run into a results folder like a recorded one, without what chose its trials or its time.

    Empty if the recorded command is neither that of a sweep script nor `quickstart`.
    """
    program, *words = command or ("",)
    if Path(program).suffix == ".py" and Path(program).stem != "__main__":
        words = ["run", *command]
    elif Path(program).name not in ("mnist-sweep", "__main__.py"):
        words = []
    if words[:1] not in (["run"], ["quickstart"]):
        return ()
    where = () if folder.parent == Path("results") else ("--results", str(folder.parent))
    return ("mnist-sweep", *_kept(words), *where)


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Return the git commit of a folder, and whether tracked files differ from it; two None if there is none."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = commit and _git(folder, "status", "--porcelain", "--untracked-files=no")
    return (commit, bool(changes)) if commit and changes is not None else (None, None)


def git_refusal(folder: Path) -> str | None:
    """Return why a repository's commit is not recorded, in one line; None if it is, or if there is no repository."""
    path = folder.resolve()
    top = next((one for one in (path, *path.parents) if os.access(one / ".git", os.F_OK)), None)
    if top is None or shutil.which("git") is None or _git(path, "rev-parse", "--git-dir") is not None:
        return None
    way_out = shlex.join(["git", "config", "--global", "--add", "safe.directory", str(top)])
    return f"the commit of {top} is not recorded, since git refuses it, as it does another user's folder: `{way_out}`"


def _kept(words: Sequence[str]) -> Iterator[str]:
    is_value = False
    for word in words:
        option, equals, _ = word.partition("=")
        is_dropped = is_value or option in (*REPLACED, *FLAGS)
        is_value = not is_value and option in REPLACED and not equals
        if not is_dropped:
            yield word


def _git(folder: Path, *arguments: str) -> str | None:
    options = "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder)
    printed = commands.output("git", *options, *arguments, timeout=5.0)
    return None if printed is None else printed.strip()


def _run(line: bytes, where: str) -> RunRecord:
    try:
        content: Any = json.loads(line)
        names = {field.name for field in dataclasses.fields(RunRecord)}
        return RunRecord(**{name: value for name, value in content.items() if name in names})
    except (AttributeError, ConfigError, RecursionError, TypeError, ValueError) as error:
        raise LedgerError(
            f"{where} is not the record of a run: it was damaged or edited; delete that line, no row needs it."
        ) from error


def _bytes(path: Path) -> bytes:
    with ledger_errors(f"{path} cannot be read", ": correct its permissions or repair the disk"):
        try:
            return read_regular(path, MAX_BYTES)
        except FileNotFoundError:
            return b""


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)
