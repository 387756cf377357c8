"""The digest of Python code, by its normal form: the same for code that means the same, on every version of Python.

Comments, docstrings, formatting, positions and annotations of functions and variables are left out. Annotations in the
body of a class stay, since they are the fields of a dataclass. Where a program's text is not kept, such as that of one
from a pipe, its compiled form stands in: it differs between versions of Python, and a docstring is part of it.
"""

import ast
import hashlib
import itertools
import json
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mnist_sweep.data.dataset import DIGEST_LENGTH
from mnist_sweep.trials.user_code.user_modules import codes_of

# Of no meaning, or in the syntax trees of some versions only.
IGNORED_FIELDS = {"ctx", "kind", "returns", "type_comment", "type_ignores", "type_params"}
BODIES = {"body", "orelse", "finalbody"}
DERIVED = ("__doc__", "__firstlineno__", "__module__", "__static_attributes__")  # by Python, some from 3.13 on
PLAIN = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None), type(...))


def digest(content: object) -> str:
    """Return the digest of normal forms, or of digests by name."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def normal_form(node: Any, *, in_class: bool = False) -> str:
    """Return the normal form of a syntax tree; `in_class` says whether it is a statement of a class's body."""
    if isinstance(node, list):
        return f"[{', '.join(normal_form(item, in_class=in_class) for item in node)}]"
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__}({node.value!r})"
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr({normal_form([*_merged(node.values)])})"
    if isinstance(node, ast.AnnAssign) and not in_class:
        return f"Assign(targets=[{normal_form(node.target)}], value={normal_form(node.value)})"
    if not isinstance(node, ast.AST):
        return repr(node)
    inside = isinstance(node, ast.ClassDef)
    ignored = IGNORED_FIELDS | ({"annotation"} if isinstance(node, ast.arg) else set())
    parts = []
    for name, value in ast.iter_fields(node):
        kept = [*_meaningful(value, in_class=inside)] if name in BODIES and isinstance(value, list) else value
        if name not in ignored and kept is not None and kept != []:
            parts.append(f"{name}={normal_form(kept, in_class=inside and name == 'body')}")
    return f"{type(node).__name__}({', '.join(parts)})"


def _meaningful(body: list[Any], *, in_class: bool) -> Iterator[Any]:
    for statement in body:
        is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_annotation = isinstance(statement, ast.AnnAssign) and statement.value is None and not in_class
        if not (is_constant or is_annotation or isinstance(statement, ast.Pass)):
            yield statement


def _merged(values: list[Any]) -> Iterator[ast.expr]:
    """Yield the parts of an f-string with neighbouring texts as one, as some versions leave them apart."""
    for is_text, group in itertools.groupby(values, lambda value: isinstance(value, ast.Constant)):
        if not is_text:
            yield from group
        elif text := "".join(str(value.value) for value in group):
            yield ast.Constant(text)


def compiled(definition: Any) -> tuple[dict[str, list[str]], list[tuple[str, ...]]]:
    """Return the forms of a class or function and of all that it reaches in its module, and what it reaches elsewhere.

    Returns:
        Texts by name with its module; and the module and name, or the module alone, of everything outside.
    """
    module = sys.modules[definition.__module__]
    texts: dict[str, list[str]] = {}
    outside: list[tuple[str, ...]] = []
    names = [definition.__name__]
    while names:
        name = names.pop()
        key, value = f"{module.__name__}:{name}", vars(module).get(name)
        if key in texts or name not in vars(module):
            continue
        if isinstance(value, ModuleType):
            outside.append((value.__name__,))
        elif isinstance(value, type | FunctionType) and value.__module__ != module.__name__:
            outside.append((value.__module__, value.__name__))
        else:
            codes = list(codes_of(value))
            texts[key] = [*map(_text, codes), *_values(value)]
            names += [used for code in codes for used in _used(code)]
            names += [base.__name__ for base in getattr(value, "__bases__", ())]
    return texts, outside


def _values(value: Any) -> Iterator[str]:
    """Yield what a definition holds besides code: a constant itself, or defaults."""
    if isinstance(value, PLAIN):
        yield _text(value)
    elif isinstance(value, FunctionType):
        yield f"{_text(value.__defaults__)} {_text(tuple((value.__kwdefaults__ or {}).items()))}"
    elif isinstance(value, type):
        fields = {name: member for name, member in vars(value).items() if isinstance(member, PLAIN)}
        yield from (f"{name}={_text(fields[name])}" for name in sorted(fields) if name not in DERIVED)
        yield from (f"{name}: {kind}" for name, kind in vars(value).get("__annotations__", {}).items())


def _text(value: Any) -> str:
    if isinstance(value, CodeType):
        return repr((value.co_code.hex(), value.co_names, value.co_varnames, *map(_text, value.co_consts)))
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    return repr(value) if isinstance(value, PLAIN) else type(value).__name__  # whose `repr` may hold an address


def _used(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _used(constant)
