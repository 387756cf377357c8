"""Laws of simulating forward: what is far apart ends soon, what is alike does not, and intervals cover the truth."""

import numpy as np

from mnist_sweep.statistics.elimination import Assumption, Elimination
from mnist_sweep.statistics.race_simulation import Spreads, from_seen, from_spreads
from tests.benchmarks.race_forecast import simulate

MAX_SEEDS = 30


def state(means: list[float], num_seeds: int, assume: Assumption = "alike") -> Elimination:
    found, draw = Elimination(len(means), within=0.002, error=0.05, assume=assume), np.random.default_rng(0)
    for _ in range(num_seeds):
        for setting, mean in enumerate(means):
            found.add(setting, np.array([mean + draw.normal(0, 0.01)]))
        found.end_round()
    return found


def test_far_apart_settings_end_sooner_than_those_that_are_alike() -> None:
    far, alike = (from_seen(state(means, 2), 6, MAX_SEEDS) for means in ([0.9, 0.5, 0.6], [0.9, 0.9, 0.9]))
    assert far is not None
    assert alike is not None
    assert np.median(far.num_trials) < 18 < np.median(alike.num_trials)
    assert far.decided.all()


def test_nothing_is_simulated_from_one_seed() -> None:
    assert from_seen(state([0.9, 0.5, 0.6], 1), 3, MAX_SEEDS) is None


def test_the_state_itself_stays_as_it_was() -> None:
    for assume in ("alike", "any"):
        found = state([0.9, 0.9], 4, assume)
        before = found.num_seeds.copy(), found.remaining.copy(), found.evidence.copy()
        assert from_seen(found, 8, MAX_SEEDS) is not None
        for was, now in zip(before, (found.num_seeds, found.remaining, found.evidence), strict=True):
            np.testing.assert_array_equal(was, now)


def test_a_round_that_has_begun_is_ended_first() -> None:
    found = state([0.9, 0.9], 4)
    found.add(0, np.array([0.9]))
    ends = from_seen(found, 9, 5)
    assert ends is not None
    assert ends.num_trials.tolist() == [1.0] * len(ends.num_trials)


def test_no_more_than_all_seeds_are_run() -> None:
    ends = from_spreads(Elimination(4, within=1e-6, error=0.05), 0, 7, Spreads(0.01, 0.0))
    assert ends.num_trials.max() == 28
    assert not ends.decided.all()


def test_settings_whose_means_differ_more_end_sooner() -> None:
    near, far = (
        from_spreads(Elimination(4, within=0.005, error=0.05), 0, 30, Spreads(0.01, spread)) for spread in (0.0, 0.2)
    )
    assert np.median(far.num_trials) < 30 < np.median(near.num_trials)


def test_intervals_of_the_trials_to_run_cover() -> None:
    assert simulate(3, "equal", "spread", (2,), 30)[2]["covered"] >= 0.8
