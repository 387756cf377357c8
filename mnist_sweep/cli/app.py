"""The command line: parses arguments, calls functions, prints what they return."""

import errno
import shlex
import signal
import sys
from typing import Any

import click

from mnist_sweep.cli import analysis_commands, data_commands, results_commands, sweep_commands
from mnist_sweep.cli.answer import print_error
from mnist_sweep.cli.exit_status import ExitStatus, status_of_signal
from mnist_sweep.cli.streams import echo, tolerant_streams
from mnist_sweep.cli.uncaught import fail
from mnist_sweep.cli.usage_errors import usage_message
from mnist_sweep.errors import SweepError
from mnist_sweep.system import refused_exits
from mnist_sweep.system.signals import handle_all, leave_closed_terminal
from mnist_sweep.text.causes import first_cause, own_frames
from mnist_sweep.trials.user_code.unguarded_scripts import starts_a_run

RUNS = (["run"], ["quickstart"])


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
    epilog="""\b
Examples:
  mnist-sweep run sweeps/quickstart.py
  mnist-sweep status results/quickstart
\b
Completion for bash (for zsh: zsh_source):
  eval "$(_MNIST_SWEEP_COMPLETE=bash_source mnist-sweep)"
""",
)
@click.version_option(package_name="mnist-sweep", message="%(prog)s %(version)s")
def cli() -> None:
    """Hyperparameter sweeps you can trust."""


for _module in (analysis_commands, data_commands, results_commands, sweep_commands):
    for _command in vars(_module).values():
        if isinstance(_command, click.Command):
            cli.add_command(_command)


@starts_a_run
def main(script: str | None = None) -> None:
    """Run the command line, and exit with its status.

    A write error of standard output, such as on a full disk, is reported. A run continues; any other command, which
    has then not delivered its answer, fails.

    Args:
        script: A sweep script to run with the command line's arguments as options; None for the whole command.
    """
    if not isinstance(script, str | None):
        given = type(script).__name__
        fail(f"`main` takes the path of a sweep script, as in `mnist_sweep.main(__file__)`, but got {given}.")
    is_run = script is not None or sys.argv[1:2] in RUNS
    status: Any = 0
    ended: Any = 0

    def report(error: OSError) -> None:
        nonlocal status
        is_closed_pipe = error.errno == errno.EPIPE  # the reader of the output has ended, as `head` does
        status = ExitStatus.OK if is_run else ExitStatus.NOT_ALL if is_closed_pipe else ExitStatus.REFUSED
        if is_run or not is_closed_pipe:
            continues = ": the run continues without it" if is_run else ""
            echo(f"error: standard output cannot be written ({error.strerror}){continues}.", err=True)

    with tolerant_streams(report):
        try:
            _main(script)
        except SystemExit as end:
            ended = end.code
    sys.exit(status or ended)


def _arguments(script: str | None) -> list[str]:
    if script is not None:
        return ["run", script, *sys.argv[1:]]
    return [*sys.argv[2:], "--help"] if sys.argv[1:2] == ["help"] else sys.argv[1:]


def _main(script: str | None) -> None:
    arguments = _arguments(script)
    ended_by = signal.SIGINT

    def terminate(number: int, _: Any) -> None:
        nonlocal ended_by
        ended_by = signal.Signals(number)
        leave_closed_terminal()
        raise KeyboardInterrupt

    handle_all(terminate)
    refused_exits.refuse()
    try:
        status = cli.main(arguments, prog_name="mnist-sweep", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(ExitStatus.REFUSED)
    except click.UsageError as error:
        fail(usage_message(error, cli, arguments))
    except SweepError as error:
        fail(str(error), error)
    except (click.Abort, KeyboardInterrupt) as error:
        command = shlex.join(["mnist-sweep", *arguments] if script is None else ["python", *sys.argv])
        kept = "finished trials and checkpoints are kept; to resume" if arguments[:1] in RUNS else "to start again"
        message = f"interrupted: {kept}, run: {command}"
        echo(message, err=True)
        print_error(message, error, status_of_signal(ended_by))
        sys.exit(status_of_signal(ended_by))
    except SystemExit as error:  # of the user's code
        fail(f"the sweep's own code would end the command: {first_cause(error)}.", error)
    except Exception as error:  # a user's data set, model or script may raise anything; the rest is a bug of ours
        if not own_frames(error):
            raise
        fail(first_cause(error), error)
    if not status:
        refused_exits.allow()
    sys.exit(status)
