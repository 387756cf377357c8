from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Keep
from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.artifacts import Artifacts


@pytest.mark.parametrize(
    "options",
    [
        {"models": "some"},
        {"summaries": "much"},
        {"checkpoint_seconds": 0},
        {"predictions": 1},
        {"storage": ""},
        {"storage": "s3://"},
    ],
)
def test_what_cannot_be_kept_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Keep(**options)
    with pytest.raises(ConfigError):
        Artifacts(**{"storage": "."} | options)


def test_a_storage_is_the_results_folder_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    artifacts = Artifacts(storage=str(tmp_path / "results"))
    assert artifacts.are_stored_in(Path("results"))
    assert not artifacts.are_stored_in(Path("other"))
