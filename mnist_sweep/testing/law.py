"""How a contract suite reports that a law is broken."""


def law(holds: bool, statement: str) -> None:
    """Validate that a law holds.

    Raises:
        AssertionError: It does not; the statement is its message.
    """
    if not holds:
        raise AssertionError(statement)
