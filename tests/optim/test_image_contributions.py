"""Laws of what images contribute to the value of a split."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Accuracy, BalancedAccuracy, LogLoss, MacroF1
from mnist_sweep.optim import image_contributions, objective_metrics
from tests.optim.test_objective_metrics import CLASSES, LABELS, OUTPUTS, TopK, mean_rank


@dataclass(frozen=True)
class Perplexity(LogLoss):
    """The exponential of a mean."""

    def of_mean(self, mean: float) -> float:
        return math.exp(mean)


@pytest.mark.parametrize("objective", [BalancedAccuracy(), MacroF1(), LogLoss(), Perplexity()])
def test_the_values_of_images_have_the_mean_and_the_jackknifes_error_of_the_whole(objective: Any) -> None:
    given = {"classes": CLASSES, "outputs": OUTPUTS}
    found, value = (
        image_contributions.by_image(objective, LABELS, **given),
        objective_metrics.value(objective, LABELS, **given),
    )
    assert found is not None
    assert found.mean() == pytest.approx(value)
    kept = ~np.eye(len(LABELS), dtype=bool)
    without = [
        objective_metrics.value(objective, LABELS[one], classes=CLASSES[one], outputs=OUTPUTS[one]) for one in kept
    ]
    num = len(LABELS)
    jackknife = math.sqrt((num - 1) * np.var(without))  # Efron 1982
    assert image_contributions.standard_error(found) == pytest.approx(jackknife, rel=1e-9)


def test_images_have_no_values_where_only_the_whole_split_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for objective in (Accuracy(), TopK(), mean_rank):
        assert image_contributions.by_image(objective, LABELS, classes=CLASSES, outputs=OUTPUTS) is None
    assert image_contributions.by_image(LogLoss(), LABELS[:1], outputs=OUTPUTS[:1]) is None
    monkeypatch.setattr(image_contributions, "MAX_COUNTED", 1000)
    assert image_contributions.by_image(MacroF1(), LABELS, classes=CLASSES) is None
    assert image_contributions.standard_error(None) is None
