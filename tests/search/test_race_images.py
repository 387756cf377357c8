"""Laws of the smallest difference that images can show, and of races for new images."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_sweep import Known, Status, TrialConfig, TrialRow
from mnist_sweep.errors import ConfigError, IncomparableError
from mnist_sweep.search.race import Race
from mnist_sweep.search.race_images import smallest_difference, stated_difference
from mnist_sweep.search.race_summary import opening, summary
from mnist_sweep.statistics.image_margins import ImageSums, margin_factor
from mnist_sweep.trials.value_format import Measure
from tests.conftest import MakeRow, Refused
from tests.search.races import CONFIGS, IDS, judged

NUM_VAL, SEEDS = 400, 20
SHARES = np.array([0.9, 0.9, 0.9, 0.5])  # the last one is far behind, for any images
CHANCE = np.where(np.random.default_rng(5).random((4, NUM_VAL)) < SHARES[:, None], 0.98, 0.02)
NEW = Known(within=0.01, max_seeds=SEEDS, images="new")


def correct(row: TrialRow) -> NDArray[np.bool_]:
    setting, seed = IDS.index(row.config_id), row.config["seed"]
    draw = np.random.default_rng([setting, seed])
    return np.asarray(draw.random(NUM_VAL) < CHANCE[setting])


@pytest.fixture
def rows(make_row: MakeRow) -> list[TrialRow]:
    def row(trial: TrialConfig) -> TrialRow:
        return make_row(trial, val_accuracy=float(correct(make_row(trial)).mean()))

    return [row(dataclasses.replace(trial, seed=seed)) for seed in range(SEEDS) for trial in CONFIGS]


def race(rows: list[TrialRow], known: Known = NEW, **given: Any) -> Race:
    return Race(IDS, known, num_val=NUM_VAL, rows=rows, **{"by_image": correct} | given)


def test_seeds_are_no_longer_added_when_only_images_could_help(rows: list[TrialRow]) -> None:
    found = race(rows)
    assert (found.end, [*found.departures]) == ("images", [IDS[3]])
    assert len(found.rounds) < SEEDS
    these = race(rows, dataclasses.replace(NEW, images="these"))
    assert len(these.rounds) > len(found.rounds), "for these images more seeds always help"
    assert these.end != "images"


def test_what_is_within_for_these_images_is_so_for_new_ones_only_with_a_margin(rows: list[TrialRow]) -> None:
    wide = dataclasses.replace(NEW, within=0.2)
    new, these = race(rows, wide), race(rows, dataclasses.replace(wide, images="these"))
    assert new.end == these.end == "within"
    last = len(these.rounds) - 1
    assert len(new.rounds) > last
    assert new.rounds[last].distance > these.rounds[last].distance


def test_smallest_difference_is_about_the_images_own_error(rows: list[TrialRow]) -> None:
    for known in (NEW, dataclasses.replace(NEW, images="these")):
        smallest = smallest_difference(race(rows, known))
        errors = [np.std(CHANCE[0] - other) / math.sqrt(NUM_VAL) for other in CHANCE[1:3]]
        assert 2 * min(errors) < smallest < 4 * max(errors)


def test_without_predictions_it_is_that_of_a_stated_disagreement(rows: list[TrialRow]) -> None:
    def lacking(row: TrialRow) -> NDArray[np.bool_]:
        raise IncomparableError(row.trial_id)

    these = dataclasses.replace(NEW, images="these")
    for found in (race(rows, these, by_image=lacking), race(rows, these, by_image=None), race(rows[:4])):
        assert math.isnan(smallest_difference(found))
        assert "between configs that classify 5% of them differently" in opening(found)[1]
    assert stated_difference(found) == pytest.approx(math.sqrt(0.05 / NUM_VAL) * 2.66, rel=0.05)
    with pytest.raises(IncomparableError):
        race(rows, by_image=lacking)


def test_seeds_and_images_share_the_error(rows: list[TrialRow]) -> None:
    halved = dataclasses.replace(NEW, error=NEW.error / 2, images="these")
    new, these = race(rows[:8]), race(rows[:8], halved)
    assert new.elimination._threshold == these.elimination._threshold
    margins = new.elimination.pairs.margin
    counts = ImageSums(len(IDS), NUM_VAL)
    for row in rows[:8]:
        counts.add(IDS.index(row.config_id), correct(row))
    np.testing.assert_allclose(margins, margin_factor(len(IDS), NUM_VAL, NEW.error / 2) * counts.errors()[0])


def test_answer_says_what_it_is_for(rows: list[TrialRow]) -> None:
    found = summary(race(rows))
    assert "remain, and only more images, not more seeds, can tell them apart for new images" in found.sentences[0]
    assert "not for new images" not in found.sentences[1]
    assert found.sentences[2].startswith("For new images, 400 validation images can show no difference below about ")
    assert found.sentences[2].endswith(" points between the best configs, with any number of seeds.")


def test_a_setting_without_accuracies_takes_no_images(rows: list[TrialRow], make_row: MakeRow) -> None:
    def of_ended(row: TrialRow) -> NDArray[np.bool_]:
        assert row.status is Status.OK
        return correct(row)

    last = [dataclasses.replace(CONFIGS[3], seed=seed) for seed in range(SEEDS)]
    others = [row for row in rows if row.config_id != IDS[3]]
    found = race([*others, *(make_row(trial, Status.DIVERGED) for trial in last)], by_image=of_ended)
    assert found.departures[IDS[3]].rival is None
    assert found.end == "images"


def test_what_images_contribute_to_another_value_is_in_its_unit(rows: list[TrialRow]) -> None:
    errors = judged(rows, loss := Measure("loss", "minimize", "nats"), lambda accuracy: 8 * (1 - accuracy))
    wide = dataclasses.replace(NEW, within=0.2)
    accuracy = race(rows[:8], wide)
    found = race(
        errors[:8], dataclasses.replace(wide, within=8 * 0.2), measure=loss, by_image=lambda row: 8.0 * ~correct(row)
    )
    np.testing.assert_allclose(found.elimination.pairs.margin, 8 * accuracy.elimination.pairs.margin)
    np.testing.assert_allclose(found.elimination.limit, 8 * accuracy.elimination.limit)
    assert smallest_difference(found) == pytest.approx(8 * smallest_difference(accuracy))


def test_before_images_are_seen_nothing_is_shown_for_new_ones(rows: list[TrialRow]) -> None:
    errors = judged(rows, loss := Measure("loss", "minimize", "nats"), lambda accuracy: 8 * (1 - accuracy))
    errors = [dataclasses.replace(row, val_objective_error=0.1) for row in errors[:3]]
    found = race(errors, dataclasses.replace(NEW, within=100.0), measure=loss)
    assert (found.departures, found.end, found.elimination.evidence.max()) == ({}, None, 1)
    assert len(opening(found)) == 1, "what its images can show is not known yet"


def test_an_answer_for_new_images_assumes_alike_runs(refused: Refused) -> None:
    with refused(ConfigError, "an answer for new images assumes that runs are alike"):
        dataclasses.replace(NEW, assume="any")
