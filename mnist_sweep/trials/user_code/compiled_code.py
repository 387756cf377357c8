"""The compiled form of a program's definitions whose text is not kept, such as that of a program from a pipe.

It stands in for the source in a digest. Unlike a source's normal form it differs from one version of Python to another,
and a docstring is part of it.
"""

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mnist_sweep.trials.user_code import source_text

DERIVED = ("__doc__", "__firstlineno__", "__module__", "__static_attributes__")  # by Python, some from 3.13 on
PLAIN = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None), type(...))


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
            codes = list(source_text.codes_of(value))
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
