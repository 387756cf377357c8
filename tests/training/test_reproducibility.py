"""Laws of what rows say their numbers depend on."""

import sys
from pathlib import Path

import pytest

from mnist_sweep.training import reproducibility
from tests.conftest import MakeRow


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/cpuinfo")
def test_processors_of_one_name_and_other_vector_instructions_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for flags in ("fpu avx avx2", "fpu avx avx2 avx512f avx512_vnni", "fpu"):
        text = f"processor : 0\nmodel name\t: AMD EPYC\nflags\t\t: {flags}\n"
        monkeypatch.setattr(Path, "read_text", lambda *_, text=text, **__: text)
        reproducibility._processor.cache_clear()
        found.append(reproducibility._processor())
    reproducibility._processor.cache_clear()
    assert found == ["AMD EPYC (avx2)", "AMD EPYC (avx512_vnni)", "AMD EPYC"]


def test_variables_that_choose_other_kernels_are_noted_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, usual in reproducibility.KERNELS.items():
        monkeypatch.setenv(name, usual)
    assert reproducibility.kernel_note() is None
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2")
    assert (reproducibility.kernel_note() or "").startswith(
        "TF_ENABLE_ONEDNN_OPTS=0 and TF_XLA_FLAGS=--tf_xla_auto_jit=2 in the"
    )
    for name in reproducibility.KERNELS:
        monkeypatch.delenv(name)
    assert reproducibility.kernel_note() is None


def test_rows_of_other_kernels_or_another_version_are_unlike(
    monkeypatch: pytest.MonkeyPatch, make_row: MakeRow
) -> None:
    for name in reproducibility.KERNELS:
        monkeypatch.delenv(name, raising=False)
    first = make_row(environment=reproducibility.environment())
    assert reproducibility.unlike_note(first, make_row(environment=first.environment)) is None
    assert "mnist_sweep 0.1.0 and 0.2.0 on host)" in str(
        reproducibility.unlike_note(first, make_row(environment=first.environment, version="0.2.0"))
    )
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    row = make_row(environment=reproducibility.environment())
    assert "(ONEDNN_MAX_CPU_ISA unset and AVX2 on host)" in str(reproducibility.unlike_note(first, row))
