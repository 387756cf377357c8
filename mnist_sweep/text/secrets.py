"""Command lines and messages without what may be a secret."""

import re
from collections.abc import Sequence

HIDDEN = "***"
_SECRET_OPTION = re.compile(
    r"--?[\w-]*(address|notify|token|password|passwd|secret|credential|api[_-]?key|access[_-]?key)[\w-]*", re.IGNORECASE
)
_USER = re.compile(r"(?<=://)[^/?#]*@")  # also in the middle of a word, as in `--storage=s3://key:secret@bucket`
_QUERY = re.compile(r"(://[^?#]*)\?.*")


def without_secrets(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line with `***` for what may be a secret.

    These are the values of `--notify` and of options that name an address, a token, a password or a key, and in a URL
    the user before `@` and the query after `?`.
    """
    shown: list[str] = []
    hide = False
    for word in words:
        option, equals, _ = word.partition("=")
        secret = bool(_SECRET_OPTION.fullmatch(option))
        masked = f"{option}={HIDDEN}" if secret and equals else _QUERY.sub(rf"\1?{HIDDEN}", word)
        shown.append(HIDDEN if hide and not secret else _USER.sub(f"{HIDDEN}@", masked))
        hide = secret and not equals
    return tuple(shown)
