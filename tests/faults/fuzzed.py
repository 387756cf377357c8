"""One reader under atheris, in this process, until libFuzzer ends it; `fuzz` starts it.

Only what is imported while atheris instruments imports counts for coverage; readers import late, so they read their
seeds meanwhile. Linux begins the peak of memory that libFuzzer limits with that of the process which started this one,
such as pytest, so a fork of this process is fuzzed.

Command: python -m tests.faults.fuzzed READER FOLDER [OPTIONS OF LIBFUZZER]
"""

import os
import sys
from pathlib import Path
from random import Random

import atheris

WATCHED = ["gzip", "json", "mnist_sweep", "numpy.lib", "PIL", "tarfile", "tests.faults.readers", "zipfile"]


def main(name: str, folder: Path, *options: str) -> None:
    """Fuzz a reader; its corpus and its scratch lie in a folder."""
    corpus, scratch = folder / "corpus", folder / "scratch"
    for made in (corpus, scratch):
        made.mkdir()
    with atheris.instrument_imports(include=WATCHED):
        from tests.faults.readers import READERS, mutated

        reader = READERS[name]
        for number, seed in enumerate(reader.seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
            reader.hold(seed, scratch)

    def change(content: bytes, max_size: int, seed: int) -> bytes:
        drawn = Random(seed)
        changed = mutated(content, drawn) if drawn.random() < 0.5 else None
        return atheris.Mutate(content, max_size) if changed is None else changed[:max_size]

    def hold(content: bytes) -> None:
        reader.hold(content, scratch)

    atheris.Setup([sys.argv[0], *options, str(corpus)], hold, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    if pid := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
