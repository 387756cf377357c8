"""Prints the plan of a sweep: its networks, then time, memory, disk and warnings."""

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Column, Table

from mnist_sweep.cli.safe_console import numbers, plain_table, print_lines
from mnist_sweep.planning.sweep_plan import KindPlan, NetworkPlan, Plan
from mnist_sweep.text.numbers import clock, counted, size

KIND_WIDTH = 25
OPTIONS = {"Local": "local", "RayTune": "ray"}
EVEN = 1.1  # times that are nearer to each other are taken to be equal, since a plan is no more accurate
MAX_LAYERS, LAST_LAYERS = 60, 5  # that are shown of a network, and how many of these are its last


def show_networks(plan: Plan, console: Console) -> None:
    """Print the networks of a plan, layer by layer."""
    num_trials = sum(network.num_trials for network in plan.networks)
    print_lines(console, f"{plan.name}: {counted(num_trials, 'trial')}, {counted(len(plan.networks), 'network')}")
    for number, network in enumerate(plan.networks, start=1):
        shape = "x".join(map(str, network.image_shape))
        trials = counted(network.num_trials, "trial")
        print_lines(console, f"\nnetwork {number} ({trials}, {shape} images): {network.description}")
        if network.layers:
            console.print(_layers(network))
    console.print()


def show_plan(plan: Plan, console: Console) -> None:
    """Print what a plan says of time, memory and disk, and its warnings."""
    if plan.kinds:
        console.print(_kinds(plan.kinds))
    print_lines(console, *_summary(plan))
    print_lines(console, *(f"warning: {warning}" for warning in plan.warnings), style="yellow")


def _layers(network: NetworkPlan) -> Table:
    multiply_adds = sum(layer.multiply_adds for layer in network.layers)
    table = plain_table(show_footer=True)
    table.add_column("layer", "all")
    table.add_column("output", no_wrap=True)
    table.add_column("parameters", f"{network.parameters:,}", justify="right", no_wrap=True)
    table.add_column("multiply-adds", f"{multiply_adds:,}", justify="right", no_wrap=True)
    if with_rules := any(layer.rule for layer in network.layers):
        table.add_column("(W - F + 2P) / S + 1", overflow="fold")
    num_left_out, first = max(0, len(network.layers) - MAX_LAYERS), MAX_LAYERS - LAST_LAYERS
    for number, layer in enumerate(network.layers):
        if num_left_out and number == first:
            table.add_row(f"… {counted(num_left_out, 'more layer')}")
        if number < first or number >= first + num_left_out:
            output = "x".join(map(str, layer.output))
            cells = [layer.name, output, f"{layer.parameters:,}", f"{layer.multiply_adds:,}"]
            table.add_row(*cells, *([layer.rule] if with_rules else []))
    return table


def _kinds(kinds: Sequence[KindPlan]) -> Table:
    kind_column = Column("kind", overflow="fold", min_width=KIND_WIDTH)
    table = plain_table(*numbers("network", "trials"), kind_column, *numbers("step, ms", "evaluation, s", "trial, s"))
    for kind in kinds:
        times = [f"{kind.step_seconds * 1e3:.3g}", f"{kind.evaluation_seconds:.2g}", f"{kind.trial_seconds:.3g}"]
        times = ["fails", "", ""] if kind.failure else times
        table.add_row(str(kind.network), str(kind.num_trials), kind.name, *times)
    return table


def _trials(plan: Plan) -> str:
    if plan.forecast:  # the time of the rows is left out where it was measured
        forecast = plan.forecast if plan.seconds is None else replace(plan.forecast, seconds=None)
        return f"{forecast}; at most {plan.max_trials:,}"
    if plan.max_trials:
        most = f"at most {counted(plan.max_trials, 'trial')}"
        return f"{most} (two seeds of each config, or --spreads, forecast how many)"
    return counted(plan.num_trials, "trial")


def _time(plan: Plan) -> str:
    seconds = plan.seconds or 0.0
    if not (plan.forecast and plan.num_trials):
        return clock(seconds)
    low, high = (seconds * number / plan.num_trials for number in plan.forecast.trials[1:])
    return f"about {clock(seconds)} (95% interval {clock(low)} to {clock(high)})"


def _summary(plan: Plan) -> list[str]:
    trials = f"to run: {_trials(plan)}"
    if plan.data_error:
        return [f"{trials}; disk space unknown: {plan.data_error}"]
    if not plan.num_trials:
        return ["to run: nothing, every trial is finished"]
    lines = [f"{trials}, {plan.num_workers} at a time"]
    if plan.seconds is not None and plan.memory is not None:
        lines.append(f"time: {_time(plan)}, measured with {counted(plan.num_workers, 'trial')} at a time")
        ranked = sorted((seconds, OPTIONS[name]) for name, seconds in plan.seconds_by_runner.items())
        if texts := [f"{clock(seconds)} with --runner {option}" for seconds, option in ranked]:
            is_even = ranked[-1][0] < EVEN * ranked[0][0]
            either, faster = ", ".join(texts), " instead of ".join(texts)
            lines.append(f"about equally fast here: {either}" if is_even else f"fastest here: {faster}")
        total = f"{size(plan.memory)} with shared libraries and the driver"
        free = f", {size(plan.free_memory)} free" if plan.free_memory is not None else ""
        lines.append(f"memory: {size(plan.worker_memory)} per worker, {total}{free}")
    if plan.gpu_memory:
        lines.append(f"GPU memory: {size(plan.gpu_memory)} per worker")
    parts = ", ".join(f"{name} {size(number)}" for name, number in plan.disk.items() if number)
    return [*lines, f"disk: {size(sum(plan.disk.values()))} ({parts}), {size(plan.free_disk)} free"]
