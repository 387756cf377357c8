"""A sweep script: imported as a module, for its `SWEEP`.

The script is imported under its file's name with its folder on the import path, so that workers can import a model
defined in it or beside it. An error in it becomes one line that names the script's own line.
"""

import dataclasses
import importlib.util
import sys
import traceback
from pathlib import Path

from mnist_sweep.errors import ScriptError, SweepError
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.text.lines import one_line


def load(path: str | Path) -> Sweep:
    """Return the `SWEEP` of a script, with the script's folder as its code.

    Raises:
        ScriptError: There is no such script, it has no `SWEEP`, or it raised something.
        SweepError: As raised by the script's own use of mnist_sweep, after the script's line.
    """
    path = Path(path)
    if not path.is_file():
        raise ScriptError(f"there is no sweep script {path}.")
    if path.suffix != ".py":
        raise ScriptError(f"a sweep script is a .py file, but got {path}.")
    folder = let_import(path.parent)
    sweep = getattr(_import(path), "SWEEP", None)
    if not isinstance(sweep, Sweep):
        got = "nothing" if sweep is None else f"a {type(sweep).__name__}"
        raise ScriptError(f"{path} must define SWEEP, a mnist_sweep.Sweep, but it defines {got} under that name.")
    return dataclasses.replace(sweep, code=(folder,))


def let_import(folder: Path) -> Path:
    """Put a folder on the import path if it is not there, and return its full path."""
    full = folder.resolve()
    if str(full) not in sys.path:
        sys.path.insert(0, str(full))
    return full


def _import(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    known = sys.modules.get(path.stem)
    is_other = known is not None and Path(getattr(known, "__file__", None) or "").resolve() != path.resolve()
    if spec is None or spec.loader is None or is_other:
        raise ScriptError(f"{path} cannot be imported as {path.stem!r}, which is another module: rename the script.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a script may raise anything; the user wants its line, not our frames
        del sys.modules[path.stem]
        raise _located(error, path) from error
    return module


def _located(error: Exception, path: Path) -> SweepError:
    if isinstance(error, SyntaxError) and error.filename:
        return ScriptError(f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path.absolute()]
    line = f"{path}:{own[-1].lineno}" if own else str(path)
    if isinstance(error, SweepError):
        return type(error)(f"{line}: {error}")
    return ScriptError(f"{line}: {type(error).__name__}: {one_line(error)}")
