"""What other programs, such as git and nvidia-smi, print."""

import shutil
import subprocess


def output(program: str, *arguments: str, timeout: float = 60.0) -> str | None:
    """Return what a program prints; None if it is not on PATH, fails, prints no text, or takes over `timeout` s."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        ended = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=timeout)  # noqa: S603 # no shell
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return ended.stdout if ended.returncode == 0 else None
