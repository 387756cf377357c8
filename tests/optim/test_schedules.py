"""Laws of the learning-rate schedules."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.optim.schedules import SCHEDULES, Constant, Cosine, Schedule, Stepwise
from tests.conftest import Refused

NAN = float("nan")
NUM_STEPS = 60


def warm(step: int, warmup_steps: int) -> float:
    return 1.0 if step >= warmup_steps else (step + 1) / (warmup_steps + 1)


def constant(it: Constant, step: int) -> float:
    return warm(step, it.warmup_steps)


def stepwise(it: Stepwise, step: int) -> float:
    factor = warm(step, it.warmup_steps)
    for boundary in it.boundaries:
        factor *= it.factor if step >= boundary else 1
    return factor


def cosine(it: Cosine, step: int) -> float:
    if step < it.warmup_steps:
        return warm(step, it.warmup_steps)
    angle = math.pi * (step - it.warmup_steps) / (NUM_STEPS - it.warmup_steps)
    return it.final + (1 - it.final) * math.cos(angle / 2) ** 2


CASES: list[tuple[Any, Any]] = [
    (Constant(), constant),
    (Constant(warmup_steps=1), constant),
    (Constant(warmup_steps=20), constant),
    (Constant(warmup_steps=100), constant),
    (Stepwise(boundaries=(30,)), stepwise),
    (Stepwise(boundaries=(1, 30, 59), factor=0.5), stepwise),
    (Stepwise(boundaries=(10, 40), factor=1.0), stepwise),
    (Stepwise(boundaries=(10, 1000), factor=0.3, warmup_steps=20), stepwise),
    (Cosine(), cosine),
    (Cosine(final=0.1), cosine),
    (Cosine(final=1.0), cosine),
    (Cosine(final=0.2, warmup_steps=15), cosine),
    *((Cosine(warmup_steps=number), cosine) for number in (1, NUM_STEPS - 1, NUM_STEPS, 10 * NUM_STEPS)),
]
ALL = [schedule for schedule, _ in CASES]


@pytest.mark.parametrize(("schedule", "recipe"), CASES, ids=[str(schedule) for schedule, _ in CASES])
def test_factors_are_the_recipes(schedule: Schedule, recipe: Callable[[Schedule, int], float]) -> None:
    expected = [recipe(schedule, step) for step in range(NUM_STEPS)]
    assert schedule.factors(0, NUM_STEPS, NUM_STEPS).tolist() == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_every_schedule_is_tried_against_its_recipe(name: str) -> None:
    assert SCHEDULES[name] in {type(schedule) for schedule in ALL}


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_steps_can_be_cut_anywhere(schedule: Schedule) -> None:
    whole = schedule.factors(0, NUM_STEPS, NUM_STEPS)
    assert (str(whole.dtype), whole.shape) == ("float64", (NUM_STEPS,))
    for cut in range(NUM_STEPS + 1):
        parts = [schedule.factors(first, last, NUM_STEPS) for first, last in ((0, cut), (cut, NUM_STEPS))]
        np.testing.assert_array_equal(np.concatenate(parts), whole, strict=True)


def test_cosine_stays_at_its_final_factor_after_the_end() -> None:
    assert Cosine(final=0.2).factors(NUM_STEPS, NUM_STEPS + 3, NUM_STEPS).tolist() == pytest.approx([0.2] * 3)


def test_shorter_trial_has_the_whole_cosine() -> None:
    short, long = Cosine().factors(0, 30, 30), Cosine().factors(0, 60, 60)
    assert short.tolist() == pytest.approx(long[::2].tolist())


@pytest.mark.parametrize(
    ("cls", "given", "parts"),
    [
        (Constant, {"warmup_steps": -1}, ["`warmup_steps >= 0`", "warmup_steps=-1"]),
        (Cosine, {"warmup_steps": -1}, ["`warmup_steps >= 0`", "warmup_steps=-1"]),
        (Stepwise, {"boundaries": (5,), "warmup_steps": -1}, ["`warmup_steps >= 0`", "warmup_steps=-1"]),
        (Constant, {"warmup_steps": 1.5}, ["Constant.warmup_steps", "1.5"]),
        (Stepwise, {"boundaries": ()}, ["boundaries", "boundaries=()"]),
        (Stepwise, {"boundaries": (0, 5)}, ["boundaries", "boundaries=(0, 5)"]),
        (Stepwise, {"boundaries": (5, 5)}, ["boundaries", "rising", "boundaries=(5, 5)"]),
        (Stepwise, {"boundaries": (6, 5)}, ["boundaries", "rising", "boundaries=(6, 5)"]),
        (Stepwise, {"boundaries": 5}, ["Stepwise.boundaries", "5"]),
        (Stepwise, {"boundaries": (5,), "factor": 0}, ["0 < factor <= 1", "factor=0.0"]),
        (Stepwise, {"boundaries": (5,), "factor": 1.1}, ["0 < factor <= 1", "factor=1.1"]),
        (Stepwise, {"boundaries": (5,), "factor": NAN}, ["0 < factor <= 1", "factor=nan"]),
        (Cosine, {"final": -0.1}, ["0 <= final <= 1", "final=-0.1"]),
        (Cosine, {"final": 1.1}, ["0 <= final <= 1", "final=1.1"]),
        (Cosine, {"final": NAN}, ["0 <= final <= 1", "final=nan"]),
    ],
)
def test_bad_value_is_refused(refused: Refused, cls: Any, given: dict[str, Any], parts: list[str]) -> None:
    with refused(ConfigError, *parts):
        cls(**given)
