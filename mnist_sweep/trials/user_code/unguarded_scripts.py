"""Imports of a user's code for what it defines: they end where the code starts a run.

A script whose `run()` or `main(__file__)` stands outside `if __name__ == "__main__":` would otherwise run its sweep
again whenever its classes are needed. All that a sweep needs of a script is defined above that call, so the import ends
there.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_is_importing = ContextVar("is_importing", default=False)


class RunReachedError(BaseException):
    """Code that is imported for its definitions calls a function that starts a run, which has this name.

    No `except Exception` of that code catches it.
    """

    def __init__(self, function: str) -> None:
        super().__init__(function)
        self.function = function


@contextlib.contextmanager
def definitions_only() -> Iterator[None]:
    """Let imports in the body end where they start a run."""
    token = _is_importing.set(True)
    try:
        yield
    finally:
        _is_importing.reset(token)


def starts_a_run(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a function that starts a run: it ends an import that calls it."""

    @functools.wraps(function)
    def unless_importing(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if _is_importing.get():
            raise RunReachedError(function.__name__)
        return function(*args, **kwargs)

    return unless_importing
