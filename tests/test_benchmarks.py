"""Laws of the contests; none of them is held here, and nothing is timed."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks import moments, plans, race, race_allocation, race_contest, race_rules
from tests.benchmarks.__main__ import CONTESTS
from tests.benchmarks.contest import OURS, ROOT, Contest, Goal, hold, ratio, ratio_to_best, report

PAIR = Contest(
    name="pair",
    work="nothing",
    size=3,
    contestants={OURS: lambda folder, size: {}, "peer": lambda folder, size: {}},
    goals=(Goal(says="peer / ours", of=ratio("peer"), at_least=2),),
)


@pytest.mark.parametrize("name", CONTESTS)
def test_every_contest_has_us_and_a_goal_but_for_the_profile(name: str) -> None:
    assert OURS in CONTESTS[name].contestants
    has_goal = any(goal.at_least is not None or goal.at_most is not None for goal in CONTESTS[name].goals)
    assert has_goal != (CONTESTS[name] is moments.CONTEST)


def test_contestants_pay_only_for_their_own_imports() -> None:
    heavy = {"keras", "pandas", "ray", "scipy", "tensorflow"}
    program = f"import sys, tests.benchmarks.__main__; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("seconds", "whole", "verdict"),
    [
        ([9.0, 1.0, 2.5], True, "2.5 (min 1, max 9, n = 3); at least 2 is asked for: met"),
        ([9.0, 1.0, 1.5], True, "1.5 (min 1, max 9, n = 3); at least 2 is asked for: missed"),
        ([9.0], False, "9 (min 9, max 9, n = 1); at least 2 is asked for: not answered by a smaller run"),
    ],
)
def test_goal_is_judged_by_the_median_of_whole_rounds(seconds: list[float], whole: bool, verdict: str) -> None:
    runs = [
        {"round": number, "contestant": name, "seconds": taken}
        for number, theirs in enumerate(seconds, start=1)
        for name, taken in ((OURS, 1.0), ("peer", theirs))
    ]
    assert report(PAIR, pd.DataFrame(runs), whole=whole)[-1] == f"peer / ours: {verdict}"


def test_goal_is_judged_only_by_rounds_that_have_its_figure() -> None:
    runs = pd.DataFrame({"round": [1, 1, 2, 2], "contestant": [OURS, "peer"] * 2, "seconds": [1, math.nan, 1, 1.5]})
    assert report(PAIR, runs, whole=True)[-1].endswith("1.5 (min 1.5, max 1.5, n = 1); at least 2 is asked for: missed")
    assert report(PAIR, runs[:2], whole=True)[-1] == "peer / ours: not measured"


def test_best_peer_is_the_fastest_that_is_not_ours() -> None:
    one = {OURS: {"seconds": 2.0}, "ours, again": {"seconds": 1.0}, "a": {"seconds": 6.0}, "b": {"seconds": 8.0}}
    assert ratio_to_best(besides=("ours, again",))(one) == 3
    assert ratio_to_best(ours="ours, again")(one) == 6


@pytest.mark.contest
def test_runs_of_another_size_are_kept_and_not_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for size in (20, 30):
        hold(CONTESTS["tables"], rounds=1, size=size, results=tmp_path)
    assert pd.read_csv(tmp_path / "tables.csv")["size"].tolist() == [20, 30]
    assert "n = 2" not in capsys.readouterr().out


@pytest.mark.contest
def test_contest_that_was_interrupted_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contest = CONTESTS["tables"]
    hold(contest, rounds=1, size=20, results=tmp_path)
    first = (tmp_path / "tables.csv").read_text()
    assert len(first.splitlines()) == 2
    hold(contest, rounds=2, size=20, results=tmp_path)
    assert (tmp_path / "tables.csv").read_text().startswith(first)
    assert len((tmp_path / "tables.csv").read_text().splitlines()) == 3
    assert "not answered by a smaller run" in capsys.readouterr().out


def test_every_sweep_of_the_repository_is_planned_but_those_that_need_a_gpu() -> None:
    scripts = {path.stem for path in (Path(__file__).parents[1] / "sweeps").glob("*.py")}
    assert {setting.sweep for setting in plans.SETTINGS} == scripts - {"cifar10_resnet"}
    assert plans.Setting(sweep="a", trials=8, steps=200).options() == ["--num-trials", "8", "--steps", "200"]
    assert plans.Setting(sweep="a").options() == []


@pytest.mark.parametrize(("ratio", "verdict"), [(0.66, "beyond"), (0.67, "within"), (1.5, "within"), (1.51, "beyond")])
def test_a_plan_may_be_off_by_half_either_way(ratio: float, verdict: str) -> None:
    line = dict.fromkeys(("predicted_seconds", "real_seconds", "load_before", "load_after"), 1.0)
    assert f"{verdict} a factor of 1.5" in plans.said("a", [line | {"sweep": "a", "ratio": ratio}])


@pytest.mark.parametrize("kind", ["equal", "log-normal spreads, 1", "rounded to 2", "30% missing", "half constant"])
@pytest.mark.parametrize(("spread", "within"), [(0.0, 2.5), (1.5, 1.0), (4.0, 2.5)])
def test_races_one_by_one_end_as_all_at_once(kind: str, spread: float, within: float) -> None:
    draw = np.random.default_rng(0)
    drawn = [race.ALL_KINDS[kind](draw, draw.normal(0, spread, 8), 30) for _ in range(20)]
    given = np.array([sweep.accuracy for sweep in drawn]), within, 0.05, race.STEPS.get(kind, 0.0)
    for one, other in zip(race.one_by_one(*given), race.at_once(*given), strict=True):
        np.testing.assert_allclose(one.astype(np.float64), other.astype(np.float64))


def test_irace_drops_settings_when_friedmans_test_is_significant() -> None:
    from scipy.stats import friedmanchisquare

    draw, outcomes = np.random.default_rng(1), set()
    for _ in range(40):
        accuracy = np.round(draw.normal([[0.0], [0.2], [0.5], [0.7]], 1.0, (4, 5)), 1)
        significant = friedmanchisquare(*accuracy).pvalue < 0.05
        outcomes.add(significant)
        assert (len(race_rules.friedman_race(accuracy).kept) < 4) == significant
    assert outcomes == {False, True}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_pruner_runs_the_trials_that_optunas_own_does() -> None:
    import optuna

    for seed in range(4):
        accuracy = np.random.default_rng(seed).normal([[0.0], [0.8], [0.2], [-1.0], [1.5], [1.2]], 1.0, (6, 12))
        study = optuna.create_study(direction="maximize", pruner=optuna.pruners.WilcoxonPruner())
        for row in accuracy:
            trial, pruned = study.ask(), False
            for step, value in enumerate(row):
                trial.report(value, step)
                if pruned := trial.should_prune():
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    break
            if not pruned:
                study.tell(trial, row.mean())
        end = race_rules.wilcoxon_pruner(accuracy)
        assert end.num_trials == sum(len(trial.intermediate_values) for trial in study.trials)
        assert end.kept[0] == study.best_trial.number


def test_allocation_study_counts_the_trials_that_are_saved() -> None:
    accuracy = np.random.default_rng(0).normal(0, [[0.6], [0.6], [0.01]], (5, 3, 60))
    every, parked = (race_allocation.run(accuracy, np.zeros((5, 3)), 0.05, parks=parks) for parks in (False, True))
    assert every["decided"].all()
    assert (parked["trials"] <= every["trials"]).all()
    assert parked["trials"].sum() < every["trials"].sum()


def test_settings_far_apart_are_settled_by_either_rule_and_the_best_is_kept() -> None:
    draw = np.random.default_rng(0)
    mean = draw.permuted(np.tile([0.0, 0.2, 5.0, 9.0], (20, 1)), axis=1)
    draws = race_contest.Draws(draw.normal(mean[..., None], 0.05, (20, 4, 12)), mean)
    for one in (race_contest.ours(draws), race_contest.fixed(draws, 6)):
        figures = race_contest.figures(draws, one)
        assert (figures["settled"], figures["best_lost"], figures["off_by_more"]) == (1, 0, 0)
        assert {len(kept) for kept in one.kept} == {1}


def test_tables_of_the_documents_are_those_of_the_measured_lines() -> None:
    document = (race.FOLDER / "README.md").read_text()
    assert "\n".join(race.table()) in document
    assert "\n".join(race_contest.table()) in document
