"""Imports of a user's code for what it defines: they end where the code starts a run.

A script whose `run()` or `main(__file__)` stands outside `if __name__ == "__main__":` would otherwise run its sweep
again whenever its classes are needed. All that a sweep needs of a script is defined above that call, so the import ends
there.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_is_importing = ContextVar("is_importing", default=False)


class RunReachedError(BaseException):
    """Code that is imported for its definitions calls a function that starts a run.

    No `except Exception` of that code catches it.

    Attributes:
        function: The name of that function.
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


def end_import(function: str) -> None:
    """End the import that calls this function, which starts a run; do nothing outside of imports.

    Raises:
        RunReachedError: Code is imported for its definitions.
    """
    if _is_importing.get():
        raise RunReachedError(function)
