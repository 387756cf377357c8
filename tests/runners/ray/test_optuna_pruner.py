"""Laws of pruners among the schedulers."""

from optuna.pruners import ThresholdPruner

from tests.runners.ray.test_user_scheduler import given_decisions, message


def test_a_pruner_learns_no_step_twice_and_stops_nothing_at_the_end() -> None:
    messages = [message(100, 0.9), message(100, 0.1), message(200, 0.1), message(300, 0.9), message(1600, 0.1)]
    decisions = given_decisions(ThresholdPruner(lower=0.5), None, *messages)
    assert decisions == ["CONTINUE", "CONTINUE", "STOP", "CONTINUE", "CONTINUE"]
