"""Code that runs as a user whom permissions bind, also where the tests run as root, who may do anything."""

import os
import subprocess
import sys
from pathlib import Path

NOBODY = 65534


def printed_as_its_owner(folder: Path, imports: str, code: str) -> list[str]:
    """Run code in a folder, in a process that may do there what its owner may; return the lines that it prints.

    Root's folder is given away first, to the user who takes over once all is imported, which that user may not be able
    to read.
    """
    become = ""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        become = f"import os\nos.setgroups([])\nos.setgid({NOBODY})\nos.setuid({NOBODY})\n"
    command = [sys.executable, "-P", "-c", imports + become + code]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()
