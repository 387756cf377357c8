"""A sweep script: imported as a module, for its `SWEEP`.

The script is imported under its file's name with its folder on the import path, so that workers can import a model
defined in it or beside it. The import ends where the script starts a run, so none is started twice. An error in the
script becomes one line that names the script's own line.
"""

import ast
import dataclasses
import difflib
import os
import sys
import traceback
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import FrameSummary
from types import ModuleType

from mnist_sweep.errors import ScriptError, SweepError
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.system.atomic_files import is_file
from mnist_sweep.text.causes import own_frames, place
from mnist_sweep.text.lines import one_line
from mnist_sweep.trials.user_code.unguarded_scripts import RunReachedError, definitions_only

COMMAND = "<string>"  # the file of `python -c`, but also of the methods that `dataclass` writes
RELATIVE_IMPORT = "attempted relative import with no known parent package"


def load(path: str | Path) -> Sweep:
    """Return the `SWEEP` of a script, with the folders of its code: its own, and that of its package if it is in one.

    Raises:
        ScriptError: There is no such script, it has no `SWEEP`, or it raised something.
        SweepError: As raised by the script's own use of mnist_sweep, after the script's line.
    """
    path = Path(path)
    if path.suffix != ".py" or not is_file(path):
        rule = "there is no sweep script" if path.suffix == ".py" else "a sweep script is a .py file, but got"
        beside = [file.name for file in path.parent.glob("*.py") if is_file(file)]
        near = difflib.get_close_matches(path.name, beside, 1)
        raise ScriptError(f"{rule} {path}{f'; did you mean {path.with_name(near[0])}?' if near else '.'}")
    module = import_script(path)
    sweep = getattr(module, "SWEEP", None)
    if not isinstance(sweep, Sweep):
        got = "nothing" if sweep is None else f"a {type(sweep).__name__}"
        reached = getattr(module, "__run_reached__", "")
        where = f" before it calls {reached}," if reached else ""
        raise ScriptError(
            f"{path} must define SWEEP, a mnist_sweep.Sweep,{where} but it defines {got} under that name."
        )
    folder, (root, package) = path.parent.resolve(), _package(path.parent)
    folders = (root, folder) if package and package.partition(".")[0] in sys.modules else (folder, root)
    return dataclasses.replace(sweep, code=tuple(dict.fromkeys(folders)))


def let_import(folder: Path) -> None:
    """Put a folder, and the one that its package is imported from, on the import path if they are not there."""
    for full in (_package(folder)[0], folder.resolve()):
        if str(full) not in sys.path:
            sys.path.insert(0, str(full))


def import_script(path: Path) -> ModuleType:
    """Import a script for what it defines, up to where it starts a run, and return its module."""
    known = sys.modules.get(path.stem)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() != path.resolve():
        raise ScriptError(f"{path} cannot be imported as {path.stem!r}, which is another module: rename the script.")
    package = _package(path.parent)[1]
    let_import(path.parent)
    loader = SourceFileLoader(path.stem, str(path))
    spec = spec_from_file_location(f"{package}.{path.stem}" if package else path.stem, path, loader=loader)
    module = module_from_spec(spec or ModuleSpec(path.stem, loader))
    module.__name__ = path.stem  # as rows name it, whatever its package
    sys.modules[path.stem] = module
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # or an import of TensorFlow sets 1 here, and so in all workers
    try:
        with definitions_only():
            loader.exec_module(module)
    except RunReachedError as reached:
        module.__spec__ = None  # a worker that imported it by name would start the run: its classes go by value
        vars(module)["__run_reached__"] = f"{reached.function}()"
    except (Exception, SystemExit) as error:  # a script may raise anything; the user wants its line, not our frames
        del sys.modules[path.stem]
        raise located(error, path) from error
    return module


def _package(folder: Path) -> tuple[Path, str]:
    """Return the folder that the package in a folder is imported from, and its name, empty if it is none."""
    folder, names = folder.resolve(), list[str]()
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


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
