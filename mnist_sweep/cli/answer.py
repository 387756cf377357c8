"""What a command answers: text for people, or with `--json` one JSON object for programs.

With `--json`, standard output holds one JSON object and nothing else, whatever the exit status: the answer, or an
error. Everything that is printed on the way, by the user's own code and child processes too, goes to standard error.
"""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from mnist_sweep.cli.exit_status import ExitStatus
from mnist_sweep.cli.streams import output_on_stderr

OPTION = "--json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command answers.

    Attributes:
        value: What programs get: a frozen value, or values by name; or a function that returns them.
        show: Prints it for people; does nothing where the command has printed it, which goes to standard error then.
        after: What the command does when the answer is printed, such as serving a page.
        status: The exit status.
    """

    value: Any
    show: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    status: ExitStatus = ExitStatus.OK


def answering(command: Callable[..., Answer]) -> Callable[..., int]:
    """Add `--json` to a command that returns an answer; the innermost decorator of the command."""

    @click.option(OPTION, "as_json", is_flag=True, help="Print one JSON object instead, even for an error.")
    @functools.wraps(command)
    def called(*, as_json: bool, **given: Any) -> int:
        if not as_json:
            answer = command(**given)
            answer.show()
            answer.after()
            return answer.status
        from mnist_sweep.trials.json_value import json_value

        with output_on_stderr():
            answer = command(**given)
            content = json_value(answer.value() if callable(answer.value) else answer.value)
        _print(click.get_current_context().command.name, content)
        answer.after()
        return answer.status

    return called


def print_error(message: str, error: BaseException | None, status: int) -> None:
    """Print the object of an error if the command line asks for JSON."""
    if OPTION in sys.argv:
        kind = "UsageError" if error is None else type(error).__name__
        _print("error", {"error": message, "kind": kind, "status": status})


def _print(name: str | None, content: Mapping[str, Any]) -> None:
    # A schema's version rises when a key goes or changes its meaning, not when one is added.
    values = {"schema": f"mnist-sweep/{name}/1", **content}
    lines = [f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in values.items()]
    click.echo("{" + ",\n ".join(lines) + "}")
