"""Laws of the console: only Rich's own styles control the terminal, whatever text it is given."""

import io

import pytest
from rich.table import Table
from rich.text import Text

from mnist_sweep.cli.safe_console import Terminal

ATTACK = "a\x1b]0;pwned\x07\x1b[2J\x9b31mb\u202ec"
SHOWN = "a\\x1b]0;pwned\\x1b[2J\\x9b31mb\\u202ec"  # Rich itself drops the bell


def shown(value: object, *, is_terminal: bool = False) -> str:
    file = io.StringIO()
    terminal = Terminal(file=file, force_terminal=is_terminal, width=200, color_system="standard", highlight=False)
    terminal.print(value, soft_wrap=True)
    return file.getvalue()


def table() -> Table:
    table = Table(title=Text(ATTACK), title_style="", header_style="", box=None)
    table.add_column(Text(ATTACK))
    table.add_row(Text(ATTACK))
    return table


@pytest.mark.parametrize("value", [ATTACK, Text(ATTACK), table()], ids=["text", "styled", "table"])
def test_text_reaches_no_terminal_raw(value: object) -> None:
    assert SHOWN in shown(value)
    assert all(char.isprintable() or char == "\n" for char in shown(value))


def test_styles_and_lines_are_kept() -> None:
    lines = shown(Text(f"{ATTACK}\ntwo", style="red"), is_terminal=True).splitlines()
    assert lines == [f"\x1b[31m{SHOWN}\x1b[0m", "\x1b[31mtwo\x1b[0m"]


def test_columns_stay_in_line() -> None:
    lines = Table(box=None)
    for name in ("one", "two"):
        lines.add_column(name)
    lines.add_row(Text("a\u202e\u202eb"), Text("second"))
    lines.add_row(Text("plain text, much longer"), Text("second"))
    places = {line.index("second") for line in shown(lines).splitlines()[1:]}
    assert len(places) == 1
