"""The normal form of Python code: a text that is the same for code that means the same, on every version of Python.

Comments, docstrings, formatting, positions and annotations of functions and variables are left out. Annotations in the
body of a class stay, since they are the fields of a dataclass.
"""

import ast
import itertools
from collections.abc import Iterator
from typing import Any

# Of no meaning, or in the syntax trees of some versions only.
IGNORED_FIELDS = {"ctx", "kind", "returns", "type_comment", "type_ignores", "type_params"}
BODIES = {"body", "orelse", "finalbody"}


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
