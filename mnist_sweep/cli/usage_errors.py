"""A mistake on the command line in one line: what click says of it, what was probably meant, and where the help is."""

import click

# What newcomers from other tools try, and difflib does not lead from.
WORDS = {
    "run": "resume start train tune",
    "status": "best list ls show",
    "report": "analyze select",
    "table": "csv export",
    "watch": "dashboard serve ui",
    "--max-concurrent": "--jobs --n-jobs --num-workers --parallel --workers",
    "--results": "--out --output --output-dir",
    "--scheduler": "--early-stopping --pruner",
    "--summaries": "--tensorboard",
    "--time-budget": "--max-time --timeout",
}
RESUME = ("--continue", "--restore", "--resume")


def usage_message(error: click.UsageError, cli: click.Group, words: list[str]) -> str:
    """Return one line on a mistake in the words of a command line."""
    hint = ""
    if isinstance(error, click.NoSuchOption) and error.ctx:
        names = [name for option in error.ctx.command.params for name in option.opts]
        hint = "Options follow the command." if error.ctx.command is cli else _hint(error.option_name, names)
    elif isinstance(error, click.exceptions.NoSuchCommand):
        word = error.command_name
        hint = f"Did you mean 'run {word}'?" if word.endswith(".py") else _hint(word, [*cli.commands])
    message = f"{error.message} {hint}" if hint else error.format_message()
    message = message.replace("integer range.", "whole number.").replace("float range.", "number.")
    end = "" if message.endswith((".", "?", "?)")) else "."
    command = " ".join(["mnist-sweep", *(word for word in words[:1] if word in cli.commands)])
    return f"{message}{end} See `{command} --help`."


def _hint(word: str, names: list[str]) -> str:
    """Return what was probably meant by an unknown word; nothing leaves it to click, which knows words with typos."""
    if word in RESUME:
        return "The same command resumes a run, without an option."
    meant = [name for name in names if name.startswith(word) or word in WORDS.get(name, "").split()]
    return f"Did you mean {meant[0]!r}?" if len(meant) == 1 else ""
