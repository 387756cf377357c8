"""Does damage to a row's file ever become another figure, a missing row, or a crash?

Each case damages one file of a copy of a results folder: bytes are flipped, cut or swapped, as disks, interrupted
copies and editors do. The file must then be named and every other row be read as it was; or the damage must be
harmless, so that every row is read as it was, bit for bit.

    python -m tests.faults.damage results/reference/quickstart --files 200
"""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from random import Random

import click

from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.row import TrialRow

NAMED, HARMLESS, WRONG = "named", "harmless", "wrong"


def replaced(row: bytes, drawn: Random, longest: int, new: Callable[[bytes], bytes]) -> bytes:
    """Return a row in which a piece of 1 to `longest` bytes is replaced by what a function makes of it."""
    place = drawn.randrange(len(row))
    end = place + drawn.randint(1, longest)
    return row[:place] + new(row[place:end]) + row[end:]


def swapped(row: bytes, drawn: Random, length: int) -> bytes:
    """Return a row in which two pieces of a length have changed places."""
    pieces = [row[place : place + length] for place in range(0, len(row), length)]
    one, other = drawn.sample(range(len(pieces)), 2)
    pieces[one], pieces[other] = pieces[other], pieces[one]
    return b"".join(pieces)


def with_another_digit(row: bytes, drawn: Random) -> bytes:
    """Return a row in which one digit is another, so that it stays JSON."""
    place = drawn.choice([place for place, byte in enumerate(row) if byte in b"0123456789"])
    return row[:place] + bytes([drawn.choice(b"0123456789")]) + row[place + 1 :]


def ended_by(row: bytes, drawn: Random, other: bytes) -> bytes:
    """Return the beginning of one row with the end of another."""
    place = drawn.randrange(len(row))
    return row[:place] + other[place:]


DAMAGES: dict[str, Callable[[bytes, Random, bytes], bytes]] = {
    "a bit flipped": lambda row, drawn, _: replaced(
        row, drawn, 1, lambda old: bytes([old[0] ^ 1 << drawn.randrange(8)])
    ),
    "a byte changed": lambda row, drawn, _: replaced(row, drawn, 1, lambda _: drawn.randbytes(1)),
    "a digit changed": lambda row, drawn, _: with_another_digit(row, drawn),
    "a piece overwritten": lambda row, drawn, _: replaced(row, drawn, 40, lambda old: drawn.randbytes(len(old))),
    "a block zeroed": lambda row, drawn, _: replaced(row, drawn, 512, lambda old: bytes(len(old))),
    "the end cut": lambda row, drawn, _: row[: drawn.randrange(len(row))],
    "the last bytes cut": lambda row, drawn, _: row[: -drawn.randint(1, 4)],
    "the beginning cut": lambda row, drawn, _: row[drawn.randint(1, len(row)) :],
    "a piece cut": lambda row, drawn, _: replaced(row, drawn, 40, lambda _: b""),
    "a piece doubled": lambda row, drawn, _: replaced(row, drawn, 40, lambda old: old * 2),
    "bytes put in": lambda row, drawn, _: replaced(row, drawn, 1, lambda old: old + drawn.randbytes(3)),
    "two bytes swapped": lambda row, drawn, _: swapped(row, drawn, 1),
    "two pieces swapped": lambda row, drawn, _: swapped(row, drawn, 16),
    "line ends changed": lambda row, drawn, _: row.replace(b"\n", drawn.choice([b"\r\n", b"\r", b"", b"\n\n"])),
    "the end of another row": ended_by,
    "another row": lambda row, drawn, other: other,
}


def damaged(folder: Path, *, files: int, seed: int) -> Counter[tuple[str, str]]:
    """Damage one file after the other of a copy of a results folder; return how often which damage ended how."""
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as temporary:
        ledger, drawn = Ledger(Path(temporary)), Random(seed)
        shutil.copytree(Ledger(folder).rows_folder, ledger.rows_folder)
        before, paths = ledger.rows(), sorted(ledger.rows_folder.iterdir())
        for kind in islice(cycle(DAMAGES), files):
            path, other = drawn.sample(paths, 2)
            whole = path.read_bytes()
            path.write_bytes(until_changed(whole, partial(DAMAGES[kind], whole, drawn, other.read_bytes())))
            counts[kind, outcome(ledger, path, before)] += 1
            path.write_bytes(whole)
    return counts


def until_changed(whole: bytes, damage: Callable[[], bytes]) -> bytes:
    """Return the first damage that changed something."""
    return next(content for content in iter(damage, None) if content != whole)


def outcome(ledger: Ledger, path: Path, before: Mapping[str, TrialRow]) -> str:
    """Return what came of the damage to a file: named, harmless, or wrong with what was wrong."""
    others = {trial_id: row for trial_id, row in before.items() if trial_id != path.stem}
    try:
        rows, bad = ledger.inspect()
    except Exception as error:  # whatever it is, it is what this looks for
        return f"{WRONG}: {type(error).__name__}"
    if not bad:
        return HARMLESS if repr(rows) == repr(before) else f"{WRONG}: not the rows as they were"
    named = [one.path for one in bad] == [path] and bad[0].fault == "damaged"
    return NAMED if named and repr(rows) == repr(others) else f"{WRONG}: not this file alone"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--files", type=click.IntRange(1), default=200, show_default=True, help="Files to damage.")
@click.option("--seed", type=int, default=0, show_default=True, help="Where the damage is drawn from.")
def main(folder: Path, files: int, seed: int) -> None:
    """Damage files of a copy of DIR, count what came of it, and fail if anything went wrong."""
    counts = damaged(folder, files=files, seed=seed)
    ends = [NAMED, HARMLESS, *sorted({end for _, end in counts} - {NAMED, HARMLESS})]
    for kind in DAMAGES:
        shown = ", ".join(f"{counts[kind, end]} {end}" for end in ends if counts[kind, end])
        click.echo(f"{kind:24} {shown}")
    total = {end: sum(counts[kind, end] for kind in DAMAGES) for end in ends}
    click.echo(f"{files} files damaged (seed {seed}): {', '.join(f'{number} {end}' for end, number in total.items())}")
    sys.exit(1 if total.keys() - {NAMED, HARMLESS} else 0)


if __name__ == "__main__":
    main()
