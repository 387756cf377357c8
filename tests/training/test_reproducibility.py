"""Laws of what rows say their numbers depend on."""

import sys
from pathlib import Path

import pytest

from mnist_sweep.training import reproducibility


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
