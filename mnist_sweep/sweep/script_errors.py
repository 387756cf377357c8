"""Mistakes in a sweep script, in one line that names the script and its line."""

import ast
import traceback
from pathlib import Path
from traceback import FrameSummary

from mnist_sweep.errors import ScriptError, SweepError
from mnist_sweep.text.causes import own_frames, place
from mnist_sweep.text.lines import one_line

COMMAND = "<string>"  # the file of `python -c`, but also of the methods that `dataclass` writes
RELATIVE_IMPORT = "attempted relative import with no known parent package"


def located(error: BaseException, script: Path) -> SweepError:
    """Return an error of the same kind, or a ScriptError, whose message begins with the script's own line.

    Where another module of the user's raised it, the message ends with its line.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return ScriptError(f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_in(frame, script)]
    line = f"{script}:{own[-1].lineno}" if own else str(script)
    deeper = own_frames(error)[-1:]
    elsewhere = f" ({place(deeper[0])})" if deeper and not _is_in(deeper[0], script) else ""
    if isinstance(error, SweepError):
        return type(error)(f"{line}: {error}{elsewhere}")
    hint = ""
    if str(error) == RELATIVE_IMPORT:
        hint = ": run it with `mnist-sweep run`, or as a module of its package with `python -m`"
    return ScriptError(f"{line}: {type(error).__name__}: {one_line(error)}{hint}{elsewhere}")


def is_sweep_script(program: Path) -> bool:
    """Return whether a program passes itself to `mnist_sweep.main`, so that its mistakes are a sweep script's."""
    try:
        tree = ast.parse(program.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) == 1]
    return any(ast.unparse(call) in ("mnist_sweep.main(__file__)", "main(__file__)") for call in calls)


def _is_in(frame: FrameSummary, script: Path) -> bool:
    is_program = frame.filename != COMMAND or frame.name == "<module>"
    return is_program and Path(frame.filename).absolute() == script.absolute()
