"""The short form of `fuzz`: damaged inputs of every reader, always the same; and 3 s of atheris, if it is there."""

import importlib.util
from pathlib import Path
from random import Random

import pytest

from tests.faults.damage import DAMAGES
from tests.faults.fuzz import again, counted, fuzzed
from tests.faults.readers import READERS, mutated

INPUTS = 200


def damaged(seeds: list[bytes], drawn: Random) -> bytes:
    """Return a seed with up to three kinds of damage to it."""
    content, other = drawn.choices(seeds, k=2)
    for _ in range(drawn.randint(1, 3)):
        changed = mutated(content, drawn) if drawn.random() < 0.5 else None
        if changed is None and len(content) > 32:
            kind = drawn.choice([kind for kind in DAMAGES if kind != "a digit changed"])
            changed = DAMAGES[kind](content, drawn, other)
        content = content if changed is None else changed
    return content


@pytest.mark.parametrize("name", READERS)
def test_whatever_is_read_is_refused_by_the_projects_own_errors_or_taken(name: str, tmp_path: Path) -> None:
    reader, drawn = READERS[name], Random(0)
    seeds = reader.seeds()
    least = len(reader.forms) * len(reader.reads)
    assert min(reader.hold(seed, tmp_path) for seed in seeds) < least
    refused = 0
    for _ in range(INPUTS):
        content = damaged(seeds, drawn)
        try:
            refused += reader.hold(content, tmp_path) > 0
        except Exception as error:
            pytest.fail(f"{type(error).__name__} of {content!r}: {error}")
    assert refused > INPUTS / 20


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_atheris_finds_its_way_into_a_reader_and_no_crash(tmp_path: Path) -> None:
    counts = fuzzed("plan", tmp_path / "plan", seconds=3, seed=1)
    assert counts.good, counts.log
    assert counts.executions > 100
    assert counts.edges > 50


def test_what_libfuzzer_printed_of_a_crash_is_counted_and_the_input_kept_to_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(
        "#2048\tpulse  cov: 395 ft: 1003 corp: 95/130Kb\n"
        "#18413\tREDUCE cov: 398 ft: 1003 corp: 95/130Kb L: 7874/7874 MS: 8\n"
        " === Uncaught Python exception: ===\nValueError: #99999\n"
    )
    (tmp_path / "crash-0a").write_bytes(b"[]")
    counts = counted("plan", tmp_path, seconds=30.0, status=77)
    assert (counts.executions, counts.edges, counts.good) == (18413, 398, False)
    assert str(counts).endswith(f"crashes: {tmp_path / 'crash-0a'}")
    assert again("plan", counts.crashes[0]) == 1
    assert counted("plan", tmp_path, seconds=30.0, status=0).good is False
    (tmp_path / "crash-0a").unlink()
    assert str(counted("plan", tmp_path, seconds=30.0, status=1)).endswith("crashes: ended with status 1")
    assert str(counted("plan", tmp_path, seconds=30.0, status=0)).endswith("crashes: none")


def test_an_input_that_stays_json_is_another_and_any_other_is_left_to_the_fuzzer() -> None:
    drawn = Random(0)
    changed = [mutated(b'{"a": [1, {"b": 2}], "c": null}', drawn) for _ in range(100)]
    assert len({text for text in changed if text is not None}) > 30
    assert [mutated(content, drawn) for content in (b"", b"{", b"3", b"[]", b"[" * 10_000)] == [None] * 5
