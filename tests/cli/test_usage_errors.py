"""Laws of mistakes on the command line: words of other tools lead to ours, and the right help is named."""

import pytest

from mnist_sweep.cli.app import cli
from mnist_sweep.cli.usage_errors import WORDS
from tests.cli.conftest import Refuses, Run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("resume good.py", "No such command 'resume'. Did you mean 'run'? See `mnist-sweep --help`."),
        ("good.py", "No such command 'good.py'. Did you mean 'run good.py'? See `mnist-sweep --help`."),
        ("stauts", "Did you mean 'status'?"),
        ("select x", "Did you mean 'report'?"),
        ("--runner local run good.py", "No such option '--runner'. Options follow the command. See"),
        ("run good.py --resume", "The same command resumes a run, without an option. See `mnist-sweep run --help`."),
        ("run good.py --gpus 1", "Did you mean '--gpus-per-trial'?"),
        ("run good.py --workers 2", "Did you mean '--max-concurrent'?"),
        ("run good.py --num-trails 2", "'--num-trials'"),
        ("run good.py --max-retries", "'--max-retries' requires an argument. See `mnist-sweep run --help`."),
        ("run good.py --max-retries two", "'two' is not a valid whole number."),
        ("run good.py --within much", "'much' is not a valid number."),
        ("run good.py --time-budget 1hour", "'1hour' is not a time above 0: write 90 for seconds, 90min or 2h."),
        ("run good.py --time-budget 0s", "'0s' is not a time above 0"),
    ],
)
def test_a_mistake_is_answered_with_what_was_meant(refuses: Refuses, arguments: str, message: str) -> None:
    refuses(arguments.split(), message)


def test_an_option_that_a_command_lacks_is_not_proposed(refuses: Refuses, capsys: pytest.CaptureFixture[str]) -> None:
    refuses(["effects", "x", "--output", "y"], "No such option '--output'. See `mnist-sweep effects --help`.")


def test_help_is_a_command_too(run: Run) -> None:
    assert run("help") == run("--help")
    assert run("help", "run") == run("run", "--help")


def test_words_lead_to_commands_and_options_that_exist() -> None:
    known = {*cli.commands, *(name for option in cli.commands["run"].params for name in option.opts)}
    assert set(WORDS) - known == set()
    assert {word for words in WORDS.values() for word in words.split()} & known == set()
