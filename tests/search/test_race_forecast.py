"""Laws of a race's forecast: trials and time to the end from what was seen, each with its interval."""

import numpy as np
import pytest

from mnist_sweep.search.race import Race
from mnist_sweep.search.race_forecast import Estimate, Forecast, forecast
from mnist_sweep.statistics.race_simulation import Ends
from tests.conftest import MakeRow
from tests.search.races import IDS, KNOWN, NUM_VAL, rows_of


def test_there_is_none_before_two_seeds_and_after_the_end(make_row: MakeRow) -> None:
    rows = rows_of(make_row)
    assert forecast(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows[:4])) is None
    assert forecast(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows)) is None


def test_trials_to_run_are_those_without_a_row(make_row: MakeRow) -> None:
    rows = rows_of(make_row)
    found = forecast(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows[:12]))
    assert found is not None
    low, high = found.trials.low, found.trials.high
    assert 0 <= low <= found.trials.middle <= high <= 48 - 12
    ahead = rows[16:40]  # the fourth seed of nobody is there
    fewer = forecast(Race(IDS, KNOWN, num_val=NUM_VAL, rows=[*rows[:12], *ahead]))
    assert fewer is not None
    assert fewer.trials.high <= max(high - 20, 48 - 36)


def test_time_is_that_of_the_trials_so_far_over_those_at_a_time() -> None:
    found = Forecast(trials=Estimate(30.0, 20.0, 60.0), undecided=0.0)
    assert found.timed([None, 2.0, 4.0], 2).seconds == (45.0, 30.0, 90.0)
    assert found.timed([None], 2).seconds is None


@pytest.mark.parametrize(("decided", "says"), [([1.0] * 50, ""), ([0.0, 1.0] * 25, "; in 50% of such races")])
def test_forecast_says_how_often_seeds_run_out(decided: list[float], says: str) -> None:
    found = Forecast.of(Ends(np.full(50, 7.0), np.array(decided)), num_there=2).timed([1.0], 1)
    assert str(found).startswith("about 5 trials (95% interval 5 to 5), which take 0:05 (0:05 to 0:05)")
    assert says in str(found)
