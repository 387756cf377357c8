"""How a contract suite reports that a law is broken."""


def law(holds: bool, statement: str) -> None:
    """Raise an AssertionError, whose message is the statement, unless a law holds."""
    if not holds:
        raise AssertionError(statement)
