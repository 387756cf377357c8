"""The source code of the user's own modules: which modules are the user's, and what their top-level names stand for.

Modules are read and never imported: a package that a model imports in `build` may load TensorFlow. The user's own are
those that are neither installed in `site-packages`, nor in the standard library, nor this package.
"""

import ast
import functools
import importlib.machinery
import importlib.util
import inspect
import itertools
import linecache
import os
import re
import stat
import sys
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

PACKAGE = __name__.partition(".")[0]
MAIN = "__main__"
STANDARD_INPUT, COMMAND = "<stdin>", "<string>"
SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
IMPORTS = ast.Import | ast.ImportFrom
ONLY_SOMETIMES = re.compile(r"\b(__name__|TYPE_CHECKING)\b")  # tests of a block that no import runs, or no run


@dataclass(frozen=True, slots=True)
class Target:
    """What an imported name stands for: a module, and a name in it, or the module itself."""

    module: str
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class SourceModule:
    """The top-level statements of a module.

    Attributes:
        label: Its name, as in the names of trials' parts; that of a script is its file's.
        package: What relative imports in it are relative to.
        content: The whole file, if it is not Python's source.
        bindings: The statements that bind each name, without imports.
        imports: What each imported name stands for, anywhere outside of functions and classes.
        stars: Modules whose names are all imported.
        effects: Statements that bind no name, or change what one stands for, such as `TABLE["a"] = 1`.
    """

    label: str
    package: str
    content: bytes = b""
    bindings: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, list[Target]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    effects: list[ast.stmt] = field(default_factory=list)

    def add(self, statements: Iterable[ast.stmt]) -> None:
        """Add top-level statements in their order."""
        for statement in statements:
            if isinstance(statement, ast.If) and ONLY_SOMETIMES.search(ast.unparse(statement.test)):
                continue
            found = [node for node in _in_this_scope(statement) if isinstance(node, IMPORTS)]
            for name, target in itertools.chain.from_iterable(imported(node, self.package) for node in found):
                if name == "*":
                    self.stars.append(target.module)
                else:
                    self.imports.setdefault(name, []).append(target)
            if isinstance(statement, IMPORTS):
                continue
            names = bound_names(statement)
            for name in names:
                self.bindings.setdefault(name, []).append(statement)
            if not names or changed_names(statement):
                self.effects.append(statement)

    def replace(self, statements: Sequence[ast.stmt]) -> None:
        """Add the statements of a cell that ran later: the names that they bind lose their earlier meaning."""
        for name in itertools.chain.from_iterable(map(bound_names, statements)):
            self.bindings.pop(name, None)
            self.imports.pop(name, None)
        self.add(statements)


def source_module(name: str, own_packages: frozenset[str] = frozenset()) -> SourceModule | None:
    """Return the user's own module of a name, or of a package that is the user's although it is installed, or None."""
    if name == MAIN and getattr(sys.modules[MAIN], "__file__", None) in (None, STANDARD_INPUT):
        return _cells()
    path, folders = _location(name)
    if not (path or folders) or not _is_own(name, path or Path(folders[0]), own_packages):
        return None
    package = getattr(sys.modules.get(name), "__package__", None)  # of a script in a package: not that of its name
    if package is None:
        package = name if folders else name.rpartition(".")[0]
    module = SourceModule(path.stem if path and name == MAIN else name, package)
    if path is None:
        return module
    try:
        with tokenize.open(path) as file:
            module.add(ast.parse(file.read()).body)
    except (SyntaxError, ValueError, UnicodeDecodeError):  # a compiled module
        module.content = path.read_bytes()
    except OSError:
        return None
    return module


def imported(node: ast.AST, package: str) -> Iterator[tuple[str, Target]]:
    """Yield the names that an import statement binds, and what they stand for; `*` for all names of a module."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            yield name, Target(alias.name if alias.asname else name)
    if isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        module = ".".join([*filter(None, parents), *([node.module] if node.module else [])])
        for alias in node.names if module else ():
            yield (alias.asname or alias.name), Target(module, () if alias.name == "*" else (alias.name,))


def bound_names(node: ast.AST) -> set[str]:
    """Return the names that a statement binds in its own scope, which those of a comprehension are not in."""
    names: set[str] = set()
    inside: set[ast.AST] = set()
    for inner in _in_this_scope(node):
        if isinstance(inner, ast.comprehension):  # comes before what is in it
            inside.update(ast.walk(inner.target))
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del) and inner not in inside:
            names.add(inner.id)
        elif isinstance(inner, SCOPES) or (isinstance(inner, ast.ExceptHandler) and inner.name):
            names.add(getattr(inner, "name", None) or "")
        elif isinstance(inner, IMPORTS):
            names |= {name for name, _ in imported(inner, "")}
    return names - {""}


def changed_names(statement: ast.stmt) -> set[str]:
    """Return the names whose values a statement changes: `x` in `x.a = 1`, `x[0] += 1` and `x.append(1)`."""
    found: set[str] = set()
    for node in _in_this_scope(statement):
        inner: ast.AST = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else node
        is_target = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del)
        if not is_target and not (inner is not node and isinstance(inner, ast.Attribute | ast.Subscript)):
            continue
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if isinstance(inner, ast.Name):
            found.add(inner.id)
    return found


def _in_this_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and the nodes below it, functions and classes without their insides."""
    yield node
    if not isinstance(node, SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _in_this_scope(child)


def _location(name: str) -> tuple[Path | None, list[str]]:
    """Return the file of a module, and the folders of its submodules if it is a package; import nothing."""
    module = sys.modules.get(name)
    if module is not None and (file := getattr(module, "__file__", None)):
        return Path(file), list(getattr(module, "__path__", []))
    parent, _, _ = name.rpartition(".")
    folders = _location(parent)[1] if parent else None
    if parent and not folders:
        return None, []
    try:
        spec = importlib.machinery.PathFinder.find_spec(name, folders) if parent else importlib.util.find_spec(name)
    except KeyError:  # a folder without `__init__.py` in a package that is not imported
        return None, [str(path) for folder in folders or () if (path := Path(folder, name.rpartition(".")[2])).is_dir()]
    except (AttributeError, ImportError, ValueError):
        return None, []
    if spec is None:
        return None, []
    return Path(spec.origin) if spec.has_location and spec.origin else None, [*(spec.submodule_search_locations or [])]


def _is_own(name: str, path: Path, own_packages: frozenset[str]) -> bool:
    top = name.partition(".")[0]
    if top == PACKAGE:
        return False
    if top in own_packages:
        return True
    full = path.resolve()
    installed = {"site-packages", "dist-packages"} & {*path.parts, *full.parts}
    return not installed and not any(full.is_relative_to(folder) for folder in _standard_library())


@functools.cache
def _standard_library() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


def _cells() -> SourceModule | None:
    """Return the cells of a notebook, or a program from the command line or standard input; None if it is not kept."""
    main = vars(sys.modules[MAIN])
    module = SourceModule(MAIN, "")
    texts = main.get("In") if "get_ipython" in main else None
    if texts is None:
        name = STANDARD_INPUT if "__file__" in main else COMMAND
        texts = [text for text in [text_of(name)] if text]
    if not texts:
        return None
    for text in texts:
        try:
            module.replace(ast.parse(text).body)
        except (SyntaxError, ValueError):
            continue
    return module


def text_of(file: str) -> str:
    """Return the text of a file, a notebook's cell, a command or standard input by its name; empty if it is not kept.

    Python keeps the text of a notebook's cells, each run of a cell under another name, and that of `python -c`. What
    was piped to standard input is gone; a file that is redirected to it is read again.
    """
    words = sys.orig_argv
    if file == COMMAND and "-c" in words[:-1]:  # whose text Python 3.13 keeps changed
        return words[words.index("-c") + 1]
    if text := "".join(linecache.getlines(file)):
        return text
    if file == STANDARD_INPUT and sys.stdin is not None and stat.S_ISREG(os.fstat(0).st_mode):
        return os.pread(0, os.fstat(0).st_size, 0).decode(errors="replace")
    return ""


def codes_of(definition: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of the methods that a class itself defines; none for anything else."""
    for member in vars(definition).values() if isinstance(definition, type) else [definition]:
        function = getattr(member, "__func__", getattr(member, "fget", member))
        function = inspect.unwrap(function) if callable(function) else None
        if isinstance(function, FunctionType):
            yield function.__code__
