from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import (
    GradientDescent,
    Integer,
    Known,
    LogLoss,
    MacroF1,
    Search,
    Softmax,
    Sweep,
    TrialConfig,
    config_id,
    grid,
)
from mnist_sweep.errors import ConfigError
from tests.conftest import Refused

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=4, evaluate_every=2)


def sweep(rates: Sequence[float] = (0.1, 0.2, 0.4)) -> Sweep:
    return Sweep(name="rates", trials=grid(BASE, {"optimizer.learning_rate": rates}))


def test_no_two_trials_may_be_alike() -> None:
    with pytest.raises(ConfigError, match="trials 1 and 3 both are"):
        sweep([1, 0.2, 1.0])


def test_a_sweep_has_trials() -> None:
    with pytest.raises(ConfigError, match="at least one trial"):
        Sweep(name="none", trials=[])


@pytest.mark.parametrize("trials", [BASE, None, [[BASE]], {"a": BASE}, [BASE, "digits"], "digits", 3])
def test_trials_are_a_list_of_trials(trials: Any) -> None:
    with pytest.raises(ConfigError, match="a sweep's trials must be a list of TrialConfig, but got"):
        Sweep(name="strange", trials=trials)


@pytest.mark.parametrize(
    "name", [b"bytes", None, "", "a/b", "..", ".", ".hidden", "-x", "a b", "a\n", "a\\b", "x" * 101, "é"]
)
def test_a_name_cannot_leave_its_folder(name: Any) -> None:
    with pytest.raises(ConfigError, match="a sweep's name"):
        Sweep(name=name, trials=[BASE])


def test_seeds_steps_and_precision_can_be_changed_for_all_trials() -> None:
    changed = sweep().with_options(seeds=2, steps=7, precision="mixed_bfloat16")
    assert [trial.seed for trial in changed.trials] == [0, 1] * 3
    assert {(trial.num_steps, trial.precision) for trial in changed.trials} == {(7, "mixed_bfloat16")}
    assert len({config_id(trial) for trial in changed.trials}) == 3
    assert sweep().with_options() == sweep()
    assert sweep().with_options(num_trials=1, seeds=2).trials == sweep().with_options(seeds=2).trials[:2]
    assert sweep().with_options(num_trials=10**6) == sweep()


@pytest.mark.parametrize("num_trials", [0, -1])
def test_no_trials_or_less_are_refused_of_a_list_and_of_a_search(num_trials: int, refused: Refused) -> None:
    search = Search(base=BASE, axes={"batch_size": Integer(low=10, high=20)}, num_trials=2)
    for one in (sweep(), Sweep(name="search", search=search)):
        with refused(ConfigError, f"`num_trials >= 1` must hold, but got num_trials={num_trials}."):
            one.with_options(num_trials=num_trials)


def test_seeds_replace_those_of_the_script() -> None:
    seeded = Sweep(name="seeded", trials=[replace(BASE, seed=seed) for seed in (5, 6)])
    assert [trial.seed for trial in seeded.with_options(seeds=3).trials] == [0, 1, 2]


def test_options_keep_the_name_and_the_code(tmp_path: Path) -> None:
    changed = replace(sweep(), code=[tmp_path]).with_options(steps=7)
    assert (changed.name, changed.code) == ("rates", (tmp_path,))


def test_all_trials_have_one_objective() -> None:
    message = r"all trials of a sweep have the same objective` must hold, but got objectives=\['accuracy', 'macro_f1'\]"
    with pytest.raises(ConfigError, match=message):
        Sweep(name="mixed", trials=grid(BASE, {"objective": ["accuracy", MacroF1()]}))


@dataclass(frozen=True)
class OfWholeSplit:
    def compute(self, labels: Any, outputs: Any) -> float:
        return float(outputs.std())


@pytest.mark.parametrize(
    ("objective", "known", "why"),
    [
        (LogLoss(), {"assume": "any"}, "values of any shape that do not lie in [0, 1]"),
        (MacroF1(), {"within": 1.5}, "`0 < within <= 1 (macro F1)` must hold"),
        (OfWholeSplit(), {"images": "new"}, "needs an objective to which each image contributes"),
    ],
)
def test_a_race_of_values_that_allow_none_is_refused(
    objective: Any, known: dict[str, Any], why: str, refused: Refused
) -> None:
    trials = grid(replace(BASE, objective=objective), {"optimizer.learning_rate": [0.1, 0.2]})
    Sweep(name="race", trials=trials, until=Known(within=0.5))
    with refused(ConfigError, why):
        Sweep(name="race", trials=trials, until=Known(**{"within": 0.5} | known))
