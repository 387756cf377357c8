"""The exit statuses of all commands, in one place: what a program may rely on."""

import enum


class ExitStatus(enum.IntEnum):
    """The outcome of a command, unless a signal interrupted it.

    Attributes:
        OK: The command did what it says. `run`: every trial has a row, or the time budget ran out, and none failed.
            `replay`: all numbers are the same. `verdict`: one is better.
        NOT_ALL: `run`: some trials failed. `status --watch`: some did, or the run ended early. `replay`: some numbers
            differ. Any command: its output was cut off.
        REFUSED: Bad usage, configuration, data or results folder, which one line explains. `predict`: some images
            cannot be classified.
        EQUIVALENT: `verdict`: whichever is better, the difference does not count.
        UNDECIDED: `verdict`: the rows do not tell.
    """

    OK = 0
    NOT_ALL = 1
    REFUSED = 2
    EQUIVALENT = 3
    UNDECIDED = 4


def status_of_signal(number: int) -> int:
    """Return the status of a command that a signal interrupted: 129, 130 or 143, as shells have it."""
    return 128 + number
