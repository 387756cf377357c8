"""Laws of the view of a race: who remains comes first, then who is out, and the answer last."""

import io
from collections.abc import Callable

from rich.console import Console

from mnist_sweep import TrialRow
from mnist_sweep.cli.views import race as view
from mnist_sweep.search.race import Race
from mnist_sweep.search.race_summary import summary
from tests.search.races import IDS, KNOWN, NUM_VAL, rows_of


def shown(race: Race, width: int = 140) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(*view.parts(summary(race)), sep="\n", soft_wrap=True)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_settings_are_listed_with_their_state_and_then_the_answer(make_row: Callable[..., TrialRow]) -> None:
    lines = shown(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows_of(make_row)))
    assert lines[0] == "race"
    assert [line.split()[0] for line in lines[2:6]] == [
        f"learning_rate={rate}" for rate in ("0.1", "0.3", "0.4", "0.2")
    ]
    assert lines[2].endswith("remains")
    assert "points worse than" in lines[5]
    assert lines[6].startswith("Of 4 configs, 2 remain within 2 points")


def test_a_narrow_terminal_folds_the_state_and_not_the_config(make_row: Callable[..., TrialRow]) -> None:
    lines = shown(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows_of(make_row)), width=70)
    configs = [line.split()[0] for line in lines if line.startswith("learning_rate")]
    assert configs == [f"learning_rate={rate}" for rate in ("0.1", "0.3", "0.4", "0.2")]
    last = lines[[line.startswith("learning_rate=0.2") for line in lines].index(True) :]
    assert "out after 4 seeds: 20.45 points worse than" in " ".join(" ".join(last).split())


def test_a_race_that_goes_on_shows_its_forecast_last(make_row: Callable[..., TrialRow]) -> None:
    lines = shown(Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows_of(make_row, 3)))
    assert lines[-1].startswith("to run: about ")


def test_a_race_without_rows_can_be_shown() -> None:
    assert shown(Race(IDS, KNOWN, num_val=NUM_VAL)) == ["No trial of the race has finished."]
