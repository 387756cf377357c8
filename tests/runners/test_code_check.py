"""Laws of the check of code: a worker with other code of the user's refuses a trial; one that cannot know does not."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.errors import ScriptError
from mnist_sweep.runners import code_check
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials.user_code.code_digest import CodeDigests

SOURCE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Net:
    def build(self, image_shape, num_classes):
        return 1
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrialConfig]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tensorflow_runtime, "_CACHE", {})
    (tmp_path / "checked_net.py").write_text(SOURCE)
    importlib.invalidate_caches()
    yield TrialConfig(model=importlib.import_module("checked_net").Net())
    del sys.modules["checked_net"]


def test_other_code_is_refused_and_the_same_is_not(config: TrialConfig, tmp_path: Path) -> None:
    digest = CodeDigests().of(config)
    assert digest is not None
    (tmp_path / "checked_net.py").write_text(SOURCE.replace("return 1", "return 2"))
    with pytest.raises(ScriptError, match=r"the code of checked_net:Net on .* is not that of the run"):
        code_check.validate(config, {"checked_net:Net": digest})
    tensorflow_runtime._CACHE.clear()
    (tmp_path / "checked_net.py").write_text(SOURCE)
    code_check.validate(config, {"checked_net:Net": digest})


def test_what_is_not_known_is_not_refused(config: TrialConfig, tmp_path: Path) -> None:
    code_check.validate(config, {})
    code_check.validate(TrialConfig(), {"": "digest"})
    (tmp_path / "checked_net.py").unlink()
    code_check.validate(config, {"checked_net:Net": "digest"})
