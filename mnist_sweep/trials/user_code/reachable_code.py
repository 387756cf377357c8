"""The user's own code that a trial reaches, and its digest, by which an edited model is told from the one before.

These are the trial's parts and everything of the user's own that their source names: base classes, functions and
constants, also in other modules, without importing one of them. What the code means counts, not how it is written
(`source_digest`), so that one digest holds on every version of Python. Names are resolved as Python does, but from the
source alone: a function that is found by its name in a text (`getattr`, `importlib`) is not seen.
"""

import ast
import functools
import hashlib
import itertools
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mnist_sweep.text.names import PARTS
from mnist_sweep.trials.user_code import user_modules
from mnist_sweep.trials.user_code.source_digest import compiled, digest, normal_form
from mnist_sweep.trials.user_code.user_modules import MAIN, PACKAGE, SourceModule, Target

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig

Scopes = tuple[Mapping[str, Target | None], ...]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class CodeDigests:
    """The digests of trials, as the code is when they are first asked for; one for each run."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], dict[str, str] | None] = {}

    def of(self, config: "TrialConfig") -> str | None:
        """Return the digest of a trial's own code, which is that of no code if all parts are built in.

        It is None if the source of a part cannot be found.
        """
        definitions = self.definitions(config)
        return None if definitions is None else digest(definitions)

    def definitions(self, config: "TrialConfig") -> dict[str, str] | None:
        """Return the digest of each own definition that a trial reaches, by its name, such as `net:Net`."""
        parts = own_parts(config)
        if parts not in self._known:
            self._known[parts] = reached(parts)
        return self._known[parts]


def own_parts(config: "TrialConfig") -> tuple[Any, ...]:
    """Return the classes and functions of a trial's parts that are not of this package."""
    given = [getattr(config, part) for part in PARTS]
    found = [value if isinstance(value, FunctionType) else type(value) for value in given]
    return tuple(thing for thing in found if thing.__module__.partition(".")[0] != PACKAGE)


def reached(parts: tuple[Any, ...]) -> dict[str, str] | None:
    """Return the digests of the definitions that classes and functions reach, by name; None if one has no source."""
    packages = frozenset(part.__module__.partition(".")[0] for part in parts) - {PACKAGE, "__main__"}
    search = _Search(packages)
    for part in parts:
        try:
            if not search.visit(Target(part.__module__, (part.__name__,))) and not search.visit_compiled(part):
                return None
        except RecursionError:  # an expression of a thousand terms
            return None
    return {name: digest(texts) for name, texts in search.texts.items()}


class _Search:
    """Collects the normal forms of the statements that define names, as `texts` by the name with its module."""

    def __init__(self, own_packages: frozenset[str]) -> None:
        self.texts: dict[str, list[str]] = {}
        self._module = functools.cache(functools.partial(user_modules.source_module, own_packages=own_packages))
        self._seen: set[Target] = set()

    def visit(self, target: Target) -> bool:
        """Collect what a name in a module reaches; return whether it is defined in a module of the user's own."""
        module = self._module(target.module)
        if module is None or target in self._seen:
            return module is not None
        self._seen.add(target)
        if module.content:
            self.texts[module.label] = [hashlib.sha256(module.content).hexdigest()]
            return True
        if not target.names:
            names = (*module.bindings, *module.imports)
            return {self.visit(Target(target.module, (name,))) for name in names} <= {True}
        name, *rest = target.names
        submodule = Target(f"{target.module}.{name}", tuple(rest))
        for imports in module.imports.get(name, ()):
            is_submodule = imports == Target(target.module, (name,))  # `from . import name` in a package
            self.visit(submodule if is_submodule else Target(imports.module, (*imports.names, *rest)))
        if name in module.bindings or name in module.imports:
            self._define(target.module, module, name)
            return True
        return any(map(self.visit, [submodule, *(Target(star, target.names) for star in module.stars)]))

    def visit_compiled(self, part: Any) -> bool:
        """Collect what a part of a program reaches whose text is not kept; return whether it is one."""
        if part.__module__ != MAIN or vars(sys.modules[MAIN]).get(part.__name__) is not part:
            return False  # such as one that has come to a worker by value
        texts, outside = compiled(part)
        self.texts |= texts
        for module, *names in outside:
            self.visit(Target(module, tuple(names)))
        return True

    def _define(self, module_name: str, module: SourceModule, name: str) -> None:
        """Collect the statements that bind a name, or change what it stands for, and what they reach."""
        key = f"{module.label}:{name}"
        if key in self.texts:
            return
        imports = module.imports.get(name, ())
        self.texts[key] = [f"import {target.module} {'.'.join(target.names)}" for target in imports]
        used = [*module.bindings.get(name, ())]
        for statement in module.effects:
            found = {target.names[0] for target in references(statement, "") if not target.module}
            packages = {target.module.partition(".")[0] for one in found for target in module.imports.get(one, ())}
            if name not in found or statement in used or PACKAGE in packages:  # a call of `run` changes nothing
                continue
            if name in user_modules.changed_names(statement):
                used.append(statement)
            elif not user_modules.bound_names(statement):
                self.texts[key].append(normal_form(statement))
        for statement in used:
            self.texts[key].append(normal_form(statement))
            for target in references(statement, module.package):
                self.visit(target if target.module else Target(module_name, target.names))


def references(node: ast.AST, package: str, scopes: Scopes = ()) -> set[Target]:
    """Return what the names in a syntax tree stand for, without local ones; those of the same module have none.

    Relative imports are relative to `package`. `scopes` are the local names of the functions around it, with what those
    stand for that are imported there.
    """
    chain = _chain(node)
    if chain:
        local = next((scope for scope in reversed(scopes) if chain[0] in scope), None)
        if local is None:
            return {Target("", chain)}
        found = local[chain[0]]
        return {Target(found.module, (*found.names, *chain[1:]))} if found else set()
    inner = (*scopes, _locals(node, package)) if isinstance(node, FUNCTIONS | ast.ClassDef) else scopes
    targets: set[Target] = set()
    for child, is_inside in _children(node):
        is_method = isinstance(node, ast.ClassDef) and isinstance(child, FUNCTIONS)  # which sees no name of the class
        targets |= references(child, package, inner if is_inside and not is_method else scopes)
    return targets


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the nodes below one that matter, and whether they are inside of it, if it is a function."""
    for name, value in ast.iter_fields(node):
        if name in ("returns", "type_params") or (name == "annotation" and isinstance(node, ast.arg)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.arguments):
                yield from ((default, False) for default in (*child.defaults, *filter(None, child.kw_defaults)))
            elif isinstance(child, ast.AST):
                yield child, name == "body"


def _chain(node: ast.AST) -> tuple[str, ...]:
    """Return `("a", "b")` for `a.b`, and nothing for what does not begin with a name."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        before = _chain(node.value)
        return (*before, node.attr) if before else ()
    return ()


def _locals(scope: Any, package: str) -> dict[str, Target | None]:
    """Return the local names of a function or a class, and what those stand for that it imports."""
    body = scope.body if isinstance(scope.body, list) else [scope.body]
    names = {node.arg for node in ast.walk(getattr(scope, "args", ast.Pass())) if isinstance(node, ast.arg)}
    names = names.union(*map(user_modules.bound_names, body))
    found: dict[str, Target | None] = {}
    for inner in itertools.chain.from_iterable(map(ast.walk, body)):
        if isinstance(inner, ast.Global | ast.Nonlocal):
            names -= {*inner.names}
        found |= {name: target for name, target in user_modules.imported(inner, package) if name != "*"}
    return {name: found.get(name) for name in names}
