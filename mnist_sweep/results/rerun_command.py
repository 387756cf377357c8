"""The command that continues a sweep, from the recorded command of an earlier run of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

REPLACED = ("--num-trials", "--seeds", "--configs", "--retry", "--time-budget", "--results", "--notify")
FLAGS = ("--json", "--quiet", "--set-aside")


def rerun_command(command: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Return the words of a run into a results folder like a recorded one, without what chose its trials or its time.

    Empty if the recorded command is not that of a sweep script.
    """
    program, *words = command or ("",)
    if Path(program).suffix == ".py" and Path(program).stem != "__main__":
        words = ["run", *command]
    elif Path(program).name not in ("mnist-sweep", "__main__.py"):
        words = []
    if words[:1] != ["run"]:
        return ()
    where = () if folder.parent == Path("results") else ("--results", str(folder.parent))
    return ("mnist-sweep", *_kept(words), *where)


def _kept(words: Sequence[str]) -> Iterator[str]:
    is_value = False
    for word in words:
        option, equals, _ = word.partition("=")
        is_dropped = is_value or option in (*REPLACED, *FLAGS)
        is_value = not is_value and option in REPLACED and not equals
        if not is_dropped:
            yield word
