"""Laws of why a tracker failed: one line, the first cause, no secret."""

import pytest

from mnist_sweep.trackers.protocol import cause


def failed(inner: Exception, outer: Exception) -> Exception:
    """Return an exception that was raised while another was handled."""
    try:
        try:
            raise inner
        except type(inner) as error:
            raise outer from error
    except type(outer) as error:
        return error


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (OSError(111, "Connection refused"), "Connection refused"),
        (ValueError("two\n  lines"), "two lines"),
        (ValueError(), "ValueError"),
        (ValueError("at https://me:secret@host/x?key=secret"), "at https://***@host/x?***"),
        (ValueError("\x1b[2J"), "\\x1b[2J"),
    ],
)
def test_cause_is_one_line_without_secrets(inner: Exception, text: str) -> None:
    assert cause(inner) == text


def test_what_the_system_said_goes_before_what_was_made_of_it() -> None:
    assert cause(failed(OSError(111, "Connection refused"), ValueError("no luck"))) == "Connection refused"
