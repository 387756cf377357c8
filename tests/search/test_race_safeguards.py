"""Each safeguard of a race is needed: with any one removed, the test that is named beside it fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("mnist_sweep", "tests", "pyproject.toml")


class Safeguard(NamedTuple):
    """A line of the package, what it is without the safeguard, and the test that notices."""

    module: str
    line: str
    removed: str
    test: str


ELIMINATION, PAIRS = "statistics/elimination.py", "statistics/race_evidence.py"
MARGINS, RACE = "statistics/image_margins.py", "search/race.py"
RUN, TRIALS = "sweep/execution.py", "sweep/remaining_trials.py"
SAFEGUARDS = {
    "variance has a floor for rounding": Safeguard(
        ELIMINATION,
        "np.maximum(step**2 / 6, np",
        "np.maximum(0 * step, np",
        "elimination::test_equal_differences",
    ),
    "a pair has a variance of its own": Safeguard(
        ELIMINATION,
        "variance = self._squares[at] / np.maximum(self.num_seeds[at] - 1, 1)",
        "variance = 0 * self._squares[at] + self._squares.sum() / np.maximum(self.num_seeds - 1, 1).sum()",
        "elimination::test_spread_of_other_pairs",
    ),
    "a variance is that of a sample": Safeguard(
        ELIMINATION,
        "/ np.maximum(self.num_seeds[at] - 1, 1)",
        "/ np.maximum(self.num_seeds[at], 1)",
        "elimination::test_evidence_is_that_of_the_leads",
    ),
    "evidence is a mean over all rivals": Safeguard(
        ELIMINATION, "within, (num_settings - 1) / error", "within, 1 / error", "elimination::test_errors_stay_below"
    ),
    "sets of settings are tested, too": Safeguard(
        ELIMINATION,
        "(total >= needed[:, None])",
        "(total >= self._threshold)",
        "elimination::test_evidence_stays_also_in_the_round",
    ),
    "evidence of a rival that is out is frozen": Safeguard(
        ELIMINATION,
        "np.where(self.remaining, self.pending, np.nan)",
        "self.pending",
        "elimination::test_evidence_stays_also_in_the_round",
    ),
    "a setting that is out takes no more": Safeguard(
        ELIMINATION,
        "self.remaining & ~self.parked & ~self.is_decided",
        "~self.parked & ~self.is_decided",
        "elimination::test_evidence_of_a_rival_stays",
    ),
    "a sweep that is decided takes no more": Safeguard(
        ELIMINATION,
        "self.remaining & ~self.parked & ~self.is_decided[:, None]",
        "self.remaining & ~self.parked",
        "elimination::test_a_decided_sweep",
    ),
    "a setting within D of all others takes no more, so that its evidence stays": Safeguard(
        ELIMINATION,
        "self.remaining & ~self.parked & ~self.is_decided",
        "self.remaining & ~self.is_decided",
        "elimination::test_setting_that_is_within_d_of_all_others",
    ),
    "but of all others, not of some": Safeguard(
        ELIMINATION,
        "not_shown.any(axis=1) | not_shown.any(axis=2)",
        "not_shown.any(axis=1)",
        "elimination::test_setting_that_is_within_d",
    ),
    "nobody is within D for good by margins that may grow": Safeguard(
        ELIMINATION, "if not self.pairs.margin.any():", "if True:", "elimination::test_margins_that_may_grow"
    ),
    "only runs of one seed are compared": Safeguard(
        ELIMINATION,
        "        self.pending[:] = np.nan\n        if not",
        "        if not",
        "elimination::test_a_lacking_accuracy",
    ),
    "a lacking accuracy is no accuracy": Safeguard(
        ELIMINATION,
        "leads[:, setting] = np.nan",
        "leads = np.nan_to_num(leads)\n        leads[:, setting] = np.nan",
        "elimination::test_a_lacking_accuracy",
    ),
    "one setting always remains": Safeguard(
        ELIMINATION,
        "worse[np.arange(len(sweeps))[all_worse], least[all_worse]] = False",
        "pass",
        "elimination::test_one_setting",
    ),
    "all that remain are within D": Safeguard(
        ELIMINATION,
        "shown.max(axis=(1, 2))",
        "np.where(pairs, shown, np.inf).min(axis=(1, 2))",
        "elimination::test_within_needs_the_evidence",
    ),
    "within D has its share of the error": Safeguard(
        ELIMINATION,
        "else self._threshold)",
        "else 1 / 0.05)",
        "elimination::test_distance_of_more_settings",
    ),
    "only images are lacking where no seeds can help": Safeguard(
        ELIMINATION,
        "self.limited |= ~self.is_decided & none_leaves &",
        "self.limited |= ~self.is_decided &",
        "race_images::test_seeds_are_no_longer_added",
    ),
    "bets are the evidence where nothing is assumed": Safeguard(
        ELIMINATION, 'if assume == "any":', "if False:", "elimination::test_error_holds_for_runs_of_any_shape"
    ),
    "within D counts a lead, whoever has it": Safeguard(
        PAIRS, "np.abs(known.mean) + room", "known.mean + room", "elimination::test_errors_stay_below"
    ),
    "two seeds are needed": Safeguard(
        PAIRS, "MIN_SEEDS = 2", "MIN_SEEDS = 1", "race_evidence::test_mean_with_an_evidence"
    ),
    "effects are of one sign": Safeguard(
        PAIRS, "np.log(2 * (1 - tail))", "0.0", "race_evidence::test_evidence_is_the_ratio"
    ),
    "spreads are not known": Safeguard(
        PAIRS, "0.5 * n * np.log((1 + x) / q)", "0.5 * (x - x / g)", "race_evidence::test_evidence_is_the_ratio"
    ),
    "leads exceed the images' margin": Safeguard(
        PAIRS, "sign * mean - margin", "sign * mean", "race_evidence::test_margin_is_subtracted"
    ),
    "within D leaves room for the images' margin": Safeguard(
        PAIRS,
        "* np.sqrt(known.variance) + self.margin)",
        "* np.sqrt(known.variance))",
        "race_evidence::test_margin_is_subtracted",
    ),
    "bets are judged after whole rounds": Safeguard(
        PAIRS,
        "holds_after_rows = False",
        "holds_after_rows = True",
        "race_evidence::test_settings_leave_at_the_end",
    ),
    "bettors start with 1 together": Safeguard(
        PAIRS, "STARTS = np.array([1 / 2,", "STARTS = np.array([1,", "race_evidence::test_nobody_gains"
    ),
    "bets show both sides of within D": Safeguard(
        PAIRS,
        "np.minimum(logs, np.swapaxes(logs, -1, -2))",
        "logs",
        "race_evidence::test_distance_is_one_of_those",
    ),
    "a bettor loses no more than everything": Safeguard(
        PAIRS,
        "(leads - self._deltas[:, None]) / (1 + self._deltas[:, None])",
        "leads - self._deltas[:, None]",
        "race_evidence::test_distance_is_one_of_those",
    ),
    "images' margins hold for all rivals": Safeguard(
        MARGINS, "error / (2 * (num_settings - 1))", "error / 2", "image_margins::test_more_settings"
    ),
    "few seeds add to the images' margin": Safeguard(
        MARGINS, "return now, ever", "return ever, ever", "image_margins::test_more_seeds_lower"
    ),
    "a setting without runs has no margin yet": Safeguard(
        MARGINS, "np.where(np.isnan(one), np.inf, one)", "np.nan_to_num(one)", "image_margins::test_nothing_is_known"
    ),
    "few images have a wider margin": Safeguard(
        MARGINS, "stdtrit(num_images - 1,", "stdtrit(1e9,", "image_margins::test_more_settings_and_fewer"
    ),
    "runs without a value show no images": Safeguard(
        RACE,
        "self.by_image and not math.isnan(value)",
        "self.by_image",
        "race_images::test_a_setting_without_accuracies",
    ),
    "an answer for new images assumes alike runs": Safeguard(
        RACE,
        'require(self.images == "these" or self.assume == "alike", rule, assume=self.assume)',
        "pass",
        "race_images::test_an_answer_for_new_images",
    ),
    "values of any shape lie between known limits": Safeguard(
        RACE,
        'require(measure.is_share or self.assume == "alike", rule,',
        "require(True, rule,",
        "race::test_what_a_value_does_not_allow",
    ),
    "less is better where it is": Safeguard(RACE, "self.measure.score(value)", "value", "race::test_what_is_minimised"),
    "no scheduler stops trials": Safeguard(
        RUN, 'require(scheduler == "fifo" and stop is None,', "require(True,", "races::test_what_cannot_be_raced"
    ),
    "configs of a search have other seeds than found them": Safeguard(
        TRIALS,
        "search.base.seed + 1 if search",
        "search.base.seed if search",
        "races::test_configs_that_a_search_has_found",
    ),
    "seeds and images share the error": Safeguard(
        RACE, "else self.error / 2", "else self.error", "race_images::test_seeds_and_images_share"
    ),
    "images have the other half of the error": Safeguard(
        RACE,
        "self.num_val, self.known.error / 2)",
        "self.num_val, self.known.error)",
        "race_images::test_seeds_and_images_share",
    ),
    "rows beyond those of a setting within the difference do not count": Safeguard(
        RACE,
        "self.closed.setdefault(self.settings[index], len(self.rounds))",
        "pass",
        "race::test_setting_that_is_within",
    ),
    "rows are taken in one order": Safeguard(
        RACE,
        "is None:\n                    return",
        "is None:\n                    self.num_taken += 1\n                    continue",
        "race::test_a_row_that_is_lacking",
    ),
    "runs that did not end have no accuracy": Safeguard(
        RACE, "if row.status is Status.OK and", "if", "race::test_failed_and_diverged"
    ),
    "settings without accuracies leave": Safeguard(
        RACE, "if setting not in self._has_value and num", "if False and num", "race::test_setting_without_any_accuracy"
    ),
    "but not before bad luck is unlikely": Safeguard(
        RACE, "math.ceil(-math.log2(self.error))", "0", "race::test_setting_without_any_accuracy"
    ),
    "seeds beyond the last one do not count": Safeguard(
        RACE, "- self.first_seed < self.known.max_seeds", "- self.first_seed < 1000", "race::test_rows_of_other_configs"
    ),
    "seeds by which configs were found do not count": Safeguard(
        RACE, 'and 0 <= row.config["seed"]', 'and -9 <= row.config["seed"]', "race::test_seeds_before_the_first"
    ),
    "other values have the step that was seen": Safeguard(
        ELIMINATION,
        "np.isinf(step), self._delta,",
        "np.isinf(step), 0.0,",
        "elimination::test_values_that_are_all_equal",
    ),
    "equal differences of coarse values are no proof": Safeguard(
        ELIMINATION, "if self._resolution:", "if False:", "elimination::test_equal_differences_of_coarse"
    ),
    "within D asks more of values that may be skewed": Safeguard(
        ELIMINATION, "SKEWED = 2.0", "SKEWED = 1.0", "elimination::test_within_needs_twice"
    ),
    "rounding of float32 is no step": Safeguard(
        ELIMINATION, "ROUNDING = 2.0**-23", "ROUNDING = 0.0", "elimination::test_rounding_of_float32"
    ),
    "an accuracy has the step of an image": Safeguard(
        RACE,
        "1 / num_val if measure.is_accuracy else None",
        "0.0 if measure.is_accuracy else None",
        "race::test_leads_of_whole",
    ),
}
PLACES = {"race": "search", "race_images": "search", "races": "sweep"}


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_safeguards_are_found(name: str) -> None:
    module, line, removed, test = SAFEGUARDS[name]
    file, begins = _test(test)
    assert (ROOT / "mnist_sweep" / module).read_text().count(line) == 1
    assert line != removed
    assert f"def {begins}" in (ROOT / file).read_text()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", SAFEGUARDS)
def test_without_a_safeguard_its_test_fails(name: str, copy: Path) -> None:
    module, line, removed, test = SAFEGUARDS[name]
    file, begins = _test(test)
    place = copy / "mnist_sweep" / module
    whole = place.read_text()
    place.write_text(whole.replace(line, removed))
    options = ["-n", "0", "-m", "", "-p", "no:randomly", "-p", "no:cacheprovider", "-k", begins]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, file]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    place.write_text(whole)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-2000:]
    assert "FAILED" in done.stdout


def _test(name: str) -> tuple[str, str]:
    """Return the file of a test, and how the test's name begins."""
    module, begins = name.split("::")
    return f"tests/{PLACES.get(module, 'statistics')}/test_{module}.py", begins
