import pytest

from mnist_sweep import Local
from mnist_sweep.errors import ConfigError


@pytest.mark.parametrize("options", [{"cpus_per_trial": 0}, {"gpus_per_trial": -1}, {"cpus_per_trial": 1.5}])
def test_resources_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must hold"):
        Local(**options)  # type: ignore[arg-type]  # on purpose
