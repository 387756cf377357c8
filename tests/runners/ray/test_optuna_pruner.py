"""Laws of pruners among the schedulers."""

from optuna.pruners import MedianPruner, ThresholdPruner

from tests.runners.ray.test_run_scheduler import TuneTrial, controller, given_decisions, given_scheduler, message


def test_a_pruner_learns_no_step_twice_and_stops_nothing_at_the_end() -> None:
    messages = [message(100, 0.9), message(100, 0.1), message(200, 0.1), message(300, 0.9), message(1600, 0.1)]
    decisions = given_decisions(ThresholdPruner(lower=0.5), None, *messages)
    assert decisions == ["CONTINUE", "CONTINUE", "STOP", "CONTINUE", "CONTINUE"]


def test_a_pruner_knows_what_a_trial_reached_before_it_lost_its_worker() -> None:
    given, tune, trial = given_scheduler(MedianPruner(n_startup_trials=1)), controller(), TuneTrial.of("lost")
    rival = TuneTrial.of("rival")
    given.on_trial_add(tune, rival)
    for step in (100, 200):
        given.on_trial_result(tune, rival, message(step, 0.5))
    given.on_trial_complete(tune, rival, {})
    given.on_trial_add(tune, trial)
    assert given.on_trial_result(tune, trial, message(100, 0.9)) == "CONTINUE"
    given.on_trial_error(tune, trial)
    given.on_trial_add(tune, trial)
    assert given.on_trial_result(tune, trial, message(200, 0.2)) == "CONTINUE"  # since its best is 0.9
