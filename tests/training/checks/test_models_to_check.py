import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mnist_sweep import CNN, VARIABLE, Dataset, Digits, Softmax, Status, TrialConfig
from mnist_sweep.errors import ConfigError
from mnist_sweep.runners import trial
from mnist_sweep.training.checks import models_to_check
from tests.optim.test_losses import squared
from tests.training.checks.test_refused_losses import mean

pytestmark = pytest.mark.usefixtures("nothing_kept")
BUILT: list[str] = []


@dataclass(frozen=True)
class Own:
    """A user's model that may return probabilities."""

    activation: str | None = None
    rate: float = field(default=0.1, metadata=VARIABLE)

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        BUILT.append(str(self.activation))
        return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(num_classes, self.activation)])


OWN = TrialConfig(model=Own(), num_steps=2, evaluate_every=2)
WRONG = replace(OWN, model=Own("softmax"))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Digits().load()


def check(*trials: TrialConfig, digits: Dataset) -> list[str]:
    return models_to_check.check_models(models_to_check.candidates(trials, {OWN.data: digits}))


def test_only_distinct_models_that_are_not_built_in_are_candidates(digits: Dataset) -> None:
    trials = [
        OWN,
        replace(OWN, seed=1),
        replace(OWN, model=Own(rate=0.2)),
        WRONG,
        TrialConfig(),
        replace(OWN, model=Softmax()),
    ]
    assert [one.config.model for one in models_to_check.candidates(trials, {OWN.data: digits})] == [
        Own(rate=0.2),
        Own("softmax"),
    ]


def test_the_refusal_states_the_contract_what_came_and_the_way_out(digits: Dataset) -> None:
    with pytest.raises(ConfigError) as refused:
        check(OWN, WRONG, digits=digits)
    assert str(refused.value) == (
        "`build` of Own(activation='softmax', rate=0.1) must return a new Keras model from float32 images "
        "(batch, 8, 8, 1) in [0, 1] to logits (batch, 10), but its outputs are probabilities: remove the softmax or "
        "sigmoid at its end."
    )


def test_a_loss_of_the_users_own_is_a_candidate_whatever_its_model(digits: Dataset) -> None:
    trials = [replace(TrialConfig(), loss=squared), replace(TrialConfig(seed=1), loss=squared), TrialConfig()]
    found = models_to_check.candidates(trials, {OWN.data: digits})
    assert [one.config.loss for one in found] == [squared]
    assert models_to_check.check_models(found) == []
    with pytest.raises(ConfigError, match="the loss mean must return"):
        check(replace(OWN, loss=mean), digits=digits)


def test_notes_name_their_model(digits: Dataset) -> None:
    (note,) = check(OWN, replace(OWN, model=Own("tanh")), digits=digits)
    assert note.startswith("Own(activation='tanh', rate=0.1): its outputs stay in [-1, 1]")


def test_a_model_is_checked_once_in_a_process_and_again_after_all_others(digits: Dataset) -> None:
    BUILT.clear()
    check(OWN, replace(OWN, model=Own("tanh")), digits=digits)
    assert BUILT == ["None"] * 3 + ["tanh"] * 3 + ["None"]  # twice, and once with another value that it marks VARIABLE
    models_to_check.check_model(OWN, digits)
    assert len(BUILT) == 7


def test_a_trial_whose_model_was_not_checked_before_the_run_fails_with_that_line(digits: Dataset) -> None:
    row = trial.execute(WRONG)
    assert row.status is Status.FAILED
    assert row.error is not None
    assert row.error.startswith(
        "ConfigError: `build` of Own(activation='softmax', rate=0.1) must return a new Keras model"
    )


def test_built_in_models_cost_no_check() -> None:
    code = (
        "import sys; from mnist_sweep import *; from mnist_sweep.training.checks import models_to_check as m\n"
        "trials = [TrialConfig(), TrialConfig(model=Softmax())]; data = {TrialConfig().data: Digits().load()}\n"
        "assert m.check_models(m.candidates(trials, data)) == [] and m.check_model(trials[0], None) is None\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert CNN().units  # the model of TrialConfig()
