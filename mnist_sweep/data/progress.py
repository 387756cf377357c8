"""Progress of what a data set waits for, on standard error."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress(line: str, label: str, total: int | None, *, is_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, or one plain line without a terminal, during the body; yield the function to advance it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        yield lambda count: None
        return
    amount = DownloadColumn() if is_bytes else MofNCompleteColumn()
    columns = TextColumn("{task.description}", markup=False), BarColumn(), amount, TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(label, total=total)
        yield lambda count: shown.advance(task, count)
