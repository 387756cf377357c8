"""Names of types: a registered short name, or the import path `package.module:Name` of a user's type.

Rows store types by name, so that a row can be run again on any machine that can import them. A class defined in the
running script is named after the script's file, not `__main__`.
"""

import contextlib
import difflib
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mnist_sweep.errors import ConfigError, ScriptError, UnknownNameError
from mnist_sweep.text.lines import one_line
from mnist_sweep.trials.user_code.unguarded_scripts import RunReachedError, definitions_only

SHIPPED: dict[str, Any] = {}
"""In a worker, the definitions that it cannot import, as the driver sent them; see `shipping`."""


UNNAMED_MODULES = ("__main__", "<stdin>")
"""Modules of names that say nothing about where a definition is: in a notebook, a command, or standard input."""


@contextlib.contextmanager
def standing_for(definitions: Mapping[str, Any]) -> Iterator[None]:
    """Let names stand for definitions while the body runs."""
    before = SHIPPED.copy()
    SHIPPED.update(definitions)
    try:
        yield
    finally:
        SHIPPED.clear()
        SHIPPED.update(before)


def name_of(thing: Any, registry: Mapping[str, Any]) -> str:
    """Return the registered name of a type or function, or its import path; a ConfigError of a lambda or inner one."""
    for name, registered in (*registry.items(), *SHIPPED.items()):
        if registered is thing:
            return name
    module, name = thing.__module__, thing.__qualname__
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "__main__").stem
    if not name.isidentifier():
        raise ConfigError(f"`{module}:{name}` must be defined at the top level of a module, so that a row can name it.")
    return f"{module}:{name}"


def resolve(name: str, registry: Mapping[str, Any], *, kind: str) -> Any:
    """Return the type or function with a name, the inverse of `name_of`.

    Raises:
        UnknownNameError: The registry has no such name.
        ScriptError: The import path cannot be imported here.
    """
    for known in (registry, SHIPPED) if isinstance(name, str) else ():
        if name in known:
            return known[name]
    if not isinstance(name, str) or ":" not in name:
        near = difflib.get_close_matches(str(name).lower(), registry, 1)
        listed = f"known are {', '.join(sorted(registry))}{f' (did you mean {near[0]}?)' if near else ''}"
        way_out = "name your own by its import path, `package.module:Name`"
        raise UnknownNameError(f"unknown {kind} {name!r}: {listed}; {way_out}.")
    module, _, attribute = name.partition(":")
    try:
        with definitions_only():
            return getattr(importlib.import_module(module), attribute)
    except RunReachedError as reached:
        cause = f"cannot be imported, since its module calls {reached.function}() whenever it is imported"
        way_out = 'put that call under `if __name__ == "__main__":`'
        raise ScriptError(f"the {kind} {name!r} {cause}: {way_out}.") from None
    except (Exception, SystemExit) as error:  # a user's module may raise anything while it is imported
        cause = f"cannot be imported ({one_line(error)})"
        way_out = "put its folder on PYTHONPATH, or install its package"
        if module in UNNAMED_MODULES:
            cause = "was defined in a notebook, in `python -c` or on standard input, and not in this program"
            way_out = "move it to a module and import it from there"
        raise ScriptError(f"the {kind} {name!r} {cause}: {way_out}.") from error
