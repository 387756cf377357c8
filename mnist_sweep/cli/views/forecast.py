"""What a sweep will cost, for a terminal: time, memory, disk, and warnings."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from mnist_sweep.planning.forecast import Forecast, Times, described
from mnist_sweep.text.numbers import clock, counted, size

KIND_WIDTH = 25


def show(found: Forecast, console: Console) -> None:
    """Print what a run will cost, and the warnings."""
    if found.times:
        console.print(_table(found.times))
    lines = [f"to run: {counted(found.num_trials, 'trial')}, {found.way.num_workers} at a time"]
    if found.seconds is not None and found.memory is not None:
        lines.append(f"time: {clock(found.seconds)}, measured with as many at a time")
        free = f", {size(found.free_memory)} are free" if found.free_memory is not None else ""
        each = f"{size(found.worker_memory)} a worker, {size(found.memory)} with what they share and the driver"
        lines.append(f"memory: {each}{free}")
    if found.gpu_memory:
        lines.append(f"GPU memory: {size(found.gpu_memory)} a worker")
    parts = [f"{name} {size(number)}" for name, number in found.disk._asdict().items() if number]
    lines.append(f"disk: {size(sum(found.disk))} ({', '.join(parts)}), {size(found.free_disk)} are free")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for warning in found.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _table(times: Sequence[Times]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("network", "trials"):
        table.add_column(name, justify="right")
    table.add_column("kind", overflow="fold", min_width=KIND_WIDTH)
    for name in ("step, ms", "evaluation, s", "trial, s"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in times:
        figures = ("fails", "", "")
        if one.step is not None:
            figures = (f"{one.step * 1e3:.3g}", f"{one.evaluation:.2g}", f"{one.seconds:.3g}")
        table.add_row(str(one.network), str(one.num_trials), described(one.trial), *figures)
    return table
