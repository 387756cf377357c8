"""Does any content of a file make a reader crash, instead of refusing it by one of the project's own errors?

Each reader is fuzzed by atheris in a process of its own, guided by the branches that an input takes, with a limit on
time and memory. Prints a line for each; exits with status 1 if one crashed, hung or took too much memory, and then
says how to read the input that did it again.

Command: python -m tests.faults.fuzz [idx|row|picture|checkpoint|predictions|… …] [--seconds 60]
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click

from tests.faults.readers import READERS

MEGABYTES = 2048
SECONDS_OF_ONE = 20
SECONDS_TO_START = 120
LIMITS = [f"-rss_limit_mb={MEGABYTES}", f"-timeout={SECONDS_OF_ONE}", "-print_final_stats=1"]


class Counts(NamedTuple):
    """What came of fuzzing a reader.

    Attributes:
        reader: Its name.
        executions: Inputs that were read.
        seconds: Wall time, in seconds.
        edges: Branches of the watched code that were taken.
        crashes: Files with inputs that no reader may end so on; libFuzzer ends at the first.
        status: Exit status of the process; 0 if all went well.
        log: What it printed.
    """

    reader: str
    executions: int
    seconds: float
    edges: int
    crashes: list[Path]
    status: int
    log: str

    @property
    def good(self) -> bool:
        """Whether there was no crash."""
        return self.status == 0 and not self.crashes

    def __str__(self) -> str:
        found = ", ".join(map(str, self.crashes)) or ("none" if self.good else f"ended with status {self.status}")
        return (
            f"{self.reader:12} {self.executions:10,} executions in {self.seconds:4.0f} s, {self.edges:5,} edges, "
            f"crashes: {found}"
        )


def fuzzed(reader: str, folder: Path, *, seconds: int, seed: int) -> Counts:
    """Fuzz a reader in a process of its own for so long; its corpus and its crashes lie in a folder then."""
    folder.mkdir()
    limits = [*LIMITS, f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={folder}/"]
    command = [sys.executable, "-m", "tests.faults.fuzzed", reader, str(folder), *limits]
    start, status = time.monotonic(), 1
    with (folder / "log").open("w", errors="replace") as log:
        try:
            allowed = seconds + SECONDS_OF_ONE + SECONDS_TO_START
            status = subprocess.run(command, stdout=log, stderr=log, timeout=allowed, check=False).returncode
        except subprocess.TimeoutExpired:
            log.write("\nit did not end\n")
    return counted(reader, folder, seconds=time.monotonic() - start, status=status)


def counted(reader: str, folder: Path, *, seconds: float, status: int) -> Counts:
    """Return the counts of a reader from what libFuzzer left in a folder."""
    text = (folder / "log").read_text(errors="replace")
    return Counts(
        reader=reader,
        executions=max(map(int, re.findall(r"^#(\d+)\t", text, re.MULTILINE)), default=0),
        seconds=seconds,
        edges=max(map(int, re.findall(r" cov: (\d+) ", text)), default=0),
        crashes=sorted(path for path in folder.iterdir() if path.name.startswith(("crash-", "oom-", "timeout-"))),
        status=status,
        log=text,
    )


def again(reader: str, path: Path) -> int:
    """Read an input again, without atheris; return how often it was refused.

    Raises:
        Exception: What the crash was.
    """
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as scratch:
        return READERS[reader].hold(path.read_bytes(), Path(scratch))


@click.command()
@click.argument("readers", nargs=-1, type=click.Choice(list(READERS)))
@click.option("--seconds", type=click.IntRange(1), default=60, show_default=True, help="Time for each reader.")
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True, help="Seed of libFuzzer.")
@click.option("--again", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read this input.")
def main(readers: tuple[str, ...], seconds: int, seed: int, path: Path | None) -> None:
    """Fuzz readers (all, if none is named), and count what came of it."""
    if path:
        for reader in readers or READERS:
            click.echo(f"{reader:12} no crash; refused {again(reader, path)} times")
        return
    if importlib.util.find_spec("atheris") is None:
        raise click.ClickException("atheris is not installed: pip install 'mnist-sweep[test-all]'")
    click.echo(f"atheris {importlib.metadata.version('atheris')}, Python {sys.version.split()[0]}, seed {seed}")
    folder, good = Path(tempfile.mkdtemp(prefix="mnist-sweep-fuzz-")), True
    for reader in readers or READERS:
        counts = fuzzed(reader, folder / reader, seconds=seconds, seed=seed)
        good &= counts.good
        click.echo(counts)
        for crash in counts.crashes:
            click.echo(f"    python -m tests.faults.fuzz {reader} --again {crash}")
        if not counts.good:
            click.echo(counts.log[-2000:], err=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
